use std::collections::BTreeMap;
use std::io::Read;

use rust_decimal::Decimal;

use super::bytes::{BillBytes, at_gzip};
use super::cause::{Cause, Unpriced};
use super::error::BillError;
use super::figure::Figure;
use super::format::{BillFormat, Columns};
use super::line::{Line, Provider};
use super::records::{RECORD_BYTES_MAX, Record, RecordError, Records};

/// A line that is not exact: every other line agrees to the provider's last printed digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Line of the file on which it begins; the header's is 1.
    pub line: u64,
    /// What was found.
    pub what: Found,
}

/// What is to be said about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is nothing to compare its cost with.
    NotPriced(Unpriced),
    /// Its cost is not its quantity times its price.
    Difference {
        /// The printed cost, in the line's currency.
        billed: Decimal,
        /// Quantity × price, rounded as the provider rounds.
        computed: Decimal,
        /// Why they differ.
        cause: Cause,
    },
}

/// Money of one currency in one bill. A sum that outgrows a decimal is nothing, not wrong; one
/// of more than 28 digits loses its last ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Printed costs of all lines that print one.
    pub billed: Option<Decimal>,
    /// Printed costs of the priced lines.
    pub billed_priced: Option<Decimal>,
    /// Computed costs of the priced lines.
    pub computed: Option<Decimal>,
    /// How many lines were priced: where none was, there is no computed cost, not one of zero.
    pub priced: u64,
}

impl Default for Sums {
    fn default() -> Self {
        let zero = Some(Decimal::ZERO);
        Self { billed: zero, billed_priced: zero, computed: zero, priced: 0 }
    }
}

/// What a check has come to so far; after the last finding, what the whole bill has.
#[derive(Debug, Clone, Default)]
pub struct BillSummary {
    /// Lines below the header.
    pub lines: u64,
    /// Lines whose cost was computed.
    pub priced: u64,
    /// Those that agree to the provider's last printed digit.
    pub exact: u64,
    /// How many lines were not priced, by the word for why.
    pub not_priced: BTreeMap<&'static str, u64>,
    /// How many lines differ, by cause.
    pub causes: BTreeMap<Cause, u64>,
    /// Lines that hold something else than the number they should.
    pub damaged: u64,
    /// Money by currency; `???` where a line names none. Nothing is converted.
    pub money: BTreeMap<String, Sums>,
    provider: Option<Provider>,
    several_providers: bool,
}

impl BillSummary {
    /// `aws`, `azure`, `gcp`, `oci`, another by its name in the bill, `several`, or `unknown` where
    /// the bill has no line that says it.
    #[must_use]
    pub fn provider(&self) -> &str {
        match &self.provider {
            _ if self.several_providers => "several",
            Some(provider) => provider.name(),
            None => "unknown",
        }
    }

    /// Lines that differ without an explanation.
    #[must_use]
    pub fn unexplained(&self) -> u64 {
        self.causes.get(&Cause::Unexplained).copied().unwrap_or_default()
    }

    fn saw(&mut self, provider: Provider) {
        match &self.provider {
            Some(known) => self.several_providers |= *known != provider,
            None => self.provider = Some(provider),
        }
    }

    fn add_billed(&mut self, line: Line<'_>) -> &mut Sums {
        let letters = line.currency();
        let code = letters.as_ref().and_then(|letters| std::str::from_utf8(letters).ok());
        let code = code.unwrap_or("???");
        // Looked up first: most lines have a currency that is there already.
        if !self.money.contains_key(code) {
            self.money.insert(code.to_owned(), Sums::default());
        }
        let sums = self.money.entry(code.to_owned()).or_default();
        let billed = line.billed().ok().as_ref().and_then(Figure::decimal);
        sums.billed = plus(sums.billed, billed.unwrap_or_default());
        sums
    }
}

