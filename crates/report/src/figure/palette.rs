//! Colours as roles, each with a light and a dark value.
//!
//! Series follow Okabe and Ito's palette for colour-blind readers (yellow darkened on white,
//! where it would vanish), and no series is told apart by colour alone: rows carry names, and
//! marks have shapes.

use std::fmt::Write as _;

/// The role of a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text that is read first.
    Text,
    /// Text that is read second, and axes.
    Muted,
    /// Grid lines and frames.
    Grid,
    /// The paper.
    Paper,
    /// A box on the paper.
    Panel,
    /// A threshold.
    Threshold,
    /// A series by its place.
    Series(usize),
    /// The same, pale: areas behind marks.
    Pale(usize),
}

/// Number of colours of series; further series begin anew, told apart by name and shape.
pub(crate) const SERIES: usize = 8;

const SERIES_LIGHT: [&str; SERIES] =
    ["#0072b2", "#d55e00", "#009e73", "#a84f86", "#b87a00", "#2f93cf", "#857700", "#4a4a4a"];
const SERIES_DARK: [&str; SERIES] =
    ["#58a9e6", "#f58b4c", "#2fc79b", "#e3a0c8", "#edb548", "#93d4fa", "#e6da55", "#c4c4c4"];
const PALE_LIGHT: [&str; SERIES] =
    ["#cfe3f0", "#f8dfcc", "#cdebe2", "#eedce7", "#f2e5cc", "#d6e9f5", "#e8e5cc", "#dedede"];
const PALE_DARK: [&str; SERIES] =
    ["#1e3a50", "#523323", "#163f34", "#4a3342", "#4c3d1f", "#2b4453", "#47431f", "#3d3d3d"];

impl Ink {
    const PLAIN: [Self; 6] =
        [Self::Text, Self::Muted, Self::Grid, Self::Paper, Self::Panel, Self::Threshold];

    /// The value on white.
    pub(crate) fn light(self) -> &'static str {
        match self {
            Self::Text => "#1b1f24",
            Self::Muted => "#57606a",
            Self::Grid => "#d8dee4",
            Self::Paper => "#ffffff",
            Self::Panel => "#f6f8fa",
            Self::Threshold => "#9a3412",
            Self::Series(index) => SERIES_LIGHT[index % SERIES],
            Self::Pale(index) => PALE_LIGHT[index % SERIES],
        }
    }

    /// The value on the dark paper.
    pub(crate) fn dark(self) -> &'static str {
        match self {
            Self::Text => "#e6edf3",
            Self::Muted => "#9aa5b1",
            Self::Grid => "#343b44",
            Self::Paper => "#14181d",
            Self::Panel => "#1c2229",
            Self::Threshold => "#ffa07a",
            Self::Series(index) => SERIES_DARK[index % SERIES],
            Self::Pale(index) => PALE_DARK[index % SERIES],
        }
    }

    /// The end of its class names.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Muted => "muted".to_owned(),
            Self::Grid => "grid".to_owned(),
            Self::Paper => "paper".to_owned(),
            Self::Panel => "panel".to_owned(),
            Self::Threshold => "threshold".to_owned(),
            Self::Series(index) => format!("series{}", index % SERIES),
            Self::Pale(index) => format!("pale{}", index % SERIES),
        }
    }
}

/// The style rules that turn figures dark where the viewer asks for it. Light values stand in
/// the drawing itself, so that a program that ignores styles draws it light. Paper is light.
#[must_use]
pub fn style_sheet() -> String {
    let series = (0..SERIES).flat_map(|index| [Ink::Series(index), Ink::Pale(index)]);
    let mut rules = String::from("@media screen and (prefers-color-scheme:dark){");
    for ink in Ink::PLAIN.into_iter().chain(series) {
        let (name, colour) = (ink.name(), ink.dark());
        // Writing into a string cannot fail.
        let _ = write!(rules, ".wb-f-{name}{{fill:{colour}}}.wb-s-{name}{{stroke:{colour}}}");
    }
    rules.push('}');
    rules
}
