//! Photos: encoded bytes to 8-bit RGB and back, within a stated memory rule.
//!
//! **The memory rule.** The header is read first. A photo of more than [`PIXELS_MAX`] pixels
//! is refused before its pixels are touched; for the others the decoder may allocate no more
//! than a 16-bit RGBA picture of that many pixels takes. What a small file claims to expand
//! to is therefore bounded, whatever it claims.
//!
//! Deliberately not done here: colour profiles are not applied, transparency is dropped (the
//! result is opaque), of an animation only the first picture is taken.

mod error;
mod jpeg;
mod scale;

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
};

pub use error::PhotoError;
pub(crate) use scale::scale;

/// The largest photo that is taken, in pixels.
pub const PIXELS_MAX: u64 = 40_000_000;

/// Eight bytes a pixel, as 16-bit RGBA takes; and 16 MiB for a decoder's own tables and rows.
const DECODER_BYTES_MAX: u64 = PIXELS_MAX * 8 + (16 << 20);

/// An opaque picture of 8-bit RGB pixels, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Photo {
    /// A photo of these pixels: rows from the top, three bytes a pixel.
    ///
    /// `None` unless there is at least one pixel and `rgb` holds `width` × `height` × 3 bytes.
    #[must_use]
    pub fn from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && bytes == rgb.len() as u64).then_some(Self { width, height, rgb })
    }

    /// Decodes a JPEG, PNG or WebP file, recognised by its content, and turns it upright as
    /// its EXIF orientation says. `name` is what the user calls the file, for messages.
    ///
    /// # Errors
    ///
    /// One variant for each way in which the bytes are not a photo that can be used.
    pub fn decode(bytes: &[u8], name: &str) -> Result<Self, PhotoError> {
        let format = recognise(bytes, name)?;
        if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
            return Err(PhotoError::Truncated {
                name: name.into(),
                format: "JPEG",
                bytes: bytes.len(),
            });
        }
        let failed = |error| PhotoError::from_image(name, format, bytes.len(), error);
        let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
        let mut limits = Limits::default();
        limits.max_alloc = Some(DECODER_BYTES_MAX);
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(failed)?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if pixels > PIXELS_MAX {
            return Err(PhotoError::TooLarge { name: name.into(), width, height });
        }
        if pixels == 0 {
            return Err(PhotoError::NoPixels { name: name.into(), width, height });
        }
        // A damaged EXIF block costs the orientation, not the photo.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
        image.apply_orientation(orientation);
        let image = image.into_rgb8();
        Ok(Self { width: image.width(), height: image.height(), rgb: image.into_raw() })
    }

    pub(crate) fn black_pixel() -> Self {
        Self { width: 1, height: 1, rgb: vec![0; 3] }
    }

    /// Width in pixels.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The pixels: rows from the top, three bytes a pixel.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    pub(crate) fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// The photo as a PNG file: every pixel is kept.
    ///
    /// # Errors
    ///
    /// When the encoder fails.
    pub fn encode_png(&self) -> Result<Vec<u8>, PhotoError> {
        let mut file = Vec::new();
        PngEncoder::new(&mut file)
            .write_image(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8)
            .map_err(|source| PhotoError::Encode { format: "PNG", source })?;
        Ok(file)
    }

    /// The photo as a JPEG file of this quality, 1 to 100.
    ///
    /// # Errors
    ///
    /// When a side is longer than the 65,535 pixels that JPEG can state.
    pub fn encode_jpeg(&self, quality: u8) -> Result<Vec<u8>, PhotoError> {
        let mut file = Vec::new();
        JpegEncoder::new_with_quality(&mut file, quality)
            .write_image(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8)
            .map_err(|source| PhotoError::Encode { format: "JPEG", source })?;
        Ok(file)
    }
}

/// The format by the first bytes, whatever the file's name says.
fn recognise(bytes: &[u8], name: &str) -> Result<ImageFormat, PhotoError> {
    if bytes.is_empty() {
        return Err(PhotoError::Empty { name: name.into() });
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Ok(format),
        Ok(other) => {
            Err(PhotoError::UnsupportedFormat { name: name.into(), format: format!("{other:?}") })
        }
        Err(_) => Err(PhotoError::NotAPhoto { name: name.into(), looks_like: looks_like(bytes) }),
    }
}

fn looks_like(bytes: &[u8]) -> &'static str {
    let start = &bytes[..bytes.len().min(512)];
    let valid = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character may be cut in two at the end of what is looked at.
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
    };
    let text = start.len() - valid.len() < 4 && !valid.is_empty() && !valid.contains('\0');
    if text { "it looks like text" } else { "its first bytes are those of no known picture format" }
}

#[cfg(test)]
mod tests;