fn plus(sum: Option<Decimal>, amount: Decimal) -> Option<Decimal> {
    sum?.checked_add(amount)
}

/// The check of one bill: reads line by line, keeps one line in memory.
pub struct BillCheck<R: Read> {
    records: Records<BillBytes<R>>,
    is_gzip: bool,
    columns: Columns,
    record: Record,
    summary: BillSummary,
}

impl<R: Read> BillCheck<R> {
    /// Reads the header. The format is found out from it where none is named.
    ///
    /// # Errors
    ///
    /// [`BillError`] where this is no bill, or not of the format that was named.
    pub fn open(reader: R, asked: Option<BillFormat>) -> Result<Self, BillError> {
        let bytes = BillBytes::open(reader)?;
        let is_gzip = bytes.is_gzip();
        let mut records = Records::new(bytes);
        let mut record = Record::default();
        match records.next(&mut record) {
            Ok(true) => {}
            Ok(false) => return Err(BillError::Empty),
            Err(error) => return Err(placed(error, &record, records.line(), is_gzip)),
        }
        let columns = Columns::of(&record, asked)?;
        let mut summary = BillSummary::default();
        if columns.format != BillFormat::Focus {
            summary.saw(Line::new(&columns, &record).provider());
        }
        Ok(Self { records, is_gzip, columns, record, summary })
    }

    /// The format of the file.
    #[must_use]
    pub fn format(&self) -> BillFormat {
        self.columns.format
    }

    /// What has been counted so far.
    #[must_use]
    pub fn summary(&self) -> &BillSummary {
        &self.summary
    }

    /// Goes on to the next line that is not exact; nothing at the end of the bill.
    ///
    /// # Errors
    ///
    /// [`BillError`] with the line where the file is damaged. Nothing after it is read.
    pub fn next_finding(&mut self) -> Result<Option<Finding>, BillError> {
        loop {
            let more = self.records.next(&mut self.record);
            if !more.map_err(|e| placed(e, &self.record, self.records.line(), self.is_gzip))? {
                return Ok(None);
            }
            let (line, found) = (self.record.line(), self.record.len());
            if found != self.columns.count {
                return Err(BillError::Columns { line, found, expected: self.columns.count });
            }
            if let Some(what) = self.judge() {
                return Ok(Some(Finding { line, what }));
            }
        }
    }

    fn judge(&mut self) -> Option<Found> {
        let line = Line::new(&self.columns, &self.record);
        let summary = &mut self.summary;
        summary.lines += 1;
        summary.saw(line.provider());
        let sums = summary.add_billed(line);
        match line.charge().and_then(|charge| charge.judge()) {
            Err(why) => {
                *summary.not_priced.entry(why.code()).or_default() += 1;
                summary.damaged += u64::from(why.is_damage());
                Some(Found::NotPriced(why))
            }
            Ok(verdict) => {
                sums.billed_priced = plus(sums.billed_priced, verdict.billed);
                sums.computed = plus(sums.computed, verdict.computed);
                sums.priced += 1;
                summary.priced += 1;
                let Some(cause) = verdict.cause else {
                    summary.exact += 1;
                    return None;
                };
                *summary.causes.entry(cause).or_default() += 1;
                let (billed, computed) = (verdict.billed, verdict.computed);
                Some(Found::Difference { billed, computed, cause })
            }
        }
    }
}

fn placed(error: RecordError, record: &Record, reached: u64, is_gzip: bool) -> BillError {
    let line = record.line();
    match error {
        RecordError::OpenQuote => BillError::Quote { line, what: "a quote that never closes" },
        RecordError::AfterQuote => {
            BillError::Quote { line, what: "more text after a closing quote" }
        }
        RecordError::TooLong => BillError::LineTooLong { line, limit: RECORD_BYTES_MAX },
        RecordError::Input(source) if is_gzip => at_gzip(reached, source),
        RecordError::Input(source) => BillError::Read { line: reached, source },
    }
}
