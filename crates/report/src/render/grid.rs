//! Columns of text for a terminal. Does not know what they hold.

/// On which side a column is flush.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows of text under a header, aligned by column; a cell that is too wide for its column is
/// broken into lines.
#[derive(Debug, Clone, Default)]
pub struct Grid {
    header: Vec<(String, Align)>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone)]
enum Row {
    Cells(Vec<String>),
    Heading(String),
    Remark(String),
    Footer(String),
    Words(String, String),
}

const GAP: usize = 2;
const NARROWEST: usize = 4;
/// Names are broken down to this width before numbers are.
const NARROWEST_NAME: usize = 13;

impl Grid {
    /// A grid with these columns.
    #[must_use]
    pub fn new(header: &[(&str, Align)]) -> Self {
        Self {
            header: header.iter().map(|(title, align)| ((*title).to_owned(), *align)).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line that names the rows after it.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Heading(text.into()));
    }

    /// Adds text below the row before it, broken at the width of the whole grid.
    pub fn remark(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Remark(text.into()));
    }

    /// Adds a row that holds a name and, over all other columns, text.
    pub fn words(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.rows.push(Row::Words(name.into(), text.into()));
    }

    /// Adds a line under the grid, such as what its columns mean.
    pub fn footer(&mut self, text: impl Into<String>) {
        self.rows.push(Row::Footer(text.into()));
    }

    /// The grid in at most `width` columns, with terminal colours where asked for.
    #[must_use]
    pub fn render(&self, width: usize, colour: bool) -> String {
        let widths = self.widths(width);
        let mut out = String::new();
        let titles: Vec<String> = self.header.iter().map(|(title, _)| title.clone()).collect();
        self.write_row(&titles, &widths, &mut |line| out.push_str(&paint(line, DIM, colour)));
        let total = widths.iter().sum::<usize>() + GAP * widths.len();
        let rule = paint(&"─".repeat(total.min(width)), DIM, colour);
        out.push_str(&rule);
        for row in &self.rows {
            match row {
                Row::Heading(text) => {
                    for line in wrap(text, width) {
                        out.push_str(&paint(&line, BOLD, colour));
                    }
                }
                Row::Footer(text) => {
                    out.push_str(&rule);
                    for line in wrap(text, width.saturating_sub(GAP)) {
                        out.push_str(&paint(&format!("  {line}"), DIM, colour));
                    }
                }
                Row::Words(name, text) => {
                    let first = widths.first().copied().unwrap_or(0);
                    let room = width.saturating_sub(first + 2 * GAP);
                    let (names, lines) = (wrap(name, first), wrap(text, room));
                    for index in 0..names.len().max(lines.len()) {
                        let name = names.get(index).map_or("", String::as_str);
                        let line = lines.get(index).map_or("", String::as_str);
                        let text = format!("  {name:first$}  {line}");
                        out.push_str(&paint(text.trim_end(), DIM, colour));
                    }
                }
                Row::Remark(text) => {
                    for line in wrap(text, width.saturating_sub(4)) {
                        out.push_str(&paint(&format!("    {line}"), DIM, colour));
                    }
                }
                Row::Cells(cells) => self.write_row(cells, &widths, &mut |line| {
                    out.push_str(line.trim_end());
                    out.push('\n');
                }),
            }
        }
        out
    }

    /// Natural widths; where they do not fit, the widest left-aligned column gives way.
    fn widths(&self, limit: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|(title, _)| length(title)).collect();
        for row in &self.rows {
            if let Row::Words(name, _) = row
                && let Some(first) = widths.first_mut()
            {
                *first = (*first).max(length(name));
            }
            if let Row::Cells(cells) = row {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(length(cell));
                }
            }
        }
        let gaps = GAP * widths.len();
        while widths.iter().sum::<usize>() + gaps > limit {
            let giving = |align: Align| {
                (0..widths.len())
                    .filter(|index| self.header[*index].1 == align && widths[*index] > NARROWEST)
                    .max_by_key(|index| widths[*index])
            };
            let left = giving(Align::Left).filter(|index| widths[*index] > NARROWEST_NAME);
            let Some(index) = left.or_else(|| giving(Align::Right)).or_else(|| giving(Align::Left))
            else {
                break;
            };
            widths[index] -= 1;
        }
        widths
    }

    /// Whether every number fits its column in `width`, names broken where they are long.
    #[must_use]
    pub fn fits(&self, width: usize) -> bool {
        let natural = self.widths(usize::MAX);
        let granted = self.widths(width);
        let numbers = |widths: &[usize]| -> usize {
            widths
                .iter()
                .zip(&self.header)
                .filter(|(_, column)| column.1 == Align::Right)
                .map(|(width, _)| *width)
                .sum()
        };
        numbers(&natural) == numbers(&granted)
    }

    fn write_row(&self, cells: &[String], widths: &[usize], write: &mut dyn FnMut(&str)) {
        let broken: Vec<Vec<String>> =
            cells.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let height = broken.iter().map(Vec::len).max().unwrap_or(0);
        for line in 0..height {
            // Rows stand a step in from the headings above them.
            let mut text = " ".repeat(GAP);
            for (index, width) in widths.iter().enumerate() {
                let piece =
                    broken.get(index).and_then(|lines| lines.get(line)).map_or("", String::as_str);
                let gap = " ".repeat(width.saturating_sub(length(piece)));
                let right = self.header[index].1 == Align::Right;
                text.push_str(&if right {
                    format!("{gap}{piece}")
                } else {
                    format!("{piece}{gap}")
                });
                text.push_str(&" ".repeat(GAP));
            }
            write(text.trim_end());
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";

/// A line in a terminal style, with its line feed.
fn paint(line: &str, style: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[{style}m{line}\u{1b}[0m\n") } else { format!("{line}\n") }
}

/// Columns that text takes. Names are ASCII and units are single-width, so a character is one.
fn length(text: &str) -> usize {
    text.chars().count()
}

/// Breaks text at spaces, and within words that are too long by themselves. Control
/// characters, which could drive a terminal, are dropped.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let clean: String = text
        .chars()
        .map(|c| if c == '\n' || c == '\t' { ' ' } else { c })
        .filter(|c| !c.is_control())
        .collect();
    for word in clean.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let line = lines.last().map_or(0, |line| length(line));
        if line > 0 && line + 1 + word.len() > width {
            lines.push(String::new());
        } else if line > 0 {
            lines.last_mut().into_iter().for_each(|line| line.push(' '));
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.last_mut().into_iter().for_each(|line| line.extend(&word));
            lines.push(String::new());
            word = rest;
        }
        lines.last_mut().into_iter().for_each(|line| line.extend(&word));
    }
    lines
}
