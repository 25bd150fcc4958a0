//! Tensors of this crate as values of rten, and back.
//!
//! rten computes with 32-bit floats and 32-, 8- and unsigned 8-bit integers only: what a model
//! declares as `i64` or `bool` it keeps as `i32`, `f64` as `f32`. Values go in and come out as
//! the model declares them, so that engines agree; one that does not fit is an error.

use ::rten::{
    DataType, Dimension, Model, NodeId, NodeInfo, Value, ValueOrView, ValueType, ValueView,
};
use rten_tensor::Layout;
use weighbridge_experiment::TensorElement;

use super::super::{EngineError, Extent, OnnxFile, Port, Tensor, TensorView, Values, ValuesView};
use super::ENGINE;

/// An input or output: types as the model declares them, axes as rten reads them.
pub(super) fn port(model: &Model, id: NodeId, file: &OnnxFile) -> Port {
    let info = model.node_info(id);
    let extent = |dimension| match dimension {
        Dimension::Fixed(length) => Extent::Fixed(length),
        Dimension::Symbolic(name) => Extent::Free(name),
    };
    let name = info.as_ref().and_then(NodeInfo::name).unwrap_or_default().to_owned();
    let declared = file.declared.get(&name).copied().flatten().map(TensorElement::as_str);
    Port {
        element: declared.or_else(|| info.as_ref().and_then(NodeInfo::dtype).map(element)),
        shape: info
            .as_ref()
            .and_then(NodeInfo::shape)
            .map(|shape| shape.into_iter().map(extent).collect()),
        name,
    }
}

const fn element(kind: ValueType) -> &'static str {
    match kind {
        ValueType::Tensor(DataType::Float) => "f32",
        ValueType::Tensor(DataType::Int32) => "i32",
        ValueType::Tensor(DataType::Int8) => "i8",
        ValueType::Tensor(DataType::UInt8) => "u8",
        _ => "sequence",
    }
}

/// A tensor as an input of rten: borrowed where rten has its type, else converted.
pub(super) fn value<'a>(
    input: &TensorView<'a>,
    port: &Port,
) -> Result<ValueOrView<'a>, EngineError> {
    let shape = input.shape;
    let wrong_length = |()| EngineError::InputLength {
        input: port.name.clone(),
        shape: shape.to_vec(),
        values: input.values.count(),
    };
    let view = match input.values {
        ValuesView::F32(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::I32(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::I8(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::U8(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::F64(values) => {
            let narrow: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            let made = Value::from_shape(shape, narrow).map_err(drop);
            return made.map(Into::into).map_err(wrong_length);
        }
        ValuesView::I64(values) => {
            let narrow = values.iter().map(|value| i32::try_from(*value));
            let narrow: Vec<i32> = narrow.collect::<Result<_, _>>().map_err(|_| {
                EngineError::InputRange { engine: ENGINE, input: port.name.clone() }
            })?;
            let made = Value::from_shape(shape, narrow).map_err(drop);
            return made.map(Into::into).map_err(wrong_length);
        }
        ValuesView::Bool(values) => {
            let numbers: Vec<i32> = values.iter().map(|value| i32::from(*value)).collect();
            let made = Value::from_shape(shape, numbers).map_err(drop);
            return made.map(Into::into).map_err(wrong_length);
        }
    };
    view.map(Into::into).map_err(wrong_length)
}

/// An output of rten in the type that the model declares.
pub(super) fn tensor(value: Value, port: &Port) -> Result<Tensor, EngineError> {
    let kind = element(value.dtype());
    Ok(match value {
        Value::FloatTensor(tensor) => {
            let shape = Layout::shape(&tensor).to_vec();
            let values = tensor.into_data();
            let values = match port.element {
                Some("f64") => Values::F64(values.into_iter().map(f64::from).collect()),
                _ => Values::F32(values),
            };
            Tensor { shape, values }
        }
        Value::Int32Tensor(tensor) => {
            let shape = Layout::shape(&tensor).to_vec();
            let values = tensor.into_data();
            let values = match port.element {
                Some("i64") => Values::I64(values.into_iter().map(i64::from).collect()),
                Some("bool") => Values::Bool(values.into_iter().map(|value| value != 0).collect()),
                _ => Values::I32(values),
            };
            Tensor { shape, values }
        }
        Value::Int8Tensor(tensor) => Tensor {
            shape: Layout::shape(&tensor).to_vec(),
            values: Values::I8(tensor.into_data()),
        },
        Value::UInt8Tensor(tensor) => Tensor {
            shape: Layout::shape(&tensor).to_vec(),
            values: Values::U8(tensor.into_data()),
        },
        _ => {
            return Err(EngineError::OutputType {
                output: port.name.clone(),
                element: kind.into(),
            });
        }
    })
}
