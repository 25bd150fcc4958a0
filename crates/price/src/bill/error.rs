use std::io;

use thiserror::Error;

use super::format::BillFormat;

/// Why a bill cannot be read. What is wrong with single lines is no error but a finding
/// ([`super::Finding`]); these end the reading, since nothing after them can be trusted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BillError {
    /// Nothing in it.
    #[error("it is empty, without even a header; export the bill again")]
    Empty,
    /// A container that is not read here.
    #[error("it is {what}, which is not read; {advice}")]
    Container {
        /// What it is, from its first bytes.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The header is of no known bill, or not of the one that was asked for.
    #[error("{}", header_message(*asked, *nearest, *missing, *columns))]
    UnknownHeader {
        /// Whether the user named the format.
        asked: bool,
        /// The format that was asked for, or the one that the header is nearest to.
        nearest: Option<BillFormat>,
        /// A column that this format needs and the file lacks, in letters only.
        missing: Option<&'static str>,
        /// How many columns the header has.
        columns: usize,
    },
    /// A needed column stands there twice.
    #[error("the header has the column `{column}` more than once; remove one")]
    RepeatedColumn {
        /// Its heading.
        column: String,
    },
    /// A line has other columns than the header.
    #[error(
        "line {line} has {found} columns, the header {expected}; the file is damaged or cut off there"
    )]
    Columns {
        /// Line of the file, the header's is 1.
        line: u64,
        /// Columns that it has.
        found: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A quote that never closes, or is followed by something else than a comma.
    #[error("line {line} has {what}; the file is damaged or cut off there")]
    Quote {
        /// Line on which the record begins.
        line: u64,
        /// Which of the two.
        what: &'static str,
    },
    /// A line that no bill has.
    #[error("line {line} is longer than {limit} bytes; this is no bill, or a quote is missing")]
    LineTooLong {
        /// Line on which the record begins.
        line: u64,
        /// Bytes that are allowed.
        limit: usize,
    },
    /// The compressed file was cut off.
    #[error("the gzip file ends early, after line {line}; copy or export it again")]
    GzipEndsEarly {
        /// The last line that could be read in part.
        line: u64,
    },
    /// The compressed file was changed.
    #[error("the gzip file is damaged after line {line}; copy or export it again")]
    GzipDamaged {
        /// The last line that could be read in part.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// The bytes could not be read.
    #[error("reading stopped at line {line}")]
    Read {
        /// The last line that could be read in part.
        line: u64,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn header_message(
    asked: bool,
    nearest: Option<BillFormat>,
    missing: Option<&'static str>,
    columns: usize,
) -> String {
    if columns == 1 {
        return "the header has one column; bills are separated by commas".to_owned();
    }
    let (Some(nearest), Some(missing)) = (nearest, missing) else {
        return format!("the header, {columns} columns, is of no known bill; check the file");
    };
    let (opening, advice) = if asked {
        (format!("the header is not of {nearest}"), "let the format be found out")
    } else {
        (format!("the header is of no known bill; the nearest is {nearest}"), "check the file")
    };
    format!(
        "{opening}: no column is called `{missing}` (only letters and digits are compared); \
         {advice}, or export the bill with all columns"
    )
}
