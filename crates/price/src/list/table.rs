//! Prices of one's own as a table: hosts on the premises, negotiated prices.

use std::io::{BufReader, Read};

use jiff::Timestamp;
use weighbridge_experiment::Currency;

use super::amount;
use super::error::ListError;
use super::rate::{Rate, Term};
use super::stream::Sink;
use crate::bill::records::{Record, Records};

/// Columns that a table must have.
const NEEDED: [&str; 6] = ["provider", "region", "sku", "unit", "price", "currency"];
/// Columns that it may have besides.
const ALLOWED: [&str; 13] = [
    "service",
    "instance",
    "usage_type",
    "operation",
    "operating_system",
    "software",
    "tenancy",
    "term",
    "tier_begin",
    "tier_end",
    "valid_from",
    "valid_to",
    "description",
];

/// Reads a table with a header, price by price. The columns are the fields of [`Rate`] but
/// its name; `provider`, `region`, `sku`, `unit`, `price` and `currency` are needed.
///
/// # Errors
///
/// [`ListError::Line`] with the line and what is wrong.
pub fn read_csv(reader: impl Read, sink: Sink<'_, Rate>) -> Result<(), ListError> {
    let mut records = Records::new(BufReader::new(reader));
    let mut record = Record::default();
    let mut header: Vec<String> = Vec::new();
    loop {
        let more = records.next(&mut record);
        let line = record.line();
        let wrong = |reason: String| ListError::Line { line, reason };
        if !more.map_err(|error| wrong(error.to_string()))? {
            break;
        }
        let cells: Vec<String> = (0..record.len())
            .map(|index| std::str::from_utf8(record.cell(index)).map(|cell| cell.trim().to_owned()))
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        if header.is_empty() {
            header = checked_header(cells).map_err(wrong)?;
            continue;
        }
        if cells.len() != header.len() {
            let reason = format!("it has {} columns, the header {}", cells.len(), header.len());
            return Err(wrong(reason));
        }
        sink(rate(&header, &cells).map_err(wrong)?)?;
    }
    if header.is_empty() { Err(ListError::NoList("price` column in a header")) } else { Ok(()) }
}

fn checked_header(mut cells: Vec<String>) -> Result<Vec<String>, String> {
    if let Some(first) = cells.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    if let Some(missing) = NEEDED.iter().find(|needed| !cells.iter().any(|cell| cell == *needed)) {
        return Err(format!("there is no column `{missing}`"));
    }
    let known =
        |cell: &&String| NEEDED.contains(&cell.as_str()) || ALLOWED.contains(&cell.as_str());
    // A misspelt `tier_begin` would sell everything at the first tier's price.
    if let Some(unknown) = cells.iter().find(|cell| !known(cell)) {
        return Err(format!(
            "`{unknown}` is no column of a price; there are {}, {}",
            NEEDED.join(", "),
            ALLOWED.join(", ")
        ));
    }
    Ok(cells)
}

fn rate(header: &[String], cells: &[String]) -> Result<Rate, String> {
    let cell = |name: &str| {
        let index = header.iter().position(|heading| heading == name);
        index.map(|index| cells[index].as_str()).filter(|cell| !cell.is_empty())
    };
    let needed = |name: &str| cell(name).ok_or_else(|| format!("`{name}` is empty"));
    let amount = |name: &str| {
        let read = |text| amount::read(text).map(|amount| amount.0);
        let wrong = |text| format!("`{name}` is `{text}`, which is no amount");
        cell(name).map(|text| read(text).ok_or_else(|| wrong(text))).transpose()
    };
    let instant = |name: &str| {
        let wrong = |text| format!("`{name}` is `{text}`; write it as 2026-11-20T00:00:00Z");
        cell(name).map(|text| text.parse::<Timestamp>().map_err(|_| wrong(text))).transpose()
    };
    let term = match cell("term") {
        None | Some("on_demand") => Term::OnDemand,
        Some("reserved") => Term::Reserved,
        Some("savings_plan") => Term::SavingsPlan,
        Some("spot") => Term::Spot,
        Some("dev_test") => Term::DevTest,
        Some(other) => return Err(format!("`{other}` is no term")),
    };
    let text = |name: &str| cell(name).map(str::to_owned);
    needed("price")?;
    let price = amount("price")?.unwrap_or_default();
    if price.is_sign_negative() && !price.is_zero() {
        return Err(format!("the price {price} is negative"));
    }
    let currency = Currency::new(needed("currency")?).map_err(|error| error.to_string())?;
    let (begin, end) = (amount("tier_begin")?.unwrap_or_default(), amount("tier_end")?);
    if end.is_some_and(|end| end <= begin) {
        return Err(format!("its tier from {begin} ends before it begins"));
    }
    let (from, to) = (instant("valid_from")?, instant("valid_to")?);
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        return Err("`valid_to` is not after `valid_from`".to_owned());
    }
    Ok(Rate {
        service: text("service").unwrap_or_else(|| "unknown".to_owned()),
        instance: text("instance"),
        usage_type: text("usage_type"),
        operation: text("operation"),
        operating_system: text("operating_system").map(|name| name.to_lowercase()),
        software: text("software"),
        tenancy: text("tenancy").map(|name| name.to_lowercase()),
        term,
        unit: needed("unit")?.to_owned(),
        price,
        currency: currency.to_string(),
        tier_begin: begin,
        tier_end: end,
        valid_from: from,
        valid_to: to,
        description: text("description"),
        ..Rate::new(needed("provider")?, needed("region")?, needed("sku")?)
    }
    .named())
}
