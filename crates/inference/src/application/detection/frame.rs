//! A photo of any size in the fixed frame of a model's input, and the way back.

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::photo::scale;
use crate::{Photo, PixelBox};

/// Where in the frame the photo lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::application) enum Anchorage {
    /// In the middle: YOLOv5 was trained so (`letterbox` of ultralytics/yolov5).
    Centre,
    /// In the upper left corner.
    UpperLeft,
}

/// How pixels become numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::application) enum Encoding {
    /// Red, green, blue from 0 to 1.
    RgbUnit,
    /// Blue, green, red from 0 to 255, less this mean in the same order.
    BgrLessMean([f32; 3]),
}

/// Where a photo of one size lies in a frame of another: as large as it fits, its proportions
/// kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::application) struct Placement {
    photo: (u32, u32),
    /// Width and height in the frame, at least one pixel each.
    inner: (u32, u32),
    /// Of its upper left corner in the frame.
    offset: (u32, u32),
}

impl Placement {
    /// `photo` and `frame` are width and height.
    pub(in crate::application) fn new(
        photo: (u32, u32),
        frame: (u32, u32),
        anchorage: Anchorage,
    ) -> Self {
        let ratio = |inner: u32, outer: u32| f64::from(outer) / f64::from(inner);
        let scale = ratio(photo.0, frame.0).min(ratio(photo.1, frame.1));
        let side = |length: u32, most: u32| {
            // In range: the scale takes the longer side to the frame's and no further.
            ((f64::from(length) * scale).round_ties_even() as u32).clamp(1, most)
        };
        let inner = (side(photo.0, frame.0), side(photo.1, frame.1));
        let offset = match anchorage {
            // An odd pixel is left over at the right and lower edge.
            Anchorage::Centre => ((frame.0 - inner.0) / 2, (frame.1 - inner.1) / 2),
            Anchorage::UpperLeft => (0, 0),
        };
        Self { photo, inner, offset }
    }

    /// A point of the frame in pixels of the photo, not clipped.
    pub(in crate::application) fn to_photo(self, [x, y]: [f32; 2]) -> [f32; 2] {
        let back = |place: f32, offset: u32, photo: u32, inner: u32| {
            (place - offset as f32) * (photo as f32 / inner as f32)
        };
        [
            back(x, self.offset.0, self.photo.0, self.inner.0),
            back(y, self.offset.1, self.photo.1, self.inner.1),
        ]
    }

    /// A box of the frame in pixels of the photo, clipped to it. `None` where nothing of it is
    /// inside: it lies in the padding.
    pub(in crate::application) fn box_to_photo(self, place: PixelBox) -> Option<PixelBox> {
        let [left, top] = self.to_photo([place.left, place.top]);
        let [right, bottom] = self.to_photo([place.right, place.bottom]);
        let (width, height) = (self.photo.0 as f32, self.photo.1 as f32);
        let clipped = PixelBox {
            left: left.clamp(0.0, width),
            top: top.clamp(0.0, height),
            right: right.clamp(0.0, width),
            bottom: bottom.clamp(0.0, height),
        };
        (clipped.right > clipped.left && clipped.bottom > clipped.top).then_some(clipped)
    }
}

/// The input tensor of a detector, `[1, 3, height, width]`, refilled for each photo.
pub(in crate::application) struct Frame {
    shape: [usize; 4],
    anchorage: Anchorage,
    encoding: Encoding,
    /// Value of each plane where there is no photo.
    padding: [f32; 3],
    resizer: Resizer,
    small: Image<'static>,
    planes: Vec<f32>,
    /// Of the photo that the planes hold now.
    placement: Option<Placement>,
}

impl Frame {
    pub(in crate::application) fn new(
        (height, width): (usize, usize),
        anchorage: Anchorage,
        encoding: Encoding,
        padding: [f32; 3],
    ) -> Self {
        Self {
            shape: [1, 3, height, width],
            anchorage,
            encoding,
            padding,
            resizer: Resizer::new(),
            small: Image::new(1, 1, PixelType::U8x3),
            planes: vec![0.0; 3 * height * width],
            placement: None,
        }
    }

    /// Where the photo lies that the planes hold now; `None` before the first.
    pub(in crate::application) const fn placement(&self) -> Option<Placement> {
        self.placement
    }

    /// Height and width.
    pub(in crate::application) const fn size(&self) -> (usize, usize) {
        (self.shape[2], self.shape[3])
    }

