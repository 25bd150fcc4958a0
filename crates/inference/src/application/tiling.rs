//! How a large photo is cut so that no seam shows and memory stays bounded.
//!
//! A tile is run with a margin of [`HALO`] pixels on each side that lies inside the photo,
//! and only its core is kept. Pure: knows sizes, not pixels.

/// Sides that the network takes are multiples of this: it works at an eighth of the size.
pub const ALIGNMENT: u32 = 8;

/// How far the network looks, rounded up to [`ALIGNMENT`]: an output pixel depends on
/// nothing further away than 99 pixels (`models/derain.md`; a test tries it on the model).
pub const HALO: u32 = 104;

/// The longest side of what one pass of the network sees, margins included. One pass of
/// that size is what bounds the engine's memory, whatever the photo's size.
pub const TILE_SIDE_MAX: u32 = 1024;

/// One pass over a part of a photo. Pixels, from the photo's top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// What the pass sees, horizontally.
    pub across: Span,
    /// What the pass sees, vertically.
    pub down: Span,
}

/// One axis of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First pixel seen; a multiple of [`ALIGNMENT`], so that every tile meets the network's
    /// grid as the whole photo would.
    pub start: u32,
    /// Pixels of the photo seen.
    pub length: u32,
    /// First pixel kept.
    pub core_start: u32,
    /// Pixels kept.
    pub core_length: u32,
}

impl Span {
    /// `length` padded to the network's alignment.
    #[must_use]
    pub const fn padded_length(&self) -> u32 {
        self.length.next_multiple_of(ALIGNMENT)
    }
}

/// The passes for a photo of this size, row by row. One, where the whole photo fits into the
/// area of a tile.
#[must_use]
pub fn tiles(width: u32, height: u32) -> Vec<Tile> {
    let padded = |length: u32| u64::from(length.next_multiple_of(ALIGNMENT));
    if padded(width) * padded(height) <= u64::from(TILE_SIDE_MAX).pow(2) {
        return vec![Tile { across: whole(width), down: whole(height) }];
    }
    let across = spans(width);
    let down = spans(height);
    down.iter()
        .flat_map(|down| across.iter().map(|across| Tile { across: *across, down: *down }))
        .collect()
}

const fn whole(length: u32) -> Span {
    Span { start: 0, length, core_start: 0, core_length: length }
}

/// Cuts one axis into cores of nearly equal length, none of which needs more than
/// [`TILE_SIDE_MAX`] with its margins.
fn spans(length: u32) -> Vec<Span> {
    if length <= TILE_SIDE_MAX {
        return vec![whole(length)];
    }
    let longest = TILE_SIDE_MAX - 2 * HALO;
    let core = length.div_ceil(length.div_ceil(longest)).next_multiple_of(ALIGNMENT);
    let starts = (0..length.div_ceil(core)).map(|index| index * core);
    starts
        .map(|core_start| {
            let core_length = core.min(length - core_start);
            let start = core_start.saturating_sub(HALO);
            let end = (core_start + core_length + HALO).min(length);
            Span { start, length: end - start, core_start, core_length }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_photo_of_one_megapixel_is_one_pass() {
        assert_eq!(tiles(512, 512).len(), 1);
        assert_eq!(tiles(1024, 1024).len(), 1);
        assert_eq!(tiles(8192, 128).len(), 1);
        assert_eq!(tiles(1025, 1024).len(), 2);
    }

    #[test]
    fn the_largest_photos_need_fewer_than_a_hundred_passes() {
        assert_eq!(tiles(7296, 5472).len(), 9 * 7);
        assert_eq!(tiles(40_000_000, 1).len(), 49_020);
    }

    proptest! {
        #[test]
        fn cores_cover_each_axis_once_and_margins_are_full(length in 1_u32..50_000) {
            let spans = spans(length);
            let mut next = 0;
            for span in &spans {
                prop_assert_eq!(span.core_start, next);
                prop_assert!(span.core_length > 0);
                next += span.core_length;
                let end = span.start + span.length;
                prop_assert_eq!(span.start % ALIGNMENT, 0);
                prop_assert!(end <= length);
                prop_assert!(span.start == 0 || span.core_start - span.start >= HALO);
                prop_assert!(end == length || end - next >= HALO);
                prop_assert!(end == length || end % ALIGNMENT == 0);
                prop_assert!(span.padded_length() <= TILE_SIDE_MAX);
            }
            prop_assert_eq!(next, length);
        }

        #[test]
        fn no_pass_is_larger_than_a_tile(width in 1_u32..20_000, height in 1_u32..2_000) {
            for tile in tiles(width, height) {
                let pixels = u64::from(tile.across.padded_length()) * u64::from(tile.down.padded_length());
                prop_assert!(pixels <= u64::from(TILE_SIDE_MAX).pow(2));
            }
        }
    }
}
