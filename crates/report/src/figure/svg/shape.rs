//! The shapes of a drawing, their colours by role, and their text as SVG. Does not know what is drawn.

use std::fmt::Write as _;

use crate::figure::palette::Ink;
use crate::figure::text;

/// Which end of a text its position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line around or through something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) ink: Ink,
    pub(crate) width: f64,
    pub(crate) dashes: Option<&'static str>,
}

impl Stroke {
    pub(crate) const fn solid(ink: Ink, width: f64) -> Self {
        Self { ink, width, dashes: None }
    }

    pub(crate) const fn dashed(ink: Ink, width: f64) -> Self {
        Self { ink, width, dashes: Some("5 4") }
    }
}

/// Fill and outline of a shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) fill: Option<Ink>,
    pub(crate) stroke: Option<Stroke>,
}

impl Look {
    pub(crate) const fn filled(ink: Ink) -> Self {
        Self { fill: Some(ink), stroke: None }
    }

    pub(crate) const fn outlined(ink: Ink, width: f64) -> Self {
        Self { fill: None, stroke: Some(Stroke::solid(ink, width)) }
    }

    pub(crate) const fn line(stroke: Stroke) -> Self {
        Self { fill: None, stroke: Some(stroke) }
    }

    fn attributes(self) -> String {
        let mut classes = Vec::new();
        let mut attributes = String::new();
        match self.fill {
            Some(ink) => {
                classes.push(format!("wb-f-{}", ink.name()));
                let _ = write!(attributes, " fill=\"{}\"", ink.light());
            }
            None => attributes.push_str(" fill=\"none\""),
        }
        if let Some(stroke) = self.stroke {
            classes.push(format!("wb-s-{}", stroke.ink.name()));
            let _ = write!(
                attributes,
                " stroke=\"{}\" stroke-width=\"{}\"",
                stroke.ink.light(),
                number(stroke.width)
            );
            if let Some(dashes) = stroke.dashes {
                let _ = write!(attributes, " stroke-dasharray=\"{dashes}\"");
            }
        }
        if classes.is_empty() {
            attributes
        } else {
            format!(" class=\"{}\"{attributes}", classes.join(" "))
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Rectangle { x: f64, y: f64, width: f64, height: f64, radius: f64, look: Look },
    Path { commands: String, look: Look },
    Circle { x: f64, y: f64, radius: f64, look: Look },
    Text(Label),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) anchor: Anchor,
    pub(super) size: f64,
    pub(super) ink: Ink,
    pub(super) text: String,
}

/// Where a text of a drawing lies, by the widths of its font.
#[derive(Debug, Clone, PartialEq)]
pub struct TextBox {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Bottom edge.
    pub bottom: f64,
    /// The text.
    pub text: String,
}

impl Label {
    pub(super) fn bounds(&self, shift: f64) -> TextBox {
        let width = text::width(&self.text, self.size);
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        TextBox {
            left,
            top: self.y + shift - 0.76 * self.size,
            right: left + width,
            bottom: self.y + shift + 0.24 * self.size,
            text: self.text.clone(),
        }
    }
}

impl Shape {
    pub(super) fn write(&self, out: &mut String) {
        // Writing into a string cannot fail.
        let _ = match self {
            Self::Rectangle { x, y, width, height, radius, look } => writeln!(
                out,
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\"{}/>",
                number(*x),
                number(*y),
                number(*width),
                number(*height),
                number(*radius),
                look.attributes()
            ),
            Self::Path { commands, look } => {
                writeln!(
                    out,
                    "<path d=\"{commands}\" stroke-linejoin=\"round\"{}/>",
                    look.attributes()
                )
            }
            Self::Circle { x, y, radius, look } => writeln!(
                out,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\"{}/>",
                number(*x),
                number(*y),
                number(*radius),
                look.attributes()
            ),
            Self::Text(label) => writeln!(
                out,
                "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\"{}>{}</text>",
                number(label.x),
                number(label.y),
                number(label.size),
                match label.anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                },
                Look::filled(label.ink).attributes(),
                escape(&label.text)
            ),
        };
    }
}

/// At most two decimals: a hundredth of a pixel is not seen.
pub(super) fn number(value: f64) -> String {
    let digits = format!("{value:.2}");
    let trimmed = digits.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// Text for an XML element or attribute. Control characters, which XML 1.0 cannot hold, go.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}
