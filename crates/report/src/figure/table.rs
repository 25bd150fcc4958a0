//! A table with units, as text, CSV and JSON. Does not know what it is about.

use serde_json::{Map, Value, json};
use thiserror::Error;

/// A column with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as JSON and CSV have it: with the unit, `std_seconds_after_10`.
    pub key: String,
    /// Its name for people.
    pub title: String,
}

/// One entry of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Words.
    Text(String),
    /// A number as it is, and as it is shown.
    Number {
        /// In the unit of the column's key.
        value: f64,
        /// For people, with unit.
        shown: String,
    },
    /// Nothing, for this reason.
    Missing(String),
}

/// Rows of entries under columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Columns, in order.
    pub columns: Vec<Column>,
    /// Rows; each has one entry a column.
    pub rows: Vec<Vec<Entry>>,
}

/// A table could not be written as CSV.
#[derive(Debug, Error)]
#[error("the table could not be written as CSV")]
pub struct TableError(#[from] csv::Error);

impl Table {
    /// For a terminal: columns aligned, a line under the header, what is missing as `–` with
    /// the reasons below.
    #[must_use]
    pub fn text(&self) -> String {
        let titles = || self.columns.iter().map(|column| column.title.clone());
        let mut lines: Vec<Vec<String>> = vec![titles().collect()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Entry::shown).collect()));
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|index| {
                lines
                    .iter()
                    .filter_map(|line| line.get(index))
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for (number, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(&widths).enumerate().map(|(index, (cell, width))| {
                let gap = " ".repeat(width - cell.chars().count());
                if self.is_number(index) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
            });
            out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            out.push('\n');
            if number == 0 {
                let rule = widths.iter().map(|width| "─".repeat(*width)).collect::<Vec<_>>();
                out.push_str(&rule.join("  "));
                out.push('\n');
            }
        }
        for reason in self.reasons() {
            out.push_str(&format!("– {reason}\n"));
        }
        out
    }

    /// CSV with the keys as header; what is missing is an empty field.
    ///
    /// # Errors
    ///
    /// Rows of unequal length.
    pub fn csv(&self) -> Result<String, TableError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().map(|column| column.key.as_str()))?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|entry| match entry {
                Entry::Text(text) => text.clone(),
                Entry::Number { value, .. } => value.to_string(),
                Entry::Missing(_) => String::new(),
            }))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// One object a row; what is missing is `null` with `<key>_reason` beside it.
    #[must_use]
    pub fn json(&self) -> Value {
        let row = |entries: &Vec<Entry>| {
            let mut object = Map::new();
            for (column, entry) in self.columns.iter().zip(entries) {
                match entry {
                    Entry::Text(text) => object.insert(column.key.clone(), json!(text)),
                    Entry::Number { value, .. } => object.insert(column.key.clone(), json!(value)),
                    Entry::Missing(reason) => {
                        object.insert(format!("{}_reason", column.key), json!(reason));
                        object.insert(column.key.clone(), Value::Null)
                    }
                };
            }
            Value::Object(object)
        };
        json!({"format": "weighbridge.table/1", "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }

    /// Whether a column holds numbers, and so is aligned to the right.
    #[must_use]
    pub fn is_number(&self, column: usize) -> bool {
        let entries = || self.rows.iter().filter_map(|row| row.get(column));
        entries().any(|entry| matches!(entry, Entry::Number { .. }))
            || (column > 0 && entries().all(|entry| matches!(entry, Entry::Missing(_))))
    }

    /// Every reason for a missing entry, once.
    #[must_use]
    pub fn reasons(&self) -> Vec<&str> {
        let mut reasons: Vec<&str> = Vec::new();
        for entry in self.rows.iter().flatten() {
            if let Entry::Missing(reason) = entry
                && !reasons.contains(&reason.as_str())
            {
                reasons.push(reason);
            }
        }
        reasons
    }
}

impl Entry {
    /// The entry for people; `–` where it is missing.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { shown, .. } => shown.clone(),
            Self::Missing(_) => "–".to_owned(),
        }
    }
}
