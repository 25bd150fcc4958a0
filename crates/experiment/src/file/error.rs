use std::fmt;

use thiserror::Error;

/// A place in a text: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
}

impl Place {
    /// The place of a byte offset in `text`.
    fn of(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// One thing wrong with an experiment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where in the document: keys and indexes joined by dots, `environment.0.kind`.
    pub path: String,
    /// Byte offset in the text, where there is one.
    pub offset: Option<usize>,
}

impl Problem {
    pub(super) fn at(path: &str, message: String, help: impl Into<String>) -> Self {
        Self { message, help: Some(help.into()), path: path.to_owned(), offset: None }
    }

    pub(super) fn under(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(super) fn from_toml(error: &toml::de::Error) -> Self {
        Self {
            message: in_words(error.message()),
            help: None,
            path: String::new(),
            offset: error.span().map(|span| span.start),
        }
    }
}

/// An experiment file that cannot be used: every problem of one kind, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FileError {
    origin: String,
    problems: Vec<(Option<Place>, Problem)>,
}

/// A message of the parser without the names of a programming language's types.
fn in_words(message: &str) -> String {
    let replaced = [
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u64", "expected a whole number from 0"),
        ("expected f64", "expected a number"),
        ("invalid type", "wrong type"),
    ];
    replaced.iter().fold(message.to_owned(), |message, (from, to)| message.replace(from, to))
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(formatter, "; {help}"))
    }
}

impl FileError {
    pub(super) fn new(origin: &str, text: &str, problems: Vec<Problem>) -> Self {
        let locate =
            |problem: Problem| (problem.offset.map(|offset| Place::of(text, offset)), problem);
        Self { origin: origin.to_owned(), problems: problems.into_iter().map(locate).collect() }
    }

    /// The problems with their places.
    pub fn problems(&self) -> impl Iterator<Item = (Option<Place>, &Problem)> {
        self.problems.iter().map(|(place, problem)| (*place, problem))
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (place, problem)) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{}", self.origin)?;
            if let Some(place) = place {
                write!(formatter, ":{}:{}", place.line, place.column)?;
            }
            write!(formatter, ": {problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "a = 1\nб = 2\nвг = 3";
        assert_eq!(Place::of(text, text.find('3').expect("present")), Place { line: 3, column: 6 });
    }

    proptest! {
        #[test]
        fn every_offset_has_a_place(text in "\\PC*", offset in 0_usize..200) {
            let place = Place::of(&text, offset);
            prop_assert!(place.line >= 1 && place.column >= 1);
        }
    }
}