    pub(in crate::application) const fn shape(&self) -> &[usize; 4] {
        &self.shape
    }

    pub(in crate::application) fn planes(&self) -> &[f32] {
        &self.planes
    }

    /// Scales the photo into the frame. Linear interpolation between the four nearest pixels,
    /// as OpenCV's `INTER_LINEAR`, with which both detectors' training pictures were scaled.
    pub(in crate::application) fn place(&mut self, photo: &Photo) -> Placement {
        let (height, width) = self.size();
        let size = (photo.width(), photo.height());
        let placement = Placement::new(size, (width as u32, height as u32), self.anchorage);
        if self.placement != Some(placement) {
            let plane = height * width;
            for (values, padding) in self.planes.chunks_exact_mut(plane).zip(self.padding) {
                values.fill(padding);
            }
            self.placement = Some(placement);
        }
        if placement.inner == size {
            fill(&mut self.planes, self.shape, placement, self.encoding, photo.rgb());
            return placement;
        }
        let (inner_width, inner_height) = placement.inner;
        if (self.small.width(), self.small.height()) != placement.inner {
            self.small = Image::new(inner_width, inner_height, PixelType::U8x3);
        }
        let algorithm = ResizeAlg::Interpolation(FilterType::Bilinear);
        let options = ResizeOptions::new().resize_alg(algorithm);
        scale(&mut self.resizer, photo, &mut self.small, &options);
        fill(&mut self.planes, self.shape, placement, self.encoding, self.small.buffer());
        placement
    }
}

