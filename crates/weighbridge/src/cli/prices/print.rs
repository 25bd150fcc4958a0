use anyhow::Context as _;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use weighbridge_price::PriceBook;
use weighbridge_price::list::Rate;

use super::age_in_days;
use super::shelf::{Label, Shelf};
use crate::cli::arguments::Format;
use crate::cli::spool::Spool;
use crate::cli::{output, reading};

/// Prices that a table shows.
const SHOWN: usize = 60;

/// What `price list --format json` prints.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PriceLists {
    /// Always `weighbridge.price-lists/1`.
    format: &'static str,
    /// The shipped book first, then the imported lists by name.
    lists: Vec<Listed>,
}

/// A list and how old it is.
#[derive(Serialize, JsonSchema)]
struct Listed {
    #[serde(flatten)]
    label: Label,
    /// Whole days since it was taken from the provider.
    age_days: Option<i64>,
}

/// What `price list TEXT`, `price show` and `price quote` print as JSON.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Prices {
    /// Always `weighbridge.prices/1`.
    format: &'static str,
    /// As the lists have them, in their order; of `price quote`, the one that holds.
    #[schemars(with = "Vec<Rate>")]
    prices: Spool<Rate>,
}

impl Prices {
    fn none() -> Self {
        Self { format: "weighbridge.prices/1", prices: Spool::default() }
    }
}

/// The lists themselves.
pub(super) fn lists(
    labels: &[Label],
    book: &PriceBook,
    now: Timestamp,
    format: Format,
) -> anyhow::Result<()> {
    let shipped = Label {
        name: book.name().to_owned(),
        provider: "several".to_owned(),
        source: "the book that ships with this version".to_owned(),
        published: None,
        retrieved: book.entries().map(|entry| entry.retrieved).max().unwrap_or_default(),
        prices: book.entries().count() as u64,
    };
    let listed = |label: &Label| Listed {
        age_days: age_in_days(label.retrieved, now),
        label: label.clone(),
    };
    let lists = std::iter::once(&shipped).chain(labels).map(listed).collect();
    let document = PriceLists { format: "weighbridge.price-lists/1", lists };
    let row = |listed: &Listed| {
        let label = &listed.label;
        let age = listed.age_days.map(|days| days.to_string()).unwrap_or_default();
        [
            &label.name,
            &label.provider,
            &label.prices.to_string(),
            &label.retrieved.to_string(),
            &age,
            &label.source,
        ]
        .map(Clone::clone)
        .to_vec()
    };
    const HEADER: [&str; 6] = ["list", "provider", "prices", "retrieved", "days old", "source"];
    let rows = || document.lists.iter().map(row).collect::<Vec<_>>();
    match format {
        Format::Json => output::write_json(&document),
        Format::Table => output::write_text(&reading::table(&HEADER, rows())),
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows())?),
    }
}

const PRICES_HEADER: [&str; 8] =
    ["name", "price", "currency", "per", "term", "system", "from", "id"];

fn row(rate: &Rate) -> Vec<String> {
    let tier = if rate.tier_begin.is_zero() && rate.tier_end.is_none() {
        String::new()
    } else {
        let end = rate.tier_end.map(|end| end.to_string()).unwrap_or_default();
        format!(" {}..{end}", rate.tier_begin)
    };
    vec![
        rate.name.clone(),
        rate.price.to_string(),
        rate.currency.clone(),
        format!("{}{tier}", rate.unit),
        rate.term.to_string(),
        rate.operating_system.clone().unwrap_or_default(),
        rate.valid_from.map(|from| from.to_string()).unwrap_or_default(),
        rate.sku.clone(),
    ]
}

/// The prices that `wanted` picks, one a row.
pub(super) fn prices(
    shelf: &Shelf,
    format: Format,
    wanted: &dyn Fn(&Rate) -> bool,
) -> anyhow::Result<()> {
    let mut document = Prices::none();
    let mut count: usize = 0;
    if format == Format::Csv {
        output::write_text(&PRICES_HEADER.join(","))?;
    }
    shelf.each(&mut |rate| {
        if !wanted(&rate) {
            return Ok(());
        }
        count += 1;
        match format {
            Format::Csv => {
                let text = reading::csv(&PRICES_HEADER, &[row(&rate)])?;
                output::write_text(text.lines().nth(1).unwrap_or_default())?;
            }
            Format::Json => document.prices.push(rate).context("cannot keep the prices aside")?,
            Format::Table => document.prices.push_first(rate, SHOWN),
        }
        Ok(())
    })?;
    match format {
        Format::Csv => Ok(()),
        Format::Json => {
            document.prices.seal()?;
            output::write_json_streamed(&document)
        }
        Format::Table if count == 0 => {
            output::write_text("no price has such a name; `weighbridge price list` names the lists")
        }
        Format::Table => {
            let shown = document.prices.first();
            let table = reading::table(&PRICES_HEADER, shown.iter().map(row).collect());
            let more = count - shown.len();
            let more = if more == 0 {
                String::new()
            } else {
                format!("and {more} more; --format csv lists all")
            };
            output::write_text(&format!("{table}{more}"))
        }
    }
}

/// Everything about the prices that `wanted` picks; says how many there are.
pub(super) fn facts(
    shelf: &Shelf,
    format: Format,
    wanted: &dyn Fn(&Rate) -> bool,
) -> anyhow::Result<usize> {
    let mut found = Vec::new();
    shelf.each(&mut |rate| {
        if wanted(&rate) {
            found.push(rate);
        }
        Ok(())
    })?;
    if found.is_empty() {
        return Ok(0);
    }
    match format {
        Format::Table => {
            let blocks = found.iter().map(block).collect::<anyhow::Result<Vec<_>>>()?;
            output::write_text(&blocks.join("\n"))?;
        }
        Format::Csv => {
            let rows: Vec<_> = found.iter().map(row).collect();
            output::write_text(&reading::csv(&PRICES_HEADER, &rows)?)?;
        }
        Format::Json => write_all(&found)?,
    }
    Ok(found.len())
}

/// One price.
pub(super) fn quote(rate: &Rate, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => write_all(std::slice::from_ref(rate)),
        Format::Csv => output::write_text(&reading::csv(&PRICES_HEADER, &[row(rate)])?),
        Format::Table => {
            let summary = format!("{} {} per {}", rate.price, rate.currency, rate.unit);
            output::write_text(&format!("{summary}\n{}", block(rate)?))
        }
    }
}

fn write_all(rates: &[Rate]) -> anyhow::Result<()> {
    let mut document = Prices::none();
    for rate in rates {
        document.prices.push(rate.clone())?;
    }
    document.prices.seal()?;
    output::write_json_streamed(&document)
}

/// The fields that a price has, one a line.
fn block(rate: &Rate) -> anyhow::Result<String> {
    let value = serde_json::to_value(rate).context("cannot print a price")?;
    let fields = value.as_object().into_iter().flatten();
    let line = |(name, value): (&String, &serde_json::Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("  {:<17} {text}\n", name.replace('_', " "))
    };
    Ok(fields.map(line).collect())
}
