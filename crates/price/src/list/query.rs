use jiff::Timestamp;
use rust_decimal::Decimal;
use thiserror::Error;

use super::rate::{Rate, Term};

/// Names that are proposed where one is not found.
const SUGGESTIONS: usize = 3;
/// Rates that are named where more than one fits.
const NAMED: usize = 5;

/// Which price is asked for: a name, an instant, and how much was used before.
///
/// Rates are offered one by one, so that lists larger than memory can be searched; only those
/// of the name are kept.
#[derive(Debug, Clone)]
pub struct Query {
    name: String,
    at: Timestamp,
    used: Decimal,
    term: Term,
    operating_system: String,
    fitting: Vec<Rate>,
    nearest: Vec<(usize, String)>,
}

/// Why there is no price. None is ever guessed, and none is ever 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuoteError {
    /// No list has the name.
    #[error("no list has a price called `{name}`; {}", nearest_names(nearest))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest names, nearest first.
        nearest: Vec<String>,
    },
    /// The name has prices, but not under these conditions.
    #[error("`{name}` has no price {what}; it has {has}")]
    NotUnderTheseConditions {
        /// What was asked for.
        name: String,
        /// Under which conditions.
        what: String,
        /// What there is.
        has: String,
    },
    /// No tier holds the quantity.
    #[error("`{name}` has no tier that holds {used} units; its list has a gap there")]
    TierGap {
        /// What was asked for.
        name: String,
        /// Units used before.
        used: Decimal,
    },
    /// Several prices fit.
    #[error("`{name}` has several prices; ask by one of these ids in its last part: {ids}")]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their ids.
        ids: String,
    },
}

fn nearest_names(nearest: &[String]) -> String {
    match nearest {
        [] => "there is none at all".to_owned(),
        names => format!("the nearest are {}", names.join(", ")),
    }
}

impl Query {
    /// Asks for `provider/region/what`, where `what` is an instance type or the id of a price.
    #[must_use]
    pub fn new(name: &str, at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            at,
            used: Decimal::ZERO,
            term: Term::OnDemand,
            operating_system: "linux".to_owned(),
            fitting: Vec::new(),
            nearest: Vec::new(),
        }
    }

    /// The price of the next unit after so many, where prices have tiers.
    #[must_use]
    pub fn after(self, used: Decimal) -> Self {
        Self { used, ..self }
    }

    /// Under another term than on demand.
    #[must_use]
    pub fn under(self, term: Term) -> Self {
        Self { term, ..self }
    }

    /// With another operating system than Linux.
    #[must_use]
    pub fn with_system(self, name: &str) -> Self {
        Self { operating_system: name.to_lowercase(), ..self }
    }

    /// Looks at one rate.
    pub fn offer(&mut self, rate: &Rate) {
        if rate.name == self.name || self.is_id_of(rate) {
            self.fitting.push(rate.clone());
        } else if self.fitting.is_empty() {
            self.remember(&rate.name);
        }
    }

    fn is_id_of(&self, rate: &Rate) -> bool {
        let rest = self.name.strip_prefix(&rate.provider).and_then(|rest| rest.strip_prefix('/'));
        let rest = rest.and_then(|rest| rest.strip_prefix(&rate.region));
        rest.and_then(|rest| rest.strip_prefix('/')) == Some(&rate.sku)
    }

    fn remember(&mut self, name: &str) {
        if self.nearest.iter().any(|(_, known)| known == name) {
            return;
        }
        let distance = strsim::damerau_levenshtein(&self.name, name);
        self.nearest.push((distance, name.to_owned()));
        self.nearest.sort();
        self.nearest.truncate(SUGGESTIONS);
    }

    /// The one rate that holds.
    ///
    /// # Errors
    ///
    /// [`QuoteError`] with what there is instead.
    pub fn answer(self) -> Result<Rate, QuoteError> {
        let name = self.name.clone();
        if self.fitting.is_empty() {
            let nearest = self.nearest.into_iter().map(|(_, name)| name).collect();
            return Err(QuoteError::Unknown { name, nearest });
        }
        let mut rates: Vec<&Rate> = self
            .fitting
            .iter()
            .filter(|rate| self.is_id_of(rate) || self.is_wanted(rate))
            .collect();
        if rates.is_empty() {
            let what = format!("{} with {}", self.term, self.operating_system);
            return Err(self.not_under(what));
        }
        rates.retain(|rate| rate.holds_at(self.at));
        // A later price of the same key ends the one before it.
        let latest = rates.iter().map(|rate| rate.valid_from).max().flatten();
        rates.retain(|rate| rate.valid_from == latest);
        if rates.is_empty() {
            return Err(self.not_under(format!("at {}", self.at)));
        }
        rates.retain(|rate| {
            rate.tier_begin <= self.used && rate.tier_end.is_none_or(|end| self.used < end)
        });
        let highest = rates.iter().map(|rate| rate.tier_begin).max();
        rates.retain(|rate| Some(rate.tier_begin) == highest);
        match rates.as_slice() {
            [] => Err(QuoteError::TierGap { name, used: self.used }),
            [only] => Ok((*only).clone()),
            [first, rest @ ..] if rest.iter().all(|rate| same_price(first, rate)) => {
                Ok((*first).clone())
            }
            several => {
                let ids: Vec<_> = several.iter().take(NAMED).map(|r| r.sku.as_str()).collect();
                Err(QuoteError::Ambiguous { name, ids: ids.join(", ") })
            }
        }
    }

    fn is_wanted(&self, rate: &Rate) -> bool {
        let system = rate.operating_system.as_deref().is_none_or(|os| os == self.operating_system);
        let plain = Rate { term: Term::OnDemand, operating_system: None, ..rate.clone() };
        rate.term == self.term && system && plain.is_plain()
    }

    fn not_under(&self, what: String) -> QuoteError {
        let mut has: Vec<String> = Vec::new();
        for rate in &self.fitting {
            let from = rate.valid_from.map(|from| format!(" from {from}")).unwrap_or_default();
            let system = rate.operating_system.as_deref().unwrap_or("no system");
            let entry = format!("{} with {system}{from} ({})", rate.term, rate.sku);
            if !has.contains(&entry) && has.len() < NAMED {
                has.push(entry);
            }
        }
        QuoteError::NotUnderTheseConditions { name: self.name.clone(), what, has: has.join("; ") }
    }
}

fn same_price(a: &Rate, b: &Rate) -> bool {
    let same_unit = a.unit == b.unit || (a.is_hourly() && b.is_hourly());
    (a.price, &a.currency) == (b.price, &b.currency) && same_unit
}
