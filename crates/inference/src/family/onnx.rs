//! The ONNX messages (`onnx.proto`) that a graph is written with.
//!
//! `rten-onnx` has them all but for the name of a graph, which engines do not need and the
//! ONNX checker demands: [`NamedModel`] adds it.

use std::cell::RefCell;

use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, Dimension, GraphProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TypeProto, TypeProtoTensor, ValueInfoProto,
};
use rten_onnx::protobuf::{EncodeMessage, MessageWriter, ProtobufError, ValueWriter, WriteValue};

/// Version of the file format that goes with operator set 17.
const IR_VERSION: i64 = 8;
const OPERATOR_SET: i64 = 17;

/// An attribute of an operator.
pub(super) enum Attribute<'a> {
    Integer(i64),
    Integers(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

pub(super) fn node(
    operator: &str,
    inputs: &[&str],
    outputs: &[&str],
    attributes: &[(&str, Attribute<'_>)],
) -> NodeProto {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    NodeProto {
        name: outputs.first().map(|name| (*name).to_owned()),
        op_type: Some(operator.into()),
        input: owned(inputs),
        output: owned(outputs),
        attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        domain: None,
    }
}

fn attribute(name: &str, value: &Attribute<'_>) -> AttributeProto {
    let mut attribute = AttributeProto { name: Some(name.into()), ..Default::default() };
    attribute.r#type = Some(match value {
        Attribute::Integer(integer) => {
            attribute.i = Some(*integer);
            AttributeType::INT
        }
        Attribute::Integers(integers) => {
            attribute.ints = integers.to_vec();
            AttributeType::INTS
        }
        Attribute::Float(float) => {
            attribute.f = Some(*float);
            AttributeType::FLOAT
        }
        Attribute::Text(text) => {
            attribute.s = Some((*text).into());
            AttributeType::STRING
        }
    });
    attribute
}

pub(super) fn float_tensor(name: &str, shape: &[usize], values: &[f32]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, shape, DataType::FLOAT, raw)
}

pub(super) fn integer_tensor(name: &str, values: &[i64]) -> TensorProto {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, &[values.len()], DataType::INT64, raw)
}

fn tensor(name: &str, shape: &[usize], kind: DataType, raw: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        dims: lengths(shape),
        data_type: Some(kind),
        raw_data: Some(RefCell::new(raw)),
        ..Default::default()
    }
}

/// An input or output of 32-bit floats.
pub(super) fn port(name: &str, shape: &[usize]) -> ValueInfoProto {
    let axis = |length| Dimension { dim_value: Some(length), dim_param: None };
    let shape = TensorShapeProto { dim: lengths(shape).into_iter().map(axis).collect() };
    let tensor = TypeProtoTensor { elem_type: Some(DataType::FLOAT), shape: Some(shape) };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { tensor_type: Some(tensor), sequence: None }),
    }
}

/// Lengths of axes as ONNX states them. Those of real tensors are far below 2⁶³.
pub(super) fn lengths(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|length| i64::try_from(*length).unwrap_or(i64::MAX)).collect()
}

/// A whole model, as a file.
pub(super) fn file(name: &str, graph: GraphProto) -> Vec<u8> {
    let model = NamedModel(NamedGraph { name: name.into(), graph });
    let mut bytes = Vec::new();
    model
        .encode(ValueWriter::new(&mut bytes))
        .expect("a vector takes every byte, and a message has the same length when asked twice");
    bytes
}

/// `ModelProto` with a named graph. The field numbers are those of `onnx.proto`.
struct NamedModel(NamedGraph);

struct NamedGraph {
    name: String,
    graph: GraphProto,
}

impl EncodeMessage for NamedModel {
    fn encode_fields<W: WriteValue>(
        &self,
        fields: &mut MessageWriter<'_, W>,
    ) -> Result<(), ProtobufError> {
        fields.write_int64(1, IR_VERSION)?;
        fields.write_string(2, "weighbridge")?;
        fields.write_message(7, &self.0)?;
        let operators =
            OperatorSetIdProto { domain: Some(String::new()), version: Some(OPERATOR_SET) };
        fields.write_message(8, &operators)
    }
}

impl EncodeMessage for NamedGraph {
    fn encode_fields<W: WriteValue>(
        &self,
        fields: &mut MessageWriter<'_, W>,
    ) -> Result<(), ProtobufError> {
        fields.write_string(2, &self.name)?;
        self.graph.encode_fields(fields)
    }
}
