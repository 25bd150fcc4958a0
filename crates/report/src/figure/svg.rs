//! A drawing as a list of shapes, and its text as SVG. Does not know what is drawn.

mod shape;

use std::fmt::Write as _;

use super::palette::{Ink, style_sheet};
use super::text;
pub use shape::TextBox;
pub(crate) use shape::{Anchor, Look, Stroke};
use shape::{Label, Shape, escape, number};

/// Fonts asked for: the embedded one first, then its nearest relatives.
const FONTS: &str = "'DejaVu Sans',Verdana,'Segoe UI',Helvetica,Arial,sans-serif";

const TITLE_SIZE: f64 = 16.0;
const CAPTION_SIZE: f64 = 11.0;
const CAPTION_LINE: f64 = 16.0;
const MARGIN: f64 = 20.0;

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
