//! Tensors of this crate as values of ONNX Runtime, and back.

use std::fmt::Debug;

use ort::session::SessionInputValue;
use ort::value::{
    DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType,
};

use weighbridge_experiment::TensorElement;

use super::super::{EngineError, Extent, Port, Tensor, TensorView, Values, ValuesView};
use super::{ENGINE, says};

/// A borrowed tensor as an input: nothing is copied.
pub(super) fn bind<'a>(
    input: &TensorView<'a>,
    port: &Port,
) -> Result<SessionInputValue<'a>, EngineError> {
    if input.shape.iter().product::<usize>() != input.values.count() {
        return Err(EngineError::InputLength {
            input: port.name.clone(),
            shape: input.shape.to_vec(),
            values: input.values.count(),
        });
    }
    match input.values {
        ValuesView::F32(values) => view(input.shape, values),
        ValuesView::F64(values) => view(input.shape, values),
        ValuesView::I8(values) => view(input.shape, values),
        ValuesView::U8(values) => view(input.shape, values),
        ValuesView::I32(values) => view(input.shape, values),
        ValuesView::I64(values) => view(input.shape, values),
        ValuesView::Bool(values) => view(input.shape, values),
    }
}

fn view<'a, T: PrimitiveTensorElementType + Debug + Clone + 'static>(
    shape: &'a [usize],
    values: &'a [T],
) -> Result<SessionInputValue<'a>, EngineError> {
    TensorRef::from_array_view((shape, values))
        .map(Into::into)
        .map_err(|error| EngineError::Run { engine: ENGINE, detail: says(&error) })
}

/// An output as a tensor of our own.
pub(super) fn tensor(value: &DynValue, port: &Port) -> Result<Tensor, EngineError> {
    let refused = |element: String| EngineError::OutputType { output: port.name.clone(), element };
    let Some(kind) = value.dtype().tensor_type() else {
        return Err(refused(value.dtype().to_string()));
    };
    let Some(element) = element(kind) else { return Err(refused(kind.to_string())) };
    let taken = match element {
        TensorElement::F32 => take(value, Values::F32),
        TensorElement::F64 => take(value, Values::F64),
        TensorElement::I8 => take(value, Values::I8),
        TensorElement::U8 => take(value, Values::U8),
        TensorElement::I32 => take(value, Values::I32),
        TensorElement::I64 => take(value, Values::I64),
        TensorElement::Bool => take(value, Values::Bool),
    };
    taken.map_err(|error| EngineError::Run { engine: ENGINE, detail: says(&error) })
}

fn take<T: PrimitiveTensorElementType + Clone>(
    value: &DynValue,
    wrap: fn(Vec<T>) -> Values,
) -> ort::Result<Tensor> {
    let (shape, values) = value.try_extract_tensor::<T>()?;
    let shape = shape.iter().map(|length| usize::try_from(*length).unwrap_or(0)).collect();
    Ok(Tensor { shape, values: wrap(values.to_vec()) })
}

/// An input or output as the model declares it.
pub(super) fn port(outlet: &Outlet) -> Port {
    let (element, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, dimension_symbols } => {
            let extents = shape.iter().zip(dimension_symbols.iter()).map(|(length, name)| {
                usize::try_from(*length).map_or_else(|_| Extent::Free(name.clone()), Extent::Fixed)
            });
            (
                element(*ty).map_or("of an unknown type", TensorElement::as_str),
                Some(extents.collect()),
            )
        }
        _ => ("sequence", None),
    };
    Port { name: outlet.name().to_owned(), element: Some(element), shape }
}

const fn element(kind: TensorElementType) -> Option<TensorElement> {
    Some(match kind {
        TensorElementType::Float32 => TensorElement::F32,
        TensorElementType::Float64 => TensorElement::F64,
        TensorElementType::Int8 => TensorElement::I8,
        TensorElementType::Uint8 => TensorElement::U8,
        TensorElementType::Int32 => TensorElement::I32,
        TensorElementType::Int64 => TensorElement::I64,
        TensorElementType::Bool => TensorElement::Bool,
        _ => return None,
    })
}
