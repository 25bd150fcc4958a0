//! Any ONNX model: arrays in, the model's outputs as they are.
//!
//! Where each input of the model comes from, in this order: the input file (`.npy` for the one
//! input that nothing else gives, `.npz` by name), an array that is the same in every
//! inference, values drawn from a seed in the shape and type that the model declares. An axis
//! that the model leaves open has a name, and its length is given by that name.
//!
//! Deliberately not known: what the values mean.

mod draw;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use thiserror::Error;
use weighbridge_experiment::TensorElement;

use self::draw::draw;
use super::{Application, describe_ports};
use crate::engine::{Extent, Port, Tensor, TensorView, Values};
use crate::error::{InputError, InterpretError, Misfit};
use crate::tensor_file::{BYTES_MAX, TensorFile, read_tensors};
use crate::{Input, NamedTensor, Outcome};

/// What an input file holds that stands for "draw everything from the seed".
pub const RANDOM_INPUT: &[u8] = b"weighbridge: values drawn at random\n";

/// One input of the model that is the same in every inference.
#[derive(Debug, Clone, PartialEq)]
pub enum FixedTensor {
    /// These values; `file` is what the user calls them.
    Given {
        /// The values.
        tensor: Tensor,
        /// Where they are from, for messages.
        file: String,
    },
    /// Drawn uniformly.
    Drawn {
        /// The type; the model's where not given.
        element: Option<TensorElement>,
        /// The axes; the model's where not given.
        shape: Option<Vec<u64>>,
        /// Least value; 0 where not given.
        low: Option<f64>,
        /// Values are less than this; 1 for floating point, 2 for whole numbers where not given.
        high: Option<f64>,
    },
}

/// How the inputs of a model are made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OnnxInputs {
    /// Lengths of open axes, by name.
    pub axes: BTreeMap<String, u64>,
    /// Seed of what is drawn.
    pub seed: u64,
    /// Inputs that are the same in every inference, by name.
    pub fixed: BTreeMap<String, FixedTensor>,
}

/// Why arrays are not what a model takes. Each names the file and the model's input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorError {
    /// An array for no input.
    #[error("`{file}` holds an array `{name}`, and the model has no such input: it has {inputs}")]
    Unknown {
        /// The file.
        file: String,
        /// Name of the array.
        name: String,
        /// The model's inputs.
        inputs: String,
    },
    /// One array for a model of several inputs.
    #[error(
        "`{file}` holds one array, and the model has {count} inputs that nothing else gives: \
         {inputs}; give an .npz with their names, or `tensors`"
    )]
    Several {
        /// The file.
        file: String,
        /// How many inputs are left.
        count: usize,
        /// Those.
        inputs: String,
    },
    /// Another type.
    #[error("`{file}` holds {found} values, the model's input `{input}` is {expected}; convert it")]
    Element {
        /// The file.
        file: String,
        /// The model's input.
        input: String,
        /// Its type.
        expected: String,
        /// That of the file.
        found: String,
    },
    /// Another number of axes.
    #[error(
        "`{file}` is of rank {} and shape {found:?}, the model's input is {input}",
        found.len()
    )]
    Rank {
        /// The file.
        file: String,
        /// The model's input with type and shape.
        input: String,
        /// Shape of the array.
        found: Vec<usize>,
    },
    /// An axis of another length.
    #[error(
        "`{file}` is of shape {found:?}, axis {axis} of the model's input {input} has {length}"
    )]
    Length {
        /// The file.
        file: String,
        /// The model's input with type and shape.
        input: String,
        /// The axis, from 0.
        axis: usize,
        /// Its length in the model, or as given by name.
        length: u64,
        /// Shape of the array.
        found: Vec<usize>,
    },
    /// An open axis without a length.
    #[error(
        "axis `{axis}` of the model's input {input} is open; give its length: axes = {{ {axis} = 1 }}"
    )]
    AxisNotGiven {
        /// The model's input with type and shape.
        input: String,
        /// The axis' name, or its place where it has none.
        axis: String,
    },
    /// The model does not say what it takes.
    #[error(
        "the model does not say the {what} of its input {input}; give the values in a file, or \
         `{key}` in `tensors`"
    )]
    Unstated {
        /// `type` or `shape`.
        what: &'static str,
        /// The model's input.
        input: String,
        /// `dtype` or `shape`.
        key: &'static str,
    },
    /// A type that is not taken.
    #[error(
        "the model's input `{input}` is {element}, which is not supported; convert the model to f32"
    )]
    NotSupported {
        /// The model's input.
        input: String,
        /// Its type.
        element: String,
    },
    /// More than fits.
    #[error("the model's input {input} would have more than 1 GiB of values; give shorter axes")]
    TooLarge {
        /// The model's input with type and shape.
        input: String,
    },
}

