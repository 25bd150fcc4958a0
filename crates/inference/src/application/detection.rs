//! What the detectors share: fitting a photo into a model's input, suppressing boxes of the
//! same object, labels, and mapping places back.
//!
//! It deliberately knows no model: where boxes come from is the applications' business.

pub(super) mod frame;
pub(super) mod pass;
pub(super) mod suppress;
pub(super) mod yolo;

use crate::engine::{Extent, Port};
use crate::error::Misfit;

use super::describe_ports;

/// Side of the input where a model leaves it open: the size at which the public detectors
/// were trained and at which their cost is published.
pub(super) const SIDE_DEFAULT: usize = 640;

/// The largest side that is taken: beyond it, one input alone fills gigabytes.
const SIDE_MAX: usize = 8192;

/// The one input of a detector, f32 `[1, 3, height, width]`, as (height, width). An axis left
/// open becomes 1 or 3, or [`SIDE_DEFAULT`].
///
/// # Errors
///
/// When the model has another input.
pub(super) fn image_input(inputs: &[Port], multiple: usize) -> Result<(usize, usize), Misfit> {
    let misfit = || Misfit {
        expected: format!(
            "one input f32 [1, 3, height, width] with sides that are multiples of {multiple}, up to {SIDE_MAX},"
        ),
        found: describe_ports(inputs, "input"),
    };
    let [port] = inputs else { return Err(misfit()) };
    if port.element.is_some_and(|element| element != "f32") {
        return Err(misfit());
    }
    let Some(shape) = &port.shape else { return Ok((SIDE_DEFAULT, SIDE_DEFAULT)) };
    let [batch, channels, height, width] = shape.as_slice() else { return Err(misfit()) };
    let length = |extent: &Extent, open| match extent {
        Extent::Fixed(length) => *length,
        Extent::Free(_) => open,
    };
    let (height, width) = (length(height, SIDE_DEFAULT), length(width, SIDE_DEFAULT));
    let side_fits = |side: usize| side > 0 && side <= SIDE_MAX && side.is_multiple_of(multiple);
    if length(batch, 1) != 1 || length(channels, 3) != 3 || !side_fits(height) || !side_fits(width)
    {
        return Err(misfit());
    }
    Ok((height, width))
}

/// The lengths of a declared shape, `None` for those left open. `None` as a whole where the
/// model does not say.
pub(super) fn lengths(port: &Port) -> Option<Vec<Option<usize>>> {
    let length = |extent: &Extent| match extent {
        Extent::Fixed(length) => Some(*length),
        Extent::Free(_) => None,
    };
    port.shape.as_ref().map(|shape| shape.iter().map(length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(element: &'static str, shape: Option<&[Option<usize>]>) -> Port {
        let extent = |length: &Option<usize>| {
            length.map_or_else(|| Extent::Free("height".into()), Extent::Fixed)
        };
        Port {
            name: "images".into(),
            element: Some(element),
            shape: shape.map(|shape| shape.iter().map(extent).collect()),
        }
    }

    #[test]
    fn an_open_size_becomes_the_usual_one() {
        let size = |shape: &[Option<usize>]| image_input(&[port("f32", Some(shape))], 32);
        assert_eq!(size(&[Some(1), Some(3), Some(320), Some(640)]), Ok((320, 640)));
        assert_eq!(size(&[None, Some(3), None, None]), Ok((640, 640)));
        assert_eq!(image_input(&[port("f32", None)], 32), Ok((640, 640)));
    }

    #[test]
    fn another_input_is_refused_with_what_it_is() {
        let refused = |element, shape: &[Option<usize>]| {
            image_input(&[port(element, Some(shape))], 32).expect_err("refused").found
        };
        let square = [Some(1), Some(3), Some(640), Some(640)];
        assert_eq!(refused("u8", &square), "the input `images` u8 [1, 3, 640, 640]");
        refused("f32", &[Some(4), Some(3), Some(640), Some(640)]);
        refused("f32", &[Some(1), Some(1), Some(640), Some(640)]);
        refused("f32", &[Some(1), Some(3), Some(600), Some(640)]);
        refused("f32", &[Some(1), Some(3), Some(0), Some(640)]);
        refused("f32", &[Some(3), Some(640), Some(640)]);
        assert!(image_input(&[], 32).is_err());
    }
}
