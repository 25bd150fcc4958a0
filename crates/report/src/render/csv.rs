//! Next.
use thiserror::Error;
use crate::analysis::Report;
/// The report could not be written as CSV.
#[derive(Debug, Error)]
#[error("the report could not be written as CSV")]
pub struct CsvError(#[from] ::csv::Error);
/// One row a cell.
pub fn csv(_report: &Report) -> Result<String, CsvError> {
    Ok(String::new())
}