/// Any model as an application.
pub struct OnnxModel {
    inputs: OnnxInputs,
    ports: Vec<Port>,
    outputs: Vec<String>,
    /// What does not come from input files, by port, once it was needed.
    standing: Vec<Option<Tensor>>,
    /// What came from the last input file, by port.
    current: Vec<Option<Tensor>>,
    results: Option<Vec<NamedTensor>>,
}

impl OnnxModel {
    /// A model whose inputs are made this way.
    #[must_use]
    pub const fn new(inputs: OnnxInputs) -> Self {
        Self {
            inputs,
            ports: Vec::new(),
            outputs: Vec::new(),
            standing: Vec::new(),
            current: Vec::new(),
            results: None,
        }
    }
}

impl Application for OnnxModel {
    fn name(&self) -> &str {
        "onnx"
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        let found = || describe_ports(inputs, "input");
        for name in self.inputs.fixed.keys() {
            if !inputs.iter().any(|port| port.name == *name) {
                let expected = format!("an input `{name}`, as `tensors` names it,");
                return Err(Misfit { expected, found: found() });
            }
        }
        for name in self.inputs.axes.keys() {
            let extents = inputs.iter().flat_map(|port| port.shape.iter().flatten());
            if !extents.into_iter().any(|extent| *extent == Extent::Free(name.clone())) {
                let expected = format!("an open axis `{name}`, as `axes` names it,");
                return Err(Misfit { expected, found: found() });
            }
        }
        self.ports = inputs.to_vec();
        self.outputs = outputs.iter().map(|port| port.name.clone()).collect();
        self.standing = vec![None; inputs.len()];
        self.current = vec![None; inputs.len()];
        Ok(())
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.results = None;
        self.current.fill(None);
        if !input.bytes.starts_with(RANDOM_INPUT) {
            match read_tensors(&input.bytes, &input.name)? {
                TensorFile::One(tensor) => {
                    let port = self.only_port(&input.name)?;
                    self.place(port, tensor, &input.name)?;
                }
                TensorFile::Named(tensors) => {
                    for (name, tensor) in tensors {
                        let port = self.port(&name, &input.name)?;
                        self.place(port, tensor, &input.name)?;
                    }
                }
            }
        }
        for port in 0..self.ports.len() {
            if self.current[port].is_none() && self.standing[port].is_none() {
                self.standing[port] = Some(self.standing_tensor(port)?);
            }
        }
        Ok(())
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.results.is_none())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        let both = self.current.iter().zip(&self.standing);
        both.filter_map(|(current, standing)| current.as_ref().or(standing.as_ref()))
            .map(Tensor::view)
            .collect()
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        let named = self.outputs.iter().zip(outputs);
        let named =
            named.map(|(name, tensor)| NamedTensor { name: name.clone(), tensor: tensor.clone() });
        self.results = Some(named.collect());
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        Outcome::Tensors(self.results.clone().unwrap_or_default())
    }
}

impl OnnxModel {
    /// The one input that neither a file nor `tensors` gives yet.
    fn only_port(&self, file: &str) -> Result<usize, TensorError> {
        let open: Vec<usize> = (0..self.ports.len())
            .filter(|port| !self.inputs.fixed.contains_key(&self.ports[*port].name))
            .collect();
        match open.as_slice() {
            [port] => Ok(*port),
            _ => {
                let ports: Vec<Port> = open.iter().map(|port| self.ports[*port].clone()).collect();
                let inputs = describe_ports(&ports, "input");
                Err(TensorError::Several { file: file.to_owned(), count: open.len(), inputs })
            }
        }
    }

    fn port(&self, name: &str, file: &str) -> Result<usize, TensorError> {
        self.ports.iter().position(|port| port.name == name).ok_or_else(|| TensorError::Unknown {
            file: file.to_owned(),
            name: name.to_owned(),
            inputs: describe_ports(&self.ports, "input"),
        })
    }

    fn place(&mut self, port: usize, tensor: Tensor, file: &str) -> Result<(), TensorError> {
        self.current[port] = Some(fitted(&self.ports[port], &self.inputs.axes, tensor, file)?);
        Ok(())
    }

    /// An input that is the same in every inference.
    fn standing_tensor(&self, index: usize) -> Result<Tensor, TensorError> {
        let port = &self.ports[index];
        match self.inputs.fixed.get(&port.name) {
            Some(FixedTensor::Given { tensor, file }) => {
                fitted(port, &self.inputs.axes, tensor.clone(), file)
            }
            Some(FixedTensor::Drawn { element, shape, low, high }) => {
                let wish =
                    Wish { element: *element, shape: shape.as_deref(), range: (*low, *high) };
                self.drawn(index, &wish)
            }
            None => self.drawn(index, &Wish { element: None, shape: None, range: (None, None) }),
        }
    }

