//! Comma-separated records (RFC 4180), one at a time: memory is bounded by the longest record
//! that is allowed, and every record knows the line on which it begins.
//!
//! Unlike most readers this one refuses a quote that never closes, since that is what a file
//! cut off in the middle looks like, and a line that is too long, since that is what a file
//! that is no bill looks like ([ADR 14](../../../../docs/adr/0014-own-reader-for-bill-records.md)).
//! Deliberately unknown here: what a column means, and text encodings (cells are bytes).

use std::fmt;
use std::io::{self, BufRead};

/// Bytes of one record. The longest seen on a real bill has 3 KiB; tags may add some.
pub(crate) const RECORD_BYTES_MAX: usize = 4 << 20;

/// One record, its buffers used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    ends: Vec<usize>,
    line: u64,
}

impl Record {
    /// The line of the file on which the record begins; the first is 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// How many cells it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell, empty where the record has fewer.
    pub(crate) fn cell(&self, index: usize) -> &[u8] {
        let begin = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(index).copied().unwrap_or_default();
        self.bytes.get(begin.unwrap_or_default()..end).unwrap_or_default()
    }
}

/// Why there is no next record.
#[derive(Debug)]
pub(crate) enum RecordError {
    /// A quoted cell does not end before the file does.
    OpenQuote,
    /// Something other than a comma or the end of the line follows a closing quote.
    AfterQuote,
    /// Longer than [`RECORD_BYTES_MAX`].
    TooLong,
    /// The bytes could not be read.
    Input(io::Error),
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote => formatter.write_str("it has a quote that never closes"),
            Self::AfterQuote => formatter.write_str("it has more text after a closing quote"),
            Self::TooLong => write!(formatter, "it is longer than {RECORD_BYTES_MAX} bytes"),
            Self::Input(error) => error.fmt(formatter),
        }
    }
}

/// Where in a record the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellBegin,
    Plain,
    Quoted,
    QuoteInQuoted,
    /// After a closing quote and a carriage return: only a line feed may follow.
    ReturnAfterQuote,
}

/// Records out of bytes.
pub(crate) struct Records<R> {
    input: R,
    /// Line of the next byte.
    line: u64,
}

impl<R: BufRead> Records<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 1 }
    }

    /// Line that the reader has come to.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next record that is not an empty line; false at the end of the file.
    pub(crate) fn next(&mut self, record: &mut Record) -> Result<bool, RecordError> {
        record.bytes.clear();
        record.ends.clear();
        record.line = self.line;
        let mut state = State::CellBegin;
        loop {
            let chunk = loop {
                match self.input.fill_buf() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    chunk => break chunk.map_err(RecordError::Input)?,
                }
            };
            if chunk.is_empty() {
                return end_of_file(record, state);
            }
            let (used, ended) = take(chunk, record, &mut state, &mut self.line)?;
            self.input.consume(used);
            if record.bytes.len() > RECORD_BYTES_MAX || record.ends.len() > RECORD_BYTES_MAX {
                return Err(RecordError::TooLong);
            }
            if ended {
                return Ok(true);
            }
        }
    }
}

fn end_of_file(record: &mut Record, state: State) -> Result<bool, RecordError> {
    match state {
        State::Quoted => Err(RecordError::OpenQuote),
        State::CellBegin if record.ends.is_empty() => Ok(false),
        State::Plain if record.ends.is_empty() && record.bytes == b"\r" => Ok(false),
        _ => {
            record.ends.push(record.bytes.len());
            Ok(true)
        }
    }
}

/// Takes bytes up to the end of the record or of the chunk; says how many, and which it was.
fn take(
    chunk: &[u8],
    record: &mut Record,
    state: &mut State,
    line: &mut u64,
) -> Result<(usize, bool), RecordError> {
    let mut at = 0;
    while let Some(&byte) = chunk.get(at) {
        match (*state, byte) {
            (State::Quoted, b'"') => *state = State::QuoteInQuoted,
            (State::Quoted, _) => {
                let run = run_until(&chunk[at..], |byte| byte == b'"');
                let cells = &chunk[at..at + run];
                *line += cells.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
                record.bytes.extend_from_slice(cells);
                at += run;
                continue;
            }
            (State::QuoteInQuoted, b'"') => {
                record.bytes.push(b'"');
                *state = State::Quoted;
            }
            (State::CellBegin, b'"') => *state = State::Quoted,
            (State::CellBegin | State::Plain | State::QuoteInQuoted, b',') => {
                record.ends.push(record.bytes.len());
                *state = State::CellBegin;
            }
            (State::QuoteInQuoted, b'\r') => *state = State::ReturnAfterQuote,
            (_, b'\n') => {
                *line += 1;
                if end_of_line(record, state, *line) {
                    return Ok((at + 1, true));
                }
            }
            (State::QuoteInQuoted | State::ReturnAfterQuote, _) => {
                return Err(RecordError::AfterQuote);
            }
            (State::CellBegin | State::Plain, _) => {
                let run = run_until(&chunk[at..], |byte| matches!(byte, b',' | b'\n'));
                record.bytes.extend_from_slice(&chunk[at..at + run]);
                *state = State::Plain;
                at += run;
                continue;
            }
        }
        at += 1;
    }
    Ok((at, false))
}

/// Ends the record, unless the line was empty: then it begins anew on `next_line`.
fn end_of_line(record: &mut Record, state: &mut State, next_line: u64) -> bool {
    let cell_begin = record.ends.last().copied().unwrap_or_default();
    if *state == State::Plain && record.bytes[cell_begin..].ends_with(b"\r") {
        record.bytes.pop();
    }
    let empty = matches!(state, State::CellBegin | State::Plain)
        && record.ends.is_empty()
        && record.bytes.is_empty();
    *state = State::CellBegin;
    if empty {
        record.line = next_line;
    } else {
        record.ends.push(record.bytes.len());
    }
    !empty
}

fn run_until(bytes: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| stop(*byte)).unwrap_or(bytes.len())
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
