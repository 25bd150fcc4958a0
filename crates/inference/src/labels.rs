//! The names of a model's classes: a text file, one name a line, in the order of the model's
//! output. It deliberately does not know which model they belong to.

use std::sync::Arc;

use thiserror::Error;

/// More classes than any classifier we know of has; beyond it the file is no list of labels.
const LABELS_MAX: usize = 100_000;

/// Class names in the order of the model's output; at least one, none empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels(Arc<[Arc<str>]>);

/// Why a file is not a list of labels. Each names the file and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabelsError {
    /// Not text.
    #[error("labels `{file}` are not UTF-8 text; give a text file with one class name a line")]
    NotText {
        /// The file.
        file: String,
    },
    /// Nothing in it.
    #[error("labels `{file}` hold no class name; give one a line")]
    Empty {
        /// The file.
        file: String,
    },
    /// A name is missing between others: every class after it would get the wrong name.
    #[error("labels `{file}`: line {line} is empty; name the class, for the line is its number")]
    EmptyLine {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Not a list of labels.
    #[error("labels `{file}` have {lines} lines, more than the {LABELS_MAX} that are taken")]
    TooMany {
        /// The file.
        file: String,
        /// How many lines it has.
        lines: usize,
    },
}

impl Labels {
    /// Reads labels. White space around a name is dropped, as are empty lines at the end.
    ///
    /// # Errors
    ///
    /// As the variants of [`LabelsError`] say.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, LabelsError> {
        let text = str::from_utf8(bytes)
            .map_err(|_| LabelsError::NotText { file: file.to_owned() })?
            .trim_end_matches(is_blank);
        if text.is_empty() {
            return Err(LabelsError::Empty { file: file.to_owned() });
        }
        let lines: Vec<&str> = text.lines().map(|line| line.trim_matches(is_blank)).collect();
        if lines.len() > LABELS_MAX {
            return Err(LabelsError::TooMany { file: file.to_owned(), lines: lines.len() });
        }
        if let Some(index) = lines.iter().position(|line| line.is_empty()) {
            return Err(LabelsError::EmptyLine { file: file.to_owned(), line: index + 1 });
        }
        Ok(Self(lines.into_iter().map(Arc::from).collect()))
    }

    /// The labels that ship with an application: at least one, none empty.
    pub(crate) fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        Self(names.into_iter().map(Arc::from).collect())
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The name of a class; `class 7` beyond the last.
    #[must_use]
    pub fn name(&self, class: usize) -> Arc<str> {
        self.0.get(class).map_or_else(|| format!("class {class}").into(), Arc::clone)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter()
    }
}

/// White space, and the mark of byte order with which some editors begin a file: in a name
/// nobody would see either.
fn is_blank(character: char) -> bool {
    character.is_whitespace() || character == '\u{feff}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_name_a_line_in_order() {
        let labels =
            Labels::parse("\u{feff}stop \r\n give way\n\n".as_bytes(), "l.txt").expect("two");
        assert_eq!(labels.count(), 2);
        assert_eq!(&*labels.name(1), "give way");
        assert_eq!(&*labels.name(7), "class 7");
    }

    #[test]
    fn what_would_shift_the_classes_is_refused() {
        let refused = |text: &[u8]| Labels::parse(text, "l.txt").expect_err("refused").to_string();
        assert!(refused(b"a\n\nb").starts_with("labels `l.txt`: line 2 is empty"));
        assert!(refused(b" \n").contains("hold no class name"));
        assert!(refused(&[0xff, 0xfe]).contains("not UTF-8"));
        assert!(refused("a\n".repeat(100_001).as_bytes()).contains("100001 lines"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Labels::parse(&bytes, "any");
        }
    }
}
