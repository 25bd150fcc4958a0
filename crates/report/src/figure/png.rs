//! A drawing as PNG, always light, with the embedded font: the same bytes on every host.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use thiserror::Error;

use super::svg::Svg;

const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// A picture of more pixels is a mistake of the scale.
const MOST_PIXELS: f64 = 100_000_000.0;

/// A drawing could not be made into a PNG.
#[derive(Debug, Error)]
pub enum PngError {
    /// The scale gives a picture without pixels, or with too many.
    #[error(
        "a picture of {width:.0} × {height:.0} pixels cannot be made; use a scale between 0.1 and 8"
    )]
    Size {
        /// Width in pixels.
        width: f64,
        /// Height in pixels.
        height: f64,
    },
    /// The drawing is not valid SVG: a defect of this program.
    #[error("the drawing could not be read back")]
    Drawing(#[source] resvg::usvg::Error),
    /// The picture could not be encoded.
    #[error("the picture could not be encoded as PNG: {0}")]
    Encoding(String),
}

/// The drawing as PNG, at `scale` pixels for each CSS pixel.
///
/// # Errors
///
/// The scale is not usable.
pub fn png(svg: &Svg, scale: f64) -> Result<Vec<u8>, PngError> {
    let (width, height) = svg.size();
    let (width, height) = ((width * scale).ceil(), (height * scale).ceil());
    let size_error = || PngError::Size { width, height };
    if !(width >= 1.0 && height >= 1.0 && width * height <= MOST_PIXELS) {
        return Err(size_error());
    }
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    let options = Options {
        font_family: "DejaVu Sans".to_owned(),
        fontdb: Arc::new(fonts),
        ..Options::default()
    };
    let tree = Tree::from_str(&svg.standalone(), &options).map_err(PngError::Drawing)?;
    let mut pixels = Pixmap::new(width as u32, height as u32).ok_or_else(size_error)?;
    resvg::render(&tree, Transform::from_scale(scale as f32, scale as f32), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Encoding(error.to_string()))
}