    fn drawn(&self, index: usize, wish: &Wish<'_>) -> Result<Tensor, TensorError> {
        let port = &self.ports[index];
        let element = match wish.element {
            Some(element) => element,
            None => declared_element(port)?,
        };
        let shape = match wish.shape {
            Some(shape) => shape.to_vec(),
            None => declared_shape(port, &self.inputs.axes)?,
        };
        let too_large = || TensorError::TooLarge { input: port.to_string() };
        let count = shape.iter().try_fold(1_u64, |count, axis| count.checked_mul(*axis));
        let count = count
            .filter(|count| count.saturating_mul(element.bytes() as u64) <= BYTES_MAX)
            .and_then(|count| usize::try_from(count).ok())
            .ok_or_else(too_large)?;
        let mut random = ChaCha8Rng::seed_from_u64(self.inputs.seed);
        random.set_stream(index as u64);
        let values = draw(&mut random, element, count, wish.range);
        let shape = shape.iter().map(|axis| usize::try_from(*axis)).collect::<Result<_, _>>();
        let tensor = Tensor { shape: shape.map_err(|_| too_large())?, values };
        fitted(port, &self.inputs.axes, tensor, "values drawn at random")
    }
}

/// What is to be drawn, where it is not as the model declares it.
struct Wish<'a> {
    element: Option<TensorElement>,
    shape: Option<&'a [u64]>,
    range: (Option<f64>, Option<f64>),
}

fn declared_element(port: &Port) -> Result<TensorElement, TensorError> {
    let unstated =
        || TensorError::Unstated { what: "type", input: format!("`{}`", port.name), key: "dtype" };
    let name = port.element.ok_or_else(unstated)?;
    TensorElement::from_name(name).ok_or_else(|| TensorError::NotSupported {
        input: port.name.clone(),
        element: name.to_owned(),
    })
}

fn declared_shape(port: &Port, axes: &BTreeMap<String, u64>) -> Result<Vec<u64>, TensorError> {
    let input = format!("`{}`", port.name);
    let shape =
        port.shape.as_ref().ok_or(TensorError::Unstated { what: "shape", input, key: "shape" })?;
    let length = |(place, extent): (usize, &Extent)| match extent {
        Extent::Fixed(length) => Ok(*length as u64),
        Extent::Free(name) => axes.get(name).copied().ok_or_else(|| TensorError::AxisNotGiven {
            input: port.to_string(),
            axis: if name.is_empty() { place.to_string() } else { name.clone() },
        }),
    };
    shape.iter().enumerate().map(length).collect()
}

/// The array as the model's input takes it.
fn fitted(
    port: &Port,
    axes: &BTreeMap<String, u64>,
    tensor: Tensor,
    file: &str,
) -> Result<Tensor, TensorError> {
    let tensor = of_type(port, tensor, file)?;
    let Some(shape) = &port.shape else { return Ok(tensor) };
    let (file, input) = (file.to_owned(), port.to_string());
    if shape.len() != tensor.shape.len() {
        return Err(TensorError::Rank { file, input, found: tensor.shape });
    }
    for (axis, (extent, found)) in shape.iter().zip(&tensor.shape).enumerate() {
        let needed = match extent {
            Extent::Fixed(length) => Some(*length as u64),
            Extent::Free(name) => axes.get(name).copied(),
        };
        if let Some(length) = needed.filter(|length| *length != *found as u64) {
            let found = tensor.shape;
            return Err(TensorError::Length { file, input, axis, length, found });
        }
    }
    Ok(tensor)
}

/// Whole numbers of 64 bits and truth values are given to an engine that computes with 32 bits
/// in their place, where all of them fit; everything else must be of the model's own type.
fn of_type(port: &Port, tensor: Tensor, file: &str) -> Result<Tensor, TensorError> {
    let found = tensor.values.view().element().as_str();
    let Some(expected) = port.element.filter(|expected| *expected != found) else {
        return Ok(tensor);
    };
    let narrowed: Option<Vec<i32>> = match (&tensor.values, expected) {
        (Values::I64(values), "i32") => {
            values.iter().map(|value| i32::try_from(*value).ok()).collect()
        }
        (Values::Bool(values), "i32") => Some(values.iter().copied().map(i32::from).collect()),
        _ => None,
    };
    match narrowed {
        Some(values) => Ok(Tensor { shape: tensor.shape, values: Values::I32(values) }),
        None => Err(TensorError::Element {
            file: file.to_owned(),
            input: port.name.clone(),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }),
    }
}

#[cfg(test)]
#[path = "onnx_tests.rs"]
mod tests;
