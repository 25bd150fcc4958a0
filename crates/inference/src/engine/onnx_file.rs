//! A look into an ONNX file before an engine sees it: whether it is whole, and which
//! operators it holds.
//!
//! An engine's own parser answers "parse error" to a cut-off download and to a text file
//! alike. This one walks the protobuf fields (`onnx.proto`, IR version 3 and later) without
//! copying weights, so that a user learns which of the two it was. It deliberately knows
//! nothing of shapes or of the meaning of operators.
//!
//! Weights are looked at for one thing: a NaN. Engines may let it vanish (a `Relu` that takes
//! the larger of NaN and 0 gives 0), so the outputs of a damaged model look like any others.

mod protobuf;

use std::collections::BTreeMap;

use thiserror::Error;

use protobuf::{FieldFlaw, Fields, Value};
use weighbridge_experiment::TensorElement;

/// What is wrong with the bytes of a model.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OnnxFlaw {
    /// No bytes at all.
    #[error("it is empty (0 bytes); give an ONNX model")]
    Empty,
    /// A field reaches beyond the end.
    #[error(
        "it is truncated: it ends at byte {length}, inside a part that needs {missing} more bytes; copy the file again"
    )]
    Truncated {
        /// Length of the file.
        length: usize,
        /// How many more bytes that part needs.
        missing: u64,
    },
    /// A weight is NaN.
    #[error(
        "it is damaged: its weights `{0}` hold a value that is not a number; copy the file again"
    )]
    NotANumber(String),
    /// Not the bytes of an ONNX file.
    #[error("it is not an ONNX model: {0}")]
    NotOnnx(&'static str),
}

/// One operator of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Its type, such as `Conv`.
    pub operator: String,
    /// Its name, empty where it has none.
    pub name: String,
    /// Names of its inputs, in order; empty for one that is left out.
    pub inputs: Vec<String>,
    /// Whether its attributes ask for padding (`pads`, `auto_pad`).
    pub padded: bool,
}

/// What was found in an ONNX file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OnnxFile {
    /// All operators, those of nested graphs and functions included.
    pub nodes: Vec<Node>,
    /// Element types of the inputs and outputs that the model declares, by name. Empty for a
    /// type that no engine of ours takes.
    pub declared: BTreeMap<String, Option<TensorElement>>,
    /// Weights of one single 8-bit integer, by name: zero points, for instance.
    pub single_bytes: BTreeMap<String, SingleByte>,
    /// Version of the standard operators (`ai.onnx`) that the model is written in.
    pub opset: Option<u64>,
}

/// A weight of one 8-bit integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SingleByte {
    /// Signed.
    I8(i8),
    /// Unsigned.
    U8(u8),
}

/// Graphs nest in attributes of `If` and `Loop`; real models stay below three levels.
const DEPTH_MAX: u32 = 16;

impl OnnxFile {
    /// Walks the file.
    ///
    /// # Errors
    ///
    /// When it is empty, truncated, or not an ONNX model.
    pub fn read(bytes: &[u8]) -> Result<Self, OnnxFlaw> {
        if bytes.is_empty() {
            return Err(OnnxFlaw::Empty);
        }
        let (mut graph, mut version_seen, mut operators_seen) = (None, false, false);
        let mut found = Self::default();
        let mut model = Fields::new(bytes);
        while let Some((field, value)) =
            model.next().map_err(|flaw| whole(flaw, bytes, version_seen))?
        {
            match (field, value) {
                (1, Value::Number(_)) => version_seen = true,
                (7, Value::Bytes(part)) => graph = Some(part),
                (8, Value::Bytes(set)) => {
                    operators_seen = true;
                    found.operator_set(set)?;
                }
                (25, Value::Bytes(function)) => found.function(function)?,
                _ => {}
            }
        }
        let Some(graph) = graph.filter(|_| version_seen) else {
            return Err(OnnxFlaw::NotOnnx(
                "it holds no format version and graph; give a .onnx file",
            ));
        };
        if !operators_seen {
            return Err(OnnxFlaw::NotOnnx(
                "it names no operator set, so its end is probably missing; copy it again",
            ));
        }
        found.graph(graph, 0)?;
        Ok(found)
    }

