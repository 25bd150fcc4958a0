//! A drawing as a list of shapes, and its text as SVG. Does not know what is drawn.

use std::fmt::Write as _;

use super::palette::{Ink, style_sheet};
use super::text;

/// Fonts asked for: the embedded one first, then its nearest relatives.
const FONTS: &str = "'DejaVu Sans',Verdana,'Segoe UI',Helvetica,Arial,sans-serif";

const TITLE_SIZE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.0;
const CAPTION_LINE: f64 = 16.0;
const MARGIN: f64 = 20.0;

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
enum Shape {
    Rectangle { x: f64, y: f64, width: f64, height: f64, radius: f64, look: Look },
    Path { commands: String, look: Look },
    Circle { x: f64, y: f64, radius: f64, look: Look },
    Text(Label),
}

#[derive(Debug, Clone, PartialEq)]
struct Label {
    x: f64,
    y: f64,
    anchor: Anchor,
    size: f64,
    ink: Ink,
    text: String,
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

/// A drawing with a title and a caption.
#[derive(Debug, Clone, PartialEq)]
pub struct Svg {
    width: f64,
    height: f64,
    id: String,
    title: String,
    caption: String,
    shapes: Vec<Shape>,
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            id: String::new(),
            title: String::new(),
            caption: String::new(),
            shapes: Vec::new(),
        }
    }

    pub(crate) fn described(mut self, id: &str, title: &str, caption: &str) -> Self {
        self.id = id.replace('.', "-");
        title.clone_into(&mut self.title);
        caption.clone_into(&mut self.caption);
        self
    }

    pub(crate) fn set_height(&mut self, height: f64) {
        self.height = height;
    }

    pub(crate) fn rectangle(
        &mut self,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        radius: f64,
        look: Look,
    ) {
        self.shapes.push(Shape::Rectangle { x, y, width, height, radius, look });
    }

    pub(crate) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), stroke: Stroke) {
        let commands = format!("M{} {}L{} {}", number(x1), number(y1), number(x2), number(y2));
        self.shapes.push(Shape::Path { commands, look: Look::line(stroke) });
    }

    /// Straight lines through points; closed where the look fills.
    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], look: Look) {
        let mut commands = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            let _ = write!(commands, "{letter}{} {}", number(*x), number(*y));
        }
        if look.fill.is_some() {
            commands.push('Z');
        }
        self.shapes.push(Shape::Path { commands, look });
    }

    pub(crate) fn circle(&mut self, (x, y): (f64, f64), radius: f64, look: Look) {
        self.shapes.push(Shape::Circle { x, y, radius, look });
    }

    pub(crate) fn text(
        &mut self,
        (x, y): (f64, f64),
        anchor: Anchor,
        size: f64,
        ink: Ink,
        text: impl Into<String>,
    ) {
        self.shapes.push(Shape::Text(Label { x, y, anchor, size, ink, text: text.into() }));
    }

    /// Width and height as a picture of its own, with title and caption, in CSS pixels.
    #[must_use]
    pub fn size(&self) -> (f64, f64) {
        let (head, foot) = self.margins();
        (self.width, head + self.height + foot)
    }

    /// A picture of its own: title and caption drawn in, colours after the viewer's scheme.
    #[must_use]
    pub fn standalone(&self) -> String {
        let (width, height) = self.size();
        let (head, _) = self.margins();
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" \
             role=\"img\" aria-labelledby=\"{2}-title {2}-description\" font-family=\"{FONTS}\">\n",
            number(width),
            number(height),
            self.id
        );
        self.write_description(&mut out);
        let _ = writeln!(out, "<style>{}</style>", style_sheet());
        let paper = Look::filled(Ink::Paper);
        Shape::Rectangle { x: 0.0, y: 0.0, width, height, radius: 0.0, look: paper }
            .write(&mut out);
        for label in self.frame_labels() {
            Shape::Text(label).write(&mut out);
        }
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", number(head));
        self.write_shapes(&mut out);
        out.push_str("</g>\n</svg>\n");
        out
    }

    /// A part of an HTML page, which has the title and the caption beside it and
    /// [`style_sheet`] in its head.
    #[must_use]
    pub fn inline(&self) -> String {
        let mut out = format!(
            "<svg viewBox=\"0 0 {0} {1}\" role=\"img\" aria-labelledby=\"{2}-title {2}-description\" \
             font-family=\"{FONTS}\" style=\"max-width:{0}px\">\n",
            number(self.width),
            number(self.height),
            self.id
        );
        self.write_description(&mut out);
        self.write_shapes(&mut out);
        out.push_str("</svg>\n");
        out
    }

    /// Where every text of the picture lies, title and caption included.
    #[must_use]
    pub fn text_boxes(&self) -> Vec<TextBox> {
        let (head, _) = self.margins();
        let inner = self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(label) => Some(label.bounds(head)),
            _ => None,
        });
        self.frame_labels().iter().map(|label| label.bounds(0.0)).chain(inner).collect()
    }

    fn caption_lines(&self) -> Vec<String> {
        text::wrap(&self.caption, self.width - 2.0 * MARGIN, CAPTION_SIZE)
    }

    fn title_lines(&self) -> Vec<String> {
        text::wrap(&self.title, self.width - 2.0 * MARGIN, TITLE_SIZE)
    }

    fn margins(&self) -> (f64, f64) {
        if self.title.is_empty() {
            return (0.0, 0.0);
        }
        let head = 22.0 + self.title_lines().len() as f64 * (TITLE_SIZE + 6.0);
        (head, self.caption_lines().len() as f64 * CAPTION_LINE + 22.0)
    }

    fn frame_labels(&self) -> Vec<Label> {
        if self.title.is_empty() {
            return Vec::new();
        }
        let (head, _) = self.margins();
        let label =
            |y, size, ink, text| Label { x: MARGIN, y, anchor: Anchor::Start, size, ink, text };
        let titles = self.title_lines().into_iter().enumerate().map(|(index, line)| {
            label(30.0 + index as f64 * (TITLE_SIZE + 6.0), TITLE_SIZE, Ink::Text, line)
        });
        let below = head + self.height + 18.0;
        let captions = self.caption_lines().into_iter().enumerate().map(|(index, line)| {
            label(below + index as f64 * CAPTION_LINE, CAPTION_SIZE, Ink::Muted, line)
        });
        titles.chain(captions).collect()
    }

    fn write_description(&self, out: &mut String) {
        let _ = writeln!(out, "<title id=\"{}-title\">{}</title>", self.id, escape(&self.title));
        let _ =
            writeln!(out, "<desc id=\"{}-description\">{}</desc>", self.id, escape(&self.caption));
    }

    fn write_shapes(&self, out: &mut String) {
        for shape in &self.shapes {
            shape.write(out);
        }
    }
}

impl Label {
    fn bounds(&self, shift: f64) -> TextBox {
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
    fn write(&self, out: &mut String) {
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
fn number(value: f64) -> String {
    let digits = format!("{value:.2}");
    let trimmed = digits.trim_end_matches('0').trim_end_matches('.');
    if trimmed == "-0" { "0".to_owned() } else { trimmed.to_owned() }
}

/// Text for an XML element or attribute. Control characters, which XML 1.0 cannot hold, go.
fn escape(text: &str) -> String {
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
