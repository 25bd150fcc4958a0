//! Removes rain streaks: a photo in, a photo of the same size out.
//!
//! The model takes `image` f32 `[1, 3, height, width]`, RGB from 0 to 1, sides multiples of
//! [`ALIGNMENT`](super::ALIGNMENT), and gives `clean` of the same shape. What is missing to
//! the multiple is mirrored at the right and lower edge and cut off again.
//!
//! **Memory.** A photo too large for one pass is cut into tiles, so the engine never takes
//! more than one tile of about a megapixel needs (some 150 MB with the shipped model,
//! measured). To that come the photo and its result, 3 bytes a pixel each: 240 MB at the
//! largest size that is taken.

use weighbridge_experiment::ApplicationName;

use super::tiling::{Span, Tile, tiles};
use super::{Application, AxisNeed, PortNeed, fit_one, wrong_shape};
use crate::engine::{Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{Input, Outcome, Photo};

const AXES: &[AxisNeed] =
    &[AxisNeed::Length(1), AxisNeed::Length(3), AxisNeed::Free("height"), AxisNeed::Free("width")];

pub(super) const INPUT: PortNeed = PortNeed { name: "image", axes: AXES };
const OUTPUT: PortNeed = PortNeed { name: "clean", axes: AXES };

/// The application `derain`. Its buffers are kept from photo to photo.
#[derive(Default)]
pub struct Derain {
    photo: Option<Photo>,
    /// Pixels of the result, where they cannot replace the photo's own: a later tile still
    /// reads the neighbourhood of an earlier one.
    clean: Vec<u8>,
    tiles: Vec<Tile>,
    /// Index of the tile whose pass comes next.
    next: usize,
    shape: [usize; 4],
    planes: Vec<f32>,
}

impl Application for Derain {
    fn name(&self) -> &str {
        ApplicationName::Derain.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        fit_one(&INPUT, &OUTPUT, inputs, outputs)
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.take(Photo::decode(&input.bytes, &input.name)?);
        Ok(())
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.next < self.tiles.len())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        if let (Some(tile), Some(photo)) = (self.tiles.get(self.next), &self.photo) {
            let (width, height) =
                (tile.across.padded_length() as usize, tile.down.padded_length() as usize);
            self.shape = [1, 3, height, width];
            self.planes.resize(3 * height * width, 0.0);
            fill_planes(photo, tile, &mut self.planes);
        }
        vec![TensorView::f32(&self.shape, &self.planes)]
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        let [output] = outputs else { return Ok(()) };
        let wrong = || wrong_shape(OUTPUT.name, &self.shape, output);
        let values = output.as_f32().ok_or_else(wrong)?;
        if output.shape != self.shape {
            return Err(wrong());
        }
        if let (Some(tile), Some(photo)) = (self.tiles.get(self.next), &mut self.photo) {
            let width = photo.width() as usize;
            let target =
                if self.tiles.len() > 1 { self.clean.as_mut_slice() } else { photo.rgb_mut() };
            keep_core(values, tile, target, width);
        }
        self.next += 1;
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        let tiled = self.tiles.len() > 1;
        self.tiles.clear();
        let photo = self.photo.take().and_then(|photo| {
            if tiled {
                Photo::from_rgb(photo.width(), photo.height(), std::mem::take(&mut self.clean))
            } else {
                Some(photo)
            }
        });
        // `begin` always comes first; a photo of one black pixel is what there is without it.
        Outcome::Photo(photo.unwrap_or_else(Photo::black_pixel))
    }
}

impl Derain {
    fn take(&mut self, photo: Photo) {
        self.tiles = tiles(photo.width(), photo.height());
        self.next = 0;
        if self.tiles.len() > 1 {
            self.clean = vec![0; photo.rgb().len()];
        }
        self.photo = Some(photo);
    }
}

/// Writes the part of the photo that a tile sees as three planes of floats from 0 to 1.
fn fill_planes(photo: &Photo, tile: &Tile, planes: &mut [f32]) {
    let (across, down) = (&tile.across, &tile.down);
    let (width, height) = (across.padded_length() as usize, down.padded_length() as usize);
    let seen = across.length as usize;
    let (red, rest) = planes.split_at_mut(width * height);
    let (green, blue) = rest.split_at_mut(width * height);
    let rows = red
        .chunks_exact_mut(width)
        .zip(green.chunks_exact_mut(width))
        .zip(blue.chunks_exact_mut(width));
    for (row, ((red, green), blue)) in rows.enumerate() {
        let y = down.start as usize + mirror(row, down.length as usize);
        let first = (y * photo.width() as usize + across.start as usize) * 3;
        let pixels = photo.rgb()[first..first + seen * 3].chunks_exact(3);
        let targets = red.iter_mut().zip(green.iter_mut()).zip(blue.iter_mut());
        for (pixel, ((red, green), blue)) in pixels.zip(targets) {
            *red = f32::from(pixel[0]) * (1.0 / 255.0);
            *green = f32::from(pixel[1]) * (1.0 / 255.0);
            *blue = f32::from(pixel[2]) * (1.0 / 255.0);
        }
        for x in seen..width {
            let from = mirror(x, seen);
            red[x] = red[from];
            green[x] = green[from];
            blue[x] = blue[from];
        }
    }
}