    /// Collects what stands in a graph: its nodes, and that no weight is NaN.
    fn graph(&mut self, part: &[u8], depth: u32) -> Result<(), OnnxFlaw> {
        if depth > DEPTH_MAX {
            return Err(OnnxFlaw::NotOnnx("its graphs are nested more than 16 deep"));
        }
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Bytes(node)) => self.node(node, depth)?,
                (5, Value::Bytes(tensor)) => self.weights(tensor)?,
                (11 | 12, Value::Bytes(port)) if depth == 0 => self.port(port)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn function(&mut self, part: &[u8]) -> Result<(), OnnxFlaw> {
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            if let (7, Value::Bytes(node)) = (number, value) {
                self.node(node, 0)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, part: &[u8], depth: u32) -> Result<(), OnnxFlaw> {
        let mut node = Node::default();
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Bytes(input)) => node.inputs.push(text(input)),
                (3, Value::Bytes(name)) => node.name = text(name),
                (4, Value::Bytes(operator)) => node.operator = text(operator),
                (5, Value::Bytes(attribute)) => {
                    node.padded |= self.attribute(attribute, depth)?;
                }
                _ => {}
            }
        }
        self.nodes.push(node);
        Ok(())
    }

    /// Looks into nested graphs; says whether the attribute asks for padding.
    fn attribute(&mut self, part: &[u8], depth: u32) -> Result<bool, OnnxFlaw> {
        let (mut name, mut asks) = (&[][..], false);
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => name = bytes,
                (4, Value::Bytes(way)) => asks = !matches!(way, b"NOTSET" | b"VALID"),
                // A list of numbers is written one by one, or all behind each other.
                (8, Value::Number(length)) => asks |= length != 0,
                (8, Value::Bytes(lengths)) => asks |= lengths.iter().any(|byte| *byte != 0),
                (6 | 11, Value::Bytes(graph)) => self.graph(graph, depth + 1)?,
                _ => {}
            }
        }
        Ok(asks && matches!(name, b"pads" | b"auto_pad"))
    }

    /// The version of the standard operators; other makers' are not looked at.
    fn operator_set(&mut self, part: &[u8]) -> Result<(), OnnxFlaw> {
        let (mut standard, mut version) = (true, None);
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Bytes(domain)) => standard = matches!(domain, b"" | b"ai.onnx"),
                (2, Value::Number(number)) => version = Some(number),
                _ => {}
            }
        }
        if standard {
            self.opset = version;
        }
        Ok(())
    }

    /// Name and element type of an input or output (`ValueInfoProto`).
    fn port(&mut self, part: &[u8]) -> Result<(), OnnxFlaw> {
        let (mut name, mut kind) = (String::new(), None);
        let mut fields = Fields::new(part);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Bytes(bytes)) => name = text(bytes),
                (2, Value::Bytes(bytes)) => {
                    kind = field(bytes, 1)?.map(|tensor| number_field(tensor, 1)).transpose()?;
                }
                _ => {}
            }
        }
        self.declared.insert(name, kind.flatten().and_then(element));
        Ok(())
    }

    /// Refuses NaN, and keeps what is one single 8-bit integer.
    fn weights(&mut self, tensor: &[u8]) -> Result<(), OnnxFlaw> {
        let (mut name, mut kind, mut values) = (&[][..], 0, &[][..]);
        let (mut count, mut number_in_text) = (1_u64, None);
        let mut fields = Fields::new(tensor);
        while let Some((number, value)) = fields.next().map_err(inner)? {
            match (number, value) {
                (1, Value::Number(length)) => count = count.saturating_mul(length),
                (1, Value::Bytes(lengths)) => {
                    count = count.saturating_mul(Fields::new(lengths).number().unwrap_or(0));
                    // More than one axis: nothing that is looked for here.
                    count += u64::from(lengths.len() > 1);
                }
                (2, Value::Number(number)) => kind = number,
                (5, Value::Number(number)) => number_in_text = Some(number),
                (5, Value::Bytes(bytes)) => number_in_text = Fields::new(bytes).number().ok(),
                (8, Value::Bytes(bytes)) => name = bytes,
                // Both ways of writing floats are little-endian, one after the other.
                (4 | 9, Value::Bytes(bytes)) => values = bytes,
                _ => {}
            }
        }
        if kind == FLOAT && holds_nan(values) {
            return Err(OnnxFlaw::NotANumber(text(name)));
        }
        let byte = match values {
            [byte] => Some(*byte),
            _ => number_in_text.map(|number| number as u8),
        };
        if let (1, Some(byte)) = (count, byte) {
            match kind {
                UINT8 => drop(self.single_bytes.insert(text(name), SingleByte::U8(byte))),
                INT8 => {
                    let signed = i8::from_le_bytes([byte]);
                    self.single_bytes.insert(text(name), SingleByte::I8(signed));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Types of tensors (`TensorProto.DataType` in onnx.proto).
const FLOAT: u64 = 1;
const UINT8: u64 = 2;
const INT8: u64 = 3;

const fn element(kind: u64) -> Option<TensorElement> {
    Some(match kind {
        FLOAT => TensorElement::F32,
        UINT8 => TensorElement::U8,
        INT8 => TensorElement::I8,
        6 => TensorElement::I32,
        7 => TensorElement::I64,
        9 => TensorElement::Bool,
        11 => TensorElement::F64,
        _ => return None,
    })
}

fn holds_nan(values: &[u8]) -> bool {
    let is_nan =
        |bytes: &[u8]| bytes.try_into().is_ok_and(|bytes| f32::from_le_bytes(bytes).is_nan());
    // Without an early exit, so that it is vectorised: it happens in every trial.
    values.chunks_exact(4).fold(false, |nan, bytes| nan | is_nan(bytes))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The last length-delimited field of this number.
fn field(part: &[u8], wanted: u64) -> Result<Option<&[u8]>, OnnxFlaw> {
    let mut found = None;
    let mut fields = Fields::new(part);
    while let Some((number, value)) = fields.next().map_err(inner)? {
        if let (true, Value::Bytes(bytes)) = (number == wanted, value) {
            found = Some(bytes);
        }
    }
    Ok(found)
}

fn number_field(part: &[u8], wanted: u64) -> Result<Option<u64>, OnnxFlaw> {
    let mut found = None;
    let mut fields = Fields::new(part);
    while let Some((number, value)) = fields.next().map_err(inner)? {
        if let (true, Value::Number(value)) = (number == wanted, value) {
            found = Some(value);
        }
    }
    Ok(found)
}

/// A flaw at the outermost level: the end of the file was reached too early. Without a
/// version number before it, the bytes are more likely something else altogether.
fn whole(flaw: FieldFlaw, bytes: &[u8], version_seen: bool) -> OnnxFlaw {
    match flaw {
        FieldFlaw::Short { missing } if version_seen => {
            OnnxFlaw::Truncated { length: bytes.len(), missing }
        }
        _ => OnnxFlaw::NotOnnx("its bytes are not the protobuf fields of one; give a .onnx file"),
    }
}

/// A flaw inside a part whose end is present: damage, not a missing end.
fn inner(_: FieldFlaw) -> OnnxFlaw {
    OnnxFlaw::NotOnnx("its graph is damaged; copy the file again")
}

#[cfg(test)]
mod tests;
