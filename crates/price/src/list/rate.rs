use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::PriceEntry;

/// How the buyer is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// Not at all.
    OnDemand,
    /// By a reservation.
    Reserved,
    /// By a promise to spend.
    SavingsPlan,
    /// Not at all, and neither is the provider.
    Spot,
    /// A price for development and tests only.
    DevTest,
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::OnDemand => "on demand",
            Self::Reserved => "reserved",
            Self::SavingsPlan => "savings plan",
            Self::Spot => "spot",
            Self::DevTest => "dev/test",
        })
    }
}

/// One published price with its full key. What a list does not say is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// `provider/region/what`: the instance type where there is one, else the price id.
    pub name: String,
    /// `aws`, `azure`, `gcp`, or as a table of one's own says.
    pub provider: String,
    /// Service, as the provider names it.
    pub service: String,
    /// Region, as the provider names it.
    pub region: String,
    /// The provider's own id of this price: rate code, meter or SKU.
    pub sku: String,
    /// Instance type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Usage type or meter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_type: Option<String>,
    /// Operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Operating system that the price includes, in small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Software that the price includes besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Whose hardware: `shared`, `dedicated`, `host`, in small letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<String>,
    /// How the buyer is bound.
    pub term: Term,
    /// For how long and how it is paid, where bound: `1yr standard no upfront`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term_details: Option<String>,
    /// What the price is for one of: an hour, a gibibyte, a whole year of a reservation.
    pub unit: String,
    /// The price of one unit; a decimal string.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub price: Decimal,
    /// Its currency.
    pub currency: String,
    /// Units used before from which on this price holds; a decimal string.
    #[serde(with = "rust_decimal::serde::str")]
    #[schemars(with = "String")]
    pub tier_begin: Decimal,
    /// Units from which on another price holds, where the list says it; a decimal string.
    #[serde(
        default,
        with = "rust_decimal::serde::str_option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub tier_end: Option<Decimal>,
    /// Over what units are counted for the tiers, and when counting begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_scope: Option<String>,
    /// First instant at which the price holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// First instant at which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// The provider's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Rate {
    /// A rate of the least that every list says; the rest is absent.
    pub(super) fn new(provider: &str, region: &str, sku: &str) -> Self {
        Self {
            name: String::new(),
            provider: provider.to_owned(),
            service: String::new(),
            region: region.to_owned(),
            sku: sku.to_owned(),
            instance: None,
            usage_type: None,
            operation: None,
            operating_system: None,
            software: None,
            tenancy: None,
            term: Term::OnDemand,
            term_details: None,
            unit: String::new(),
            price: Decimal::ZERO,
            currency: String::new(),
            tier_begin: Decimal::ZERO,
            tier_end: None,
            tier_scope: None,
            valid_from: None,
            valid_to: None,
            description: None,
        }
    }

    /// Gives the rate its name, from what it has.
    pub(super) fn named(mut self) -> Self {
        let what = self.instance.as_deref().unwrap_or(&self.sku);
        self.name = format!("{}/{}/{what}", self.provider, self.region);
        self
    }

    /// Whether this is the price that is meant where nothing more is said: on demand, Linux or
    /// no system at all, shared hardware, no software.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let is = |value: &Option<String>, plain: &str| value.as_deref().is_none_or(|v| v == plain);
        self.term == Term::OnDemand
            && is(&self.operating_system, "linux")
            && is(&self.tenancy, "shared")
            && self.software.is_none()
    }

    /// Whether the price is of one hour, in any of the providers' spellings.
    #[must_use]
    pub fn is_hourly(&self) -> bool {
        ["hour", "hours", "hrs", "1 hour", "h"]
            .iter()
            .any(|spelling| self.unit.eq_ignore_ascii_case(spelling))
    }

    /// Whether the price holds at an instant. A list without dates holds always: it says no
    /// more.
    #[must_use]
    pub fn holds_at(&self, instant: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= instant)
            && self.valid_to.is_none_or(|to| instant < to)
    }
}

impl From<&PriceEntry> for Rate {
    /// An entry of the shipped book. Its days begin at midnight UTC.
    fn from(entry: &PriceEntry) -> Self {
        let midnight = |date: jiff::civil::Date| {
            date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        };
        Self {
            service: "compute".to_owned(),
            instance: Some(entry.instance.clone()),
            operating_system: Some(entry.operating_system.clone()),
            unit: "hour".to_owned(),
            price: entry.hourly.amount,
            currency: entry.hourly.currency.to_string(),
            valid_from: entry.valid_from.and_then(midnight),
            description: Some(entry.source_line()),
            ..Self::new(&entry.provider, &entry.region, &entry.instance)
        }
        .named()
    }
}
