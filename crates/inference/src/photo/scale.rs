//! Scaling a photo to another size.
//!
//! The library's general entry is compiled for every kind of pixel that it knows, three
//! megabytes of code; photos have one kind, so the typed entry is used, and here only.

use fast_image_resize::images::{Image, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{ResizeOptions, Resizer};

use super::Photo;

/// Fills `into`, whose pixels are three bytes each, with the photo scaled to its size.
pub(crate) fn scale(
    resizer: &mut Resizer,
    photo: &Photo,
    into: &mut Image<'_>,
    options: &ResizeOptions,
) {
    let source = TypedImageRef::<U8x3>::from_buffer(photo.width(), photo.height(), photo.rgb());
    let target = into.typed_image_mut::<U8x3>();
    let done = source.ok().zip(target).is_some_and(|(source, mut target)| {
        resizer.resize_typed(&source, &mut target, options).is_ok()
    });
    // It fails only where a buffer's length or pixel type does not fit its size, which `Photo`
    // and `Image::new` rule out.
    debug_assert!(done, "a photo of {} x {} cannot be scaled", photo.width(), photo.height());
}
