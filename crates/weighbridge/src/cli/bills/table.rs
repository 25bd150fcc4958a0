use std::path::Path;

use rust_decimal::Decimal;
use weighbridge_price::bill::{BillFormat, BillSummary, Finding, Found, Sums};

use super::document::BillCheckDocument;
use crate::cli::reading;

/// What a person wants to know of one file.
pub(super) fn summary(
    path: &Path,
    format: BillFormat,
    summary: &BillSummary,
    document: &BillCheckDocument,
) -> String {
    let differ: u64 = summary.causes.values().sum();
    let not_priced: u64 = summary.not_priced.values().sum();
    let mut blocks = vec![
        format!("{}: {format}, {} lines", path.display(), summary.lines),
        format!(
            "  {} priced: {} exact, {} differ and are explained, {} differ without an explanation\n  \
             {not_priced} not priced",
            summary.priced,
            summary.exact,
            differ - summary.unexplained(),
            summary.unexplained(),
        ),
    ];
    if summary.lines > 0 {
        blocks.push(reading::table(&MONEY_HEADER, money(summary)));
    }
    let mut why = Vec::new();
    why.extend(summary.causes.iter().map(|(cause, lines)| row("differs", *lines, cause.code())));
    why.extend(summary.not_priced.iter().map(|(code, lines)| row("not priced", *lines, code)));
    if !why.is_empty() {
        blocks.push(reading::table(&["", "lines", "why"], why));
    }
    blocks.extend(unexplained(summary, document));
    blocks.extend(damaged(summary, document));
    blocks.join("\n")
}

fn row(what: &str, lines: u64, code: &str) -> Vec<String> {
    vec![what.to_owned(), lines.to_string(), code.to_owned()]
}

const MONEY_HEADER: [&str; 5] =
    ["currency", "billed", "of it on priced lines", "computed", "difference"];

fn money(summary: &BillSummary) -> Vec<Vec<String>> {
    let sum = |amount: Option<Decimal>| {
        amount.map_or_else(|| "too large".to_owned(), |amount| amount.normalize().to_string())
    };
    let row = |(currency, sums): (&String, &Sums)| {
        let currency = currency.clone();
        if sums.priced == 0 {
            let [none, empty] = ["no line priced", ""].map(str::to_owned);
            return vec![currency, sum(sums.billed), none, empty.clone(), empty];
        }
        let difference = sums
            .billed_priced
            .zip(sums.computed)
            .and_then(|(billed, computed)| billed.checked_sub(computed));
        vec![
            currency,
            sum(sums.billed),
            sum(sums.billed_priced),
            sum(sums.computed),
            sum(difference),
        ]
    };
    summary.money.iter().map(row).collect()
}

fn unexplained(summary: &BillSummary, document: &BillCheckDocument) -> Option<String> {
    let shown = document.first_differences();
    let rows = shown.iter().map(|entry| {
        let difference = entry.billed.checked_sub(entry.computed).unwrap_or_default();
        [entry.line.to_string(), entry.billed.to_string(), entry.computed.to_string()]
            .into_iter()
            .chain([difference.normalize().to_string()])
            .collect()
    });
    let header = ["line", "billed", "computed", "difference"];
    let list = (!shown.is_empty()).then(|| reading::table(&header, rows.collect()))?;
    let more = more(summary.unexplained(), shown.len());
    Some(format!("Without an explanation\n{}{more}", list.trim_end()))
}

fn damaged(summary: &BillSummary, document: &BillCheckDocument) -> Option<String> {
    let shown = document.first_not_priced();
    let rows = shown.iter().map(|entry| vec![entry.line.to_string(), entry.why.clone()]);
    let list = (!shown.is_empty()).then(|| reading::table(&["line", "why"], rows.collect()))?;
    Some(format!("Damaged\n{}{}", list.trim_end(), more(summary.damaged, shown.len())))
}

fn more(all: u64, shown: usize) -> String {
    let rest = all.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    if rest == 0 {
        return String::new();
    }
    format!("\nand {rest} more; --format csv lists every line")
}

/// One finding as a row of `file,line,finding,billed,computed,cause`.
pub(super) fn csv_row(path: &Path, finding: &Finding) -> anyhow::Result<String> {
    let file = path.display().to_string();
    let line = finding.line.to_string();
    let (what, billed, computed, cause) = match &finding.what {
        Found::NotPriced(why) => ("not_priced", String::new(), String::new(), why.to_string()),
        Found::Difference { billed, computed, cause } => {
            ("difference", billed.to_string(), computed.to_string(), cause.code().to_owned())
        }
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record([file.as_str(), &line, what, &billed, &computed, &cause])?;
    Ok(String::from_utf8(writer.into_inner()?)?)
}
