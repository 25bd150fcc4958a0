//! Tensors as they go into and come out of a model: row-major, of one element type each.
//!
//! Deliberately without arithmetic: an application reads and writes plain slices, an engine
//! wraps them in types of its own.

use weighbridge_experiment::TensorElement;

/// The values of a tensor that is borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValuesView<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit floats.
    F64(&'a [f64]),
    /// 8-bit signed integers.
    I8(&'a [i8]),
    /// 8-bit unsigned integers.
    U8(&'a [u8]),
    /// 32-bit signed integers.
    I32(&'a [i32]),
    /// 64-bit signed integers.
    I64(&'a [i64]),
    /// Truth values.
    Bool(&'a [bool]),
}

impl ValuesView<'_> {
    /// What they are.
    #[must_use]
    pub const fn element(&self) -> TensorElement {
        match self {
            Self::F32(_) => TensorElement::F32,
            Self::F64(_) => TensorElement::F64,
            Self::I8(_) => TensorElement::I8,
            Self::U8(_) => TensorElement::U8,
            Self::I32(_) => TensorElement::I32,
            Self::I64(_) => TensorElement::I64,
            Self::Bool(_) => TensorElement::Bool,
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }
}

/// The values of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 8-bit signed integers.
    I8(Vec<i8>),
    /// 8-bit unsigned integers.
    U8(Vec<u8>),
    /// 32-bit signed integers.
    I32(Vec<i32>),
    /// 64-bit signed integers.
    I64(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl Values {
    /// The values, borrowed.
    #[must_use]
    pub fn view(&self) -> ValuesView<'_> {
        match self {
            Self::F32(values) => ValuesView::F32(values),
            Self::F64(values) => ValuesView::F64(values),
            Self::I8(values) => ValuesView::I8(values),
            Self::U8(values) => ValuesView::U8(values),
            Self::I32(values) => ValuesView::I32(values),
            Self::I64(values) => ValuesView::I64(values),
            Self::Bool(values) => ValuesView::Bool(values),
        }
    }
}

/// A tensor that is borrowed; the axes of `shape` multiplied are the number of values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TensorView<'a> {
    /// Length of each axis, outermost first.
    pub shape: &'a [usize],
    /// The values.
    pub values: ValuesView<'a>,
}

impl<'a> TensorView<'a> {
    /// A tensor of 32-bit floats, which nearly every model takes.
    #[must_use]
    pub const fn f32(shape: &'a [usize], values: &'a [f32]) -> Self {
        Self { shape, values: ValuesView::F32(values) }
    }

    /// The values, where they are 32-bit floats.
    #[must_use]
    pub const fn as_f32(&self) -> Option<&'a [f32]> {
        match self.values {
            ValuesView::F32(values) => Some(values),
            _ => None,
        }
    }
}

/// A tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Length of each axis, outermost first.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Values,
}

impl Tensor {
    /// A tensor of 32-bit floats.
    #[must_use]
    pub const fn f32(shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { shape, values: Values::F32(values) }
    }

    /// The tensor, borrowed.
    #[must_use]
    pub fn view(&self) -> TensorView<'_> {
        TensorView { shape: &self.shape, values: self.values.view() }
    }

    /// The values, where they are 32-bit floats.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        match &self.values {
            Values::F32(values) => Some(values),
            _ => None,
        }
    }

    /// Position and value of the first NaN or infinity.
    #[must_use]
    pub fn first_not_finite(&self) -> Option<(usize, f64)> {
        match &self.values {
            Values::F32(values) => {
                // The whole slice first, without an early exit: that form is vectorised, and
                // nearly every tensor is finite.
                let all_finite = values.iter().fold(true, |all, value| all & value.is_finite());
                if all_finite {
                    return None;
                }
                let index = values.iter().position(|value| !value.is_finite())?;
                Some((index, f64::from(values[index])))
            }
            Values::F64(values) => {
                let index = values.iter().position(|value| !value.is_finite())?;
                Some((index, values[index]))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_that_is_no_number_is_found() {
        let found = |values: &[f32]| Tensor::f32(vec![values.len()], values.to_vec());
        let index = |values: &[f32]| found(values).first_not_finite().map(|(index, _)| index);
        assert_eq!(index(&[]), None);
        assert_eq!(index(&[0.0, -1.0, f32::MAX]), None);
        assert_eq!(index(&[0.0, f32::NAN, f32::INFINITY]), Some(1));
        assert_eq!(index(&[0.0, 1.0, f32::NEG_INFINITY]), Some(2));
        let doubles = Tensor { shape: vec![2], values: Values::F64(vec![1.0, f64::INFINITY]) };
        assert_eq!(doubles.first_not_finite(), Some((1, f64::INFINITY)));
        let integers = Tensor { shape: vec![1], values: Values::I64(vec![i64::MAX]) };
        assert_eq!(integers.first_not_finite(), None);
    }

    #[test]
    fn views_keep_type_and_count() {
        let tensor = Tensor { shape: vec![3], values: Values::Bool(vec![true, false, true]) };
        assert_eq!(tensor.view().values.element(), TensorElement::Bool);
        assert_eq!(tensor.view().values.count(), 3);
        assert_eq!(tensor.as_f32(), None);
    }
}
