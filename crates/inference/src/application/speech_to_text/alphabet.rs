//! What the columns of a speech model's output mean.

use crate::Labels;

/// Names by which a line of a labels file marks the blank: ours and Silero's, then those of
/// wav2vec 2.0 vocabularies and of sentence-piece models.
const BLANKS: [&str; 6] = ["_", "<blank>", "<blk>", "<pad>", "[PAD]", "ε"];

/// Names for the space between words, besides the space itself.
const SPACES: [&str; 3] = ["|", "<space>", "▁"];

/// Marks, in Silero's alphabets, the letter before it written once more.
const REPEAT: &str = "2";

/// The alphabet of the shipped model, in the order of its output.
const SHIPPED: &str = "_ 'abcdefghijklmnopqrstuvwxyz";

/// The labels of a model's output columns, one of which is the blank of CTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alphabet {
    labels: Vec<String>,
    blank: usize,
    repeat: Option<usize>,
}

impl Default for Alphabet {
    fn default() -> Self {
        let labels: Vec<String> = SHIPPED.chars().map(String::from).collect();
        Self { labels, blank: 0, repeat: None }
    }
}

impl Alphabet {
    /// Takes a list of labels, in the order of the model's output.
    ///
    /// The blank's line is `<blank>`, `_` or another name in use; the space between words is
    /// `<space>`, `|` or `▁`; a `▁` within a label stands for a space too. A label `2` that is
    /// the only digit repeats the letter before it, as in Silero's alphabets.
    ///
    /// # Errors
    ///
    /// What is wrong, when not exactly one label marks the blank or nothing else is there.
    pub fn from_labels(labels: &Labels) -> Result<Self, String> {
        let blanks: Vec<usize> = labels
            .iter()
            .enumerate()
            .filter(|(_, label)| BLANKS.contains(&&***label))
            .map(|(line, _)| line)
            .collect();
        let blank = match blanks[..] {
            [] => return Err("labels without a blank (no line `<blank>` or `_`)".into()),
            [_] if labels.count() == 1 => return Err("labels that are the blank alone".into()),
            [blank] => blank,
            [first, second, ..] => {
                return Err(format!(
                    "labels that mark the blank twice (lines {} and {})",
                    first + 1,
                    second + 1
                ));
            }
        };
        let digits = labels.iter().filter(|label| label.parse::<u8>().is_ok()).count();
        let repeat = labels.iter().position(|label| &**label == REPEAT).filter(|_| digits == 1);
        Ok(Self { labels: labels.iter().map(|label| spelt(label)).collect(), blank, repeat })
    }

    /// How many columns the model's output must have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Never: an alphabet has the blank and one label more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Column of the blank.
    #[must_use]
    pub const fn blank(&self) -> usize {
        self.blank
    }

    /// The text of collapsed labels: blanks left out, one space between words, none around.
    #[must_use]
    pub fn text(&self, collapsed: impl IntoIterator<Item = usize>) -> String {
        let mut text = String::new();
        for label in collapsed {
            if label == self.blank {
                continue;
            }
            if Some(label) == self.repeat {
                text.extend(text.chars().next_back());
            } else if let Some(label) = self.labels.get(label) {
                text.push_str(label);
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn spelt(label: &str) -> String {
    if SPACES.contains(&label) { " ".into() } else { label.replace('▁', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Alphabet, String> {
        Alphabet::from_labels(&Labels::parse(text.as_bytes(), "labels.txt").expect("a list"))
    }

    #[test]
    fn the_shipped_alphabet_has_the_blank_a_space_an_apostrophe_and_26_letters() {
        let alphabet = Alphabet::default();
        assert_eq!((alphabet.len(), alphabet.blank()), (29, 0));
        assert_eq!(alphabet.text([1, 17, 16, 1, 0, 1, 2, 18, 1]), "on 'p");
    }

    #[test]
    fn a_labels_file_is_read_in_its_order() {
        let alphabet = read("a\r\n▁be\r\n|\r\n<blank>\r\n").expect("four labels");
        assert_eq!((alphabet.len(), alphabet.blank()), (4, 3));
        assert_eq!(alphabet.text([0, 1, 3, 1, 2, 0]), "a be be a");
    }

    #[test]
    fn a_lone_digit_two_repeats_the_letter_before_it() {
        let silero = read("_\n|\na\nl\n2").expect("an alphabet");
        assert_eq!(silero.text([2, 3, 4]), "all");
        assert_eq!(silero.text([4, 2]), "a", "nothing is before it");
        let digits = read("_\n1\n2").expect("an alphabet");
        assert_eq!(digits.text([1, 2]), "12");
    }

    #[test]
    fn labels_that_are_no_alphabet_say_why() {
        let error = |text: &str| read(text).expect_err("not an alphabet");
        assert_eq!(error("_"), "labels that are the blank alone");
        assert!(error("a\nb").contains("without a blank"));
        assert!(error("a\n_\n<pad>").contains("lines 2 and 3"));
    }
}
