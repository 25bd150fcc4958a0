use image::{ImageError, ImageFormat};
use thiserror::Error;

use super::PIXELS_MAX;

/// Why bytes are not a photo that can be used. Every variant names the file.
#[derive(Debug, Error)]
pub enum PhotoError {
    /// No bytes.
    #[error("`{name}` is empty (0 bytes); give a JPEG, PNG or WebP photo")]
    Empty {
        /// The file.
        name: String,
    },
    /// Not a picture in any format.
    #[error("`{name}` is not a photo: {looks_like}; give a JPEG, PNG or WebP photo")]
    NotAPhoto {
        /// The file.
        name: String,
        /// What the bytes look like.
        looks_like: &'static str,
    },
    /// A picture, in a format or kind that is not taken.
    #[error(
        "`{name}` is a picture of the kind {format}, which is not supported; convert it to JPEG, PNG or WebP"
    )]
    UnsupportedFormat {
        /// The file.
        name: String,
        /// The format.
        format: String,
    },
    /// More pixels than are taken.
    #[error("`{name}` is too large: {width} x {height} pixels are {:.1} megapixels, at most {} are taken; scale it down",
        f64::from(*width) * f64::from(*height) / 1e6, PIXELS_MAX / 1_000_000)]
    TooLarge {
        /// The file.
        name: String,
        /// Width in pixels, by its header.
        width: u32,
        /// Height in pixels, by its header.
        height: u32,
    },
    /// Decoding would take more memory than any photo of the allowed size needs.
    #[error("`{name}` was refused: decoding this {format} file asks for more memory than a photo of {} megapixels needs",
        PIXELS_MAX / 1_000_000)]
    TooMuchMemory {
        /// The file.
        name: String,
        /// Its format.
        format: &'static str,
    },
    /// A side of length zero.
    #[error("`{name}` has no pixels: its header says {width} x {height}")]
    NoPixels {
        /// The file.
        name: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The end of the file is missing.
    #[error(
        "`{name}` is truncated: this {format} file ends too early, after {bytes} bytes; copy it again"
    )]
    Truncated {
        /// The file.
        name: String,
        /// Its format.
        format: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// Damaged, by the decoder's words.
    #[error("`{name}` is damaged: this {format} file cannot be decoded")]
    Damaged {
        /// The file.
        name: String,
        /// Its format.
        format: &'static str,
        /// What the decoder says.
        source: ImageError,
    },
    /// A result could not be written in this format.
    #[error("the photo cannot be written as {format}")]
    Encode {
        /// The format.
        format: &'static str,
        /// What the encoder says.
        source: ImageError,
    },
}

impl PhotoError {
    pub(super) fn from_image(
        name: &str,
        format: ImageFormat,
        bytes: usize,
        error: ImageError,
    ) -> Self {
        let name = name.to_owned();
        let format = match format {
            ImageFormat::Jpeg => "JPEG",
            ImageFormat::Png => "PNG",
            _ => "WebP",
        };
        match error {
            ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::Truncated { name, format, bytes }
            }
            ImageError::Limits(_) => Self::TooMuchMemory { name, format },
            ImageError::Unsupported(error) => {
                Self::UnsupportedFormat { name, format: format!("{format} ({error})") }
            }
            source => Self::Damaged { name, format, source },
        }
    }
}
