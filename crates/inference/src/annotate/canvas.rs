//! Lines, dots and text on the pixels of a photo. Whatever reaches beyond it is cut off.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, ScaleFont, point};

use crate::{Photo, PixelBox};

/// Red, green, blue.
pub(super) type Colour = [u8; 3];

/// `None` if the file were no font; a test holds that it is one. Photos then have no text.
static FONT: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| {
    FontRef::try_from_slice(include_bytes!("../../../report/fonts/DejaVuSans.ttf")).ok()
});

/// A photo that is drawn on. Sizes follow the photo's, so that a large one shown small can be
/// read still.
pub(super) struct Canvas {
    photo: Photo,
    stroke: f32,
    letters: f32,
}

impl Canvas {
    pub(super) fn new(photo: Photo) -> Self {
        let side = photo.width().max(photo.height()) as f32;
        Self { photo, stroke: (side / 320.0).round().max(2.0), letters: (side / 40.0).max(13.0) }
    }

    pub(super) fn into_photo(self) -> Photo {
        self.photo
    }

    /// Height of a line of text with its plate, in pixels.
    pub(super) const fn text_height(&self) -> f32 {
        self.letters + 2.0
    }

    /// The edges of a box, drawn inside it.
    pub(super) fn outline(&mut self, place: PixelBox, colour: Colour) {
        let PixelBox { left, top, right, bottom } = place;
        // An edge thicker than half of the box would stick out on the other side.
        let across = self.stroke.min((right - left).max(1.0));
        let down = self.stroke.min((bottom - top).max(1.0));
        self.fill(PixelBox { left, top, right, bottom: top + down }, colour);
        self.fill(PixelBox { left, top: bottom - down, right, bottom }, colour);
        self.fill(PixelBox { left, top, right: left + across, bottom }, colour);
        self.fill(PixelBox { left: right - across, top, right, bottom }, colour);
    }

    /// A disc around a point.
    pub(super) fn dot(&mut self, [x, y]: [f32; 2], colour: Colour) {
        let radius = 1.5 * self.stroke;
        let columns = self.columns(x - radius, x + radius + 1.0);
        for row in self.rows(y - radius, y + radius + 1.0) {
            for column in columns.clone() {
                let (right, down) = (column as f32 - x.floor(), row as f32 - y.floor());
                if right * right + down * down <= radius * radius {
                    self.blend(column, row, colour, 1.0);
                }
            }
        }
    }

    /// Text on a plate of this colour, black or white, whichever reads better. The plate is moved
    /// into the photo where it would stick out at the right or below.
    pub(super) fn plate(&mut self, text: &str, [left, top]: [f32; 2], colour: Colour) {
        let Some(font) = FONT.as_ref() else { return };
        let font = font.as_scaled(self.letters);
        let mut width = 2.0;
        let mut glyphs = Vec::new();
        let mut last = None;
        for letter in text.chars() {
            let id = font.glyph_id(letter);
            width += last.map_or(0.0, |last| font.kern(last, id));
            glyphs.push((id, width));
            width += font.h_advance(id);
            last = Some(id);
        }
        width += 2.0;
        let height = self.text_height();
        let left = left.min(self.photo.width() as f32 - width).max(0.0);
        let top = top.min(self.photo.height() as f32 - height).max(0.0);
        self.fill(PixelBox { left, top, right: left + width, bottom: top + height }, colour);

        let ink = if brightness(colour) > 140.0 { [0; 3] } else { [255; 3] };
        let line = font.ascent() - font.descent();
        let baseline = top + (height - line) / 2.0 + font.ascent();
        for (id, advance) in glyphs {
            let place = point(left + advance, baseline);
            let glyph = id.with_scale_and_position(self.letters, place);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let corner = outline.px_bounds().min;
            outline.draw(|right, down, cover| {
                let (x, y) = (corner.x + right as f32, corner.y + down as f32);
                let inside = x >= 0.0
                    && y >= 0.0
                    && x < self.photo.width() as f32
                    && y < self.photo.height() as f32;
                if inside {
                    self.blend(x as usize, y as usize, ink, cover.min(1.0));
                }
            });
        }
    }

    fn fill(&mut self, place: PixelBox, colour: Colour) {
        let columns = self.columns(place.left.floor(), place.right.floor());
        for row in self.rows(place.top.floor(), place.bottom.floor()) {
            for column in columns.clone() {
                self.blend(column, row, colour, 1.0);
            }
        }
    }

    /// Columns of the photo between two places.
    fn columns(&self, from: f32, to: f32) -> std::ops::Range<usize> {
        let width = self.photo.width() as f32;
        from.clamp(0.0, width) as usize..to.clamp(0.0, width) as usize
    }

    fn rows(&self, from: f32, to: f32) -> std::ops::Range<usize> {
        let height = self.photo.height() as f32;
        from.clamp(0.0, height) as usize..to.clamp(0.0, height) as usize
    }

    /// Lays a colour over a pixel of the photo; `cover` from 0 to 1.
    fn blend(&mut self, column: usize, row: usize, colour: Colour, cover: f32) {
        let first = (row * self.photo.width() as usize + column) * 3;
        let pixel = &mut self.photo.rgb_mut()[first..first + 3];
        for (below, above) in pixel.iter_mut().zip(colour) {
            let mixed = f32::from(*below) * (1.0 - cover) + f32::from(above) * cover;
            *below = (mixed + 0.5) as u8;
        }
    }
}

/// As an eye sees it, 0 to 255 (luma of ITU-R BT.601).
fn brightness([red, green, blue]: Colour) -> f32 {
    0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_one() {
        let font = FONT.as_ref().expect("the file is a font");
        for letter in "aÄω7?".chars() {
            assert_ne!(font.glyph_id(letter).0, 0, "{letter}");
        }
    }
}