/// Writes interleaved pixels into the three planes at their place.
fn fill(
    planes: &mut [f32],
    [_, _, height, width]: [usize; 4],
    placement: Placement,
    encoding: Encoding,
    rgb: &[u8],
) {
    let (first, rest) = planes.split_at_mut(height * width);
    let (second, third) = rest.split_at_mut(height * width);
    // Two loops without a branch inside: each is compiled to vector instructions.
    let (scale, mean, planes) = match encoding {
        Encoding::RgbUnit => (1.0 / 255.0, [0.0; 3], [first, second, third]),
        // The red channel goes to the last plane, the blue one to the first.
        Encoding::BgrLessMean([blue, green, red]) => {
            (1.0, [red, green, blue], [third, second, first])
        }
    };
    let [red, green, blue] = planes;
    let inner_width = placement.inner.0 as usize;
    let (left, top) = (placement.offset.0 as usize, placement.offset.1 as usize);
    for (row, pixels) in rgb.chunks_exact(3 * inner_width).enumerate() {
        let start = (top + row) * width + left;
        let span = start..start + inner_width;
        let targets = red[span.clone()]
            .iter_mut()
            .zip(green[span.clone()].iter_mut())
            .zip(blue[span].iter_mut());
        for (pixel, ((red, green), blue)) in pixels.chunks_exact(3).zip(targets) {
            *red = (f32::from(pixel[0]) - mean[0]) * scale;
            *green = (f32::from(pixel[1]) - mean[1]) * scale;
            *blue = (f32::from(pixel[2]) - mean[2]) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn photo(width: u32, height: u32, pixel: [u8; 3]) -> Photo {
        Photo::from_rgb(width, height, pixel.repeat((width * height) as usize)).expect("fits")
    }

    #[test]
    fn a_wide_photo_gets_bars_above_and_below() {
        let placement = Placement::new((1280, 720), (640, 640), Anchorage::Centre);
        assert_eq!((placement.inner, placement.offset), ((640, 360), (0, 140)));
        assert_eq!(placement.to_photo([320.0, 140.0]), [640.0, 0.0]);
        // 427 rows leave 213; the odd one is below.
        let placement = Placement::new((640, 427), (640, 640), Anchorage::Centre);
        assert_eq!((placement.inner, placement.offset), ((640, 427), (0, 106)));
        let corner = Placement::new((300, 600), (640, 640), Anchorage::UpperLeft);
        assert_eq!((corner.inner, corner.offset), ((320, 640), (0, 0)));
    }

    #[test]
    fn extreme_proportions_keep_a_pixel() {
        let placement = Placement::new((20_000, 1), (640, 640), Anchorage::Centre);
        assert_eq!(placement.inner, (640, 1));
    }

    #[test]
    fn boxes_beyond_the_photo_are_cut_at_its_border() {
        let placement = Placement::new((100, 50), (640, 640), Anchorage::Centre);
        let outside = PixelBox { left: -30.0, top: 0.0, right: 700.0, bottom: 300.0 };
        let found = placement.box_to_photo(outside).expect("a part is inside");
        assert_eq!((found.left, found.top, found.right), (0.0, 0.0, 100.0));
        assert!((found.bottom - (300.0 - 160.0) / 6.4).abs() < 1e-3);
        let bar = PixelBox { left: 0.0, top: 0.0, right: 640.0, bottom: 160.0 };
        assert_eq!(placement.box_to_photo(bar), None, "only the bar above the photo");
    }

    #[test]
    fn colours_and_padding_land_in_their_planes() {
        let mut frame =
            Frame::new((64, 96), Anchorage::Centre, Encoding::RgbUnit, [114.0 / 255.0; 3]);
        let placement = frame.place(&photo(30, 40, [255, 51, 0]));
        assert_eq!((placement.inner, placement.offset), ((48, 64), (24, 0)));
        for (plane, inside) in frame.planes().chunks_exact(64 * 96).zip([1.0_f32, 0.2, 0.0]) {
            assert!((plane[30 * 96 + 23] - 114.0 / 255.0).abs() < 1e-6, "beside the photo");
            assert!((plane[30 * 96 + 24] - inside).abs() < 1e-6, "its first column");
            assert!((plane[30 * 96 + 71] - inside).abs() < 1e-6, "its last column");
            assert!((plane[30 * 96 + 72] - 114.0 / 255.0).abs() < 1e-6, "beside the photo");
        }
        // A photo of another shape leaves nothing of the former one.
        frame.place(&photo(96, 32, [0, 0, 0]));
        assert!((frame.planes()[0] - 114.0 / 255.0).abs() < 1e-6);
    }

    #[test]
    fn blue_comes_first_where_the_model_was_trained_so() {
        let encoding = Encoding::BgrLessMean([104.0, 117.0, 123.0]);
        let mut frame = Frame::new((32, 32), Anchorage::UpperLeft, encoding, [0.0; 3]);
        frame.place(&photo(32, 16, [200, 100, 50]));
        let plane = |index: usize| frame.planes()[index * 32 * 32];
        assert_eq!([plane(0), plane(1), plane(2)], [50.0 - 104.0, 100.0 - 117.0, 200.0 - 123.0]);
        assert_eq!(frame.planes()[20 * 32], 0.0, "below the photo");
    }

    #[test]
    fn scaling_is_linear_between_the_middles_of_pixels() {
        // Twice as wide and high: each middle lies a quarter from the nearest pixel's.
        let mut frame = Frame::new((32, 64), Anchorage::UpperLeft, Encoding::RgbUnit, [0.0; 3]);
        let rgb = (0..32 * 16).flat_map(|pixel| [pixel as u8 % 32 * 8; 3]).collect();
        frame.place(&Photo::from_rgb(32, 16, rgb).expect("fits"));
        let row: Vec<f32> = frame.planes()[64 * 7..64 * 7 + 6].iter().map(|v| v * 255.0).collect();
        for (found, expected) in row.iter().zip([0.0, 2.0, 6.0, 10.0, 14.0, 18.0]) {
            assert!((found - expected).abs() <= 1.0, "{row:?}");
        }
    }

    proptest! {
        #[test]
        fn the_way_back_is_within_a_pixel(
            photo in (1_u32..5000, 1_u32..5000),
            frame in (32_u32..1000, 32_u32..1000),
            place in (0.0_f32..1.0, 0.0_f32..1.0),
            centre in any::<bool>(),
        ) {
            let anchorage = if centre { Anchorage::Centre } else { Anchorage::UpperLeft };
            let placement = Placement::new(photo, frame, anchorage);
            // Forward, by the definition: the corners of the photo are the corners of `inner`.
            let forward = [
                placement.offset.0 as f32 + place.0 * placement.inner.0 as f32,
                placement.offset.1 as f32 + place.1 * placement.inner.1 as f32,
            ];
            let back = placement.to_photo(forward);
            prop_assert!((back[0] - place.0 * photo.0 as f32).abs() < 1.0);
            prop_assert!((back[1] - place.1 * photo.1 as f32).abs() < 1.0);
            prop_assert!(placement.inner.0 <= frame.0 && placement.inner.1 <= frame.1);
        }
    }
}
