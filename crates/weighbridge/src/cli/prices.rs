//! `weighbridge price`: the shipped book and the price lists that the user imported.

mod import;
mod partitions;
mod print;
mod shelf;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use weighbridge_price::PriceBook;
use weighbridge_price::list::{Query, Rate, Term};

use super::arguments::Format;
use super::{Outcome, UsageError};
use crate::clock::{Clock, SystemClock};
use crate::data_directory::DataDirectory;
use shelf::Shelf;

pub(super) use print::{PriceLists, Prices};

#[derive(Debug, Args)]
pub(crate) struct PriceArguments {
    #[command(subcommand)]
    command: PriceCommand,
}

#[derive(Debug, Subcommand)]
enum PriceCommand {
    /// Keep a price list that a provider published
    Import(ImportArguments),
    /// The lists there are and how old they are, or the prices whose name holds a text
    List(ListArguments),
    /// Everything that is known of the prices of one name
    Show(ShowArguments),
    /// The one price that holds at an instant
    Quote(QuoteArguments),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge price import aws AmazonEC2.json      an offer file of the AWS Price List
  weighbridge price import azure page-*.json       answers of the Azure Retail Prices API
  weighbridge price import gcp skus.json           answers of the Google Cloud Billing Catalog
  weighbridge price import csv lab.csv             your own hosts; docs/prices.md has the columns")]
struct ImportArguments {
    /// Whose format
    #[arg(value_enum)]
    from: import::From,
    /// The list; the pages of one list are given together
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The day on which it was taken from the provider [default: today]
    #[arg(long, value_name = "DATE")]
    retrieved: Option<Date>,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Part of the names that are listed; without it the lists themselves
    text: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct ShowArguments {
    /// `provider/region/what`: an instance type or the provider's id of a price
    name: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct QuoteArguments {
    /// `provider/region/what`: an instance type or the provider's id of a price
    name: String,
    /// A day, from midnight UTC, or an instant such as 2026-11-20T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Units used before, where prices have tiers
    #[arg(long, value_name = "N", default_value = "0")]
    used: Decimal,
    /// How the buyer is bound
    #[arg(long, value_enum, default_value_t)]
    term: AskedTerm,
    /// Operating system that the price includes
    #[arg(long = "os", value_name = "NAME", default_value = "linux")]
    operating_system: String,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum AskedTerm {
    #[default]
    OnDemand,
    Reserved,
    SavingsPlan,
    Spot,
    DevTest,
}

impl AskedTerm {
    fn term(self) -> Term {
        match self {
            Self::OnDemand => Term::OnDemand,
            Self::Reserved => Term::Reserved,
            Self::SavingsPlan => Term::SavingsPlan,
            Self::Spot => Term::Spot,
            Self::DevTest => Term::DevTest,
        }
    }
}

/// Answers `weighbridge price`.
pub(super) fn price(arguments: &PriceArguments) -> anyhow::Result<Outcome> {
    let shelf = Shelf::new(DataDirectory::from_environment()?.prices());
    let now = SystemClock.now();
    match &arguments.command {
        PriceCommand::Import(arguments) => {
            let today = now.to_zoned(TimeZone::UTC).date();
            import::import(&shelf, arguments, arguments.retrieved.unwrap_or(today))?;
        }
        PriceCommand::List(ListArguments { text: None, format }) => {
            print::lists(&shelf.lists()?, PriceBook::shipped(), now, *format)?;
        }
        PriceCommand::List(ListArguments { text: Some(text), format }) => {
            print::prices(&shelf, *format, &|rate: &Rate| rate.name.contains(text))?;
        }
        PriceCommand::Show(ShowArguments { name, format }) => show(&shelf, name, *format, now)?,
        PriceCommand::Quote(arguments) => quote(&shelf, arguments, now)?,
    }
    Ok(Outcome::Done)
}

fn show(shelf: &Shelf, name: &str, format: Format, now: Timestamp) -> anyhow::Result<()> {
    let is_it = |rate: &Rate| {
        rate.name == name || format!("{}/{}/{}", rate.provider, rate.region, rate.sku) == name
    };
    if print::facts(shelf, format, &is_it)? == 0 {
        // Nothing was printed: the query knows the nearest names.
        let mut query = Query::new(name, now);
        shelf.each(&mut |rate| {
            query.offer(&rate);
            Ok(())
        })?;
        query.answer()?;
    }
    Ok(())
}

fn quote(shelf: &Shelf, arguments: &QuoteArguments, now: Timestamp) -> anyhow::Result<()> {
    let at = arguments.at.as_deref().map(instant).transpose()?.unwrap_or(now);
    let mut query = Query::new(&arguments.name, at)
        .after(arguments.used)
        .under(arguments.term.term())
        .with_system(&arguments.operating_system);
    shelf.each(&mut |rate| {
        query.offer(&rate);
        Ok(())
    })?;
    print::quote(&query.answer()?, arguments.format)
}

fn instant(text: &str) -> Result<Timestamp, UsageError> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    text.parse().ok().or_else(day).ok_or_else(|| {
        UsageError(format!(
            "--at `{text}` is neither a day such as 2026-11-20 nor an instant such as \
             2026-11-20T12:00:00Z"
        ))
    })
}

/// Whole days from a day to an instant.
fn age_in_days(day: Date, now: Timestamp) -> Option<i64> {
    let begin = day.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let age: SignedDuration = now.duration_since(begin);
    Some(age.as_hours() / 24)
}