/// Writes the core of a tile's output into the photo that it belongs to.
fn keep_core(planes: &[f32], tile: &Tile, rgb: &mut [u8], photo_width: usize) {
    let (across, down) = (&tile.across, &tile.down);
    let (width, height) = (across.padded_length() as usize, down.padded_length() as usize);
    let (red, rest) = planes.split_at(width * height);
    let (green, blue) = rest.split_at(width * height);
    let columns = core_offset(across)..core_offset(across) + across.core_length as usize;
    for row in 0..down.core_length as usize {
        let source = (core_offset(down) + row) * width;
        let source = source + columns.start..source + columns.end;
        let first =
            ((down.core_start as usize + row) * photo_width + across.core_start as usize) * 3;
        let pixels = rgb[first..first + columns.len() * 3].chunks_exact_mut(3);
        let values = red[source.clone()].iter().zip(&green[source.clone()]).zip(&blue[source]);
        for (pixel, ((red, green), blue)) in pixels.zip(values) {
            pixel[0] = to_byte(*red);
            pixel[1] = to_byte(*green);
            pixel[2] = to_byte(*blue);
        }
    }
}

const fn core_offset(span: &Span) -> usize {
    (span.core_start - span.start) as usize
}

/// 0 to 1 as 0 to 255, rounded half up; what lies outside goes to the nearest end.
fn to_byte(value: f32) -> u8 {
    (value * 255.0 + 0.5) as u8
}

/// Which of `length` pixels stands at `index` when the picture is mirrored at its end, the
/// last pixel not repeated. A picture too short for that ends with its first pixel.
const fn mirror(index: usize, length: usize) -> usize {
    if index < length { index } else { (2 * length - 1).saturating_sub(index + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mirroring_turns_at_the_last_pixel() {
        let row: Vec<usize> = (0..8).map(|index| mirror(index, 5)).collect();
        assert_eq!(row, [0, 1, 2, 3, 4, 3, 2, 1]);
        let single: Vec<usize> = (0..8).map(|index| mirror(index, 1)).collect();
        assert_eq!(single, [0; 8]);
        let short: Vec<usize> = (0..8).map(|index| mirror(index, 3)).collect();
        assert_eq!(short, [0, 1, 2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn rounding_is_half_up_and_saturates() {
        assert_eq!([-0.5, 0.0, 0.5 / 255.0, 1.0, 1.5].map(to_byte), [0, 0, 1, 255, 255]);
        for byte in 0..=255_u8 {
            assert_eq!(to_byte(f32::from(byte) * (1.0 / 255.0)), byte);
        }
    }

    /// Runs the application with an engine that gives its input back.
    fn identity(photo: &Photo) -> Outcome {
        let mut derain = Derain::default();
        derain.take(photo.clone());
        while derain.more().expect("a photo is decoded whole") {
            let input = derain.prepare().remove(0);
            let values = input.as_f32().expect("floats").to_vec();
            let output = Tensor::f32(input.shape.to_vec(), values);
            derain.interpret(&[output]).expect("the same shape");
        }
        derain.finish()
    }

    fn speckled(width: u32, height: u32) -> Photo {
        let bytes =
            (0..width * height * 3).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8);
        Photo::from_rgb(width, height, bytes.collect()).expect("the right length")
    }

    #[test]
    fn a_tiled_photo_comes_back_whole() {
        for (width, height) in [(1100, 1000), (1023, 2051), (3000, 401)] {
            let photo = speckled(width, height);
            assert_eq!(identity(&photo), Outcome::Photo(photo));
        }
    }

    #[test]
    fn an_output_of_another_shape_is_refused() {
        let mut derain = Derain::default();
        derain.take(speckled(9, 5));
        assert_eq!(derain.prepare()[0].shape, [1, 3, 8, 16]);
        let output = Tensor::f32(vec![1, 3, 8, 8], vec![0.0; 192]);
        let refused = derain.interpret(&[output]).expect_err("another shape").to_string();
        assert!(refused.ends_with("f32 [1, 3, 8, 16] was expected"), "{refused}");
    }

    proptest! {
        #[test]
        fn padding_and_its_inverse_keep_size_and_pixels(width in 1_u32..70, height in 1_u32..70) {
            let photo = speckled(width, height);
            prop_assert_eq!(identity(&photo), Outcome::Photo(photo));
        }
    }
}
