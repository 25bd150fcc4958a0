//! Whether outputs are those that somebody expects.
//!
//! The measure is the largest absolute difference as a share of the range of the expected
//! values, so that one tolerance fits logits and pixels alike.

use thiserror::Error;

use crate::NamedTensor;
use crate::engine::{Tensor, Values};
use crate::tensor_file::{TensorFile, TensorFileError, read_tensors};

/// The outputs that must come.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    file: String,
    content: TensorFile,
    tolerance: f64,
}

/// Why outputs are not those that were expected.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum UnexpectedOutput {
    /// The file names an output that the model does not have.
    #[error("`{file}` expects an output `{name}`, and the model has none of that name: {outputs}")]
    NoSuchOutput {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// The model's outputs.
        outputs: String,
    },
    /// One array for a model of several outputs.
    #[error("`{file}` holds one array, and the model has {count} outputs; give an .npz")]
    Several {
        /// The file.
        file: String,
        /// How many outputs there are.
        count: usize,
    },
    /// Another shape.
    #[error("output `{output}` is of shape {found:?}, `{file}` expects {expected:?}")]
    Shape {
        /// The output.
        output: String,
        /// The file.
        file: String,
        /// Shape in the file.
        expected: Vec<usize>,
        /// Shape that came.
        found: Vec<usize>,
    },
    /// Other values.
    #[error(
        "output `{output}` is not what `{file}` expects: value {index} is {found}, {expected} was \
         expected; the difference is {share:.3e} of the range of the expected values, {tolerance:.3e} \
         are allowed"
    )]
    Value {
        /// The output.
        output: String,
        /// The file.
        file: String,
        /// Place of the value that differs most, in row-major order.
        index: usize,
        /// The value in the file.
        expected: f64,
        /// The value that came.
        found: f64,
        /// Their difference as a share of the range.
        share: f64,
        /// The share that is allowed.
        tolerance: f64,
    },
}

impl Expected {
    /// Reads a file of expected outputs: `.npy` for a model of one output, `.npz` by name.
    ///
    /// # Errors
    ///
    /// The file holds no arrays.
    pub fn read(bytes: &[u8], file: &str, tolerance: f64) -> Result<Self, TensorFileError> {
        Ok(Self { file: file.to_owned(), content: read_tensors(bytes, file)?, tolerance })
    }

    /// Compares the outputs of one inference.
    ///
    /// # Errors
    ///
    /// The first output that is not as expected, with the value that differs most.
    pub fn compare(&self, outputs: &[NamedTensor]) -> Result<(), UnexpectedOutput> {
        match (&self.content, outputs) {
            (TensorFile::One(expected), [output]) => self.compare_one(expected, output),
            (TensorFile::One(_), _) => {
                Err(UnexpectedOutput::Several { file: self.file.clone(), count: outputs.len() })
            }
            (TensorFile::Named(named), _) => named.iter().try_for_each(|(name, expected)| {
                let output = outputs.iter().find(|output| output.name == *name);
                self.compare_one(expected, output.ok_or_else(|| self.no_such(name, outputs))?)
            }),
        }
    }

    fn no_such(&self, name: &str, outputs: &[NamedTensor]) -> UnexpectedOutput {
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        UnexpectedOutput::NoSuchOutput {
            file: self.file.clone(),
            name: name.to_owned(),
            outputs: names.join(", "),
        }
    }

    fn compare_one(&self, expected: &Tensor, output: &NamedTensor) -> Result<(), UnexpectedOutput> {
        if expected.shape != output.tensor.shape {
            return Err(UnexpectedOutput::Shape {
                output: output.name.clone(),
                file: self.file.clone(),
                expected: expected.shape.clone(),
                found: output.tensor.shape.clone(),
            });
        }
        let (wanted, found) = (numbers(&expected.values), numbers(&output.tensor.values));
        let low = wanted.iter().copied().fold(f64::INFINITY, f64::min);
        let high = wanted.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Where all values are equal there is no range: the difference counts as it is.
        let range = if high > low { high - low } else { 1.0 };
        let worst = wanted
            .iter()
            .zip(&found)
            .map(|(wanted, found)| {
                let share = (wanted - found).abs() / range;
                if share.is_nan() { f64::INFINITY } else { share }
            })
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((index, share)) if share > self.tolerance => Err(UnexpectedOutput::Value {
                output: output.name.clone(),
                file: self.file.clone(),
                index,
                expected: wanted[index],
                found: found[index],
                share,
                tolerance: self.tolerance,
            }),
            _ => Ok(()),
        }
    }
}

fn numbers(values: &Values) -> Vec<f64> {
    match values {
        Values::F32(values) => values.iter().copied().map(f64::from).collect(),
        Values::F64(values) => values.clone(),
        Values::I8(values) => values.iter().copied().map(f64::from).collect(),
        Values::U8(values) => values.iter().copied().map(f64::from).collect(),
        Values::I32(values) => values.iter().copied().map(f64::from).collect(),
        Values::I64(values) => values.iter().map(|value| *value as f64).collect(),
        Values::Bool(values) => values.iter().map(|value| f64::from(u8::from(*value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(values: &[f32], tolerance: f64) -> Expected {
        let tensor = Tensor::f32(vec![values.len()], values.to_vec());
        Expected { file: "out.npy".into(), content: TensorFile::One(tensor), tolerance }
    }

    fn outputs(values: &[f32]) -> Vec<NamedTensor> {
        let tensor = Tensor::f32(vec![values.len()], values.to_vec());
        vec![NamedTensor { name: "y".into(), tensor }]
    }

    #[test]
    fn the_difference_counts_as_a_share_of_the_range() {
        let expected = expected(&[0.0, 50.0, 100.0], 0.01);
        assert_eq!(expected.compare(&outputs(&[0.5, 50.0, 99.5])), Ok(()));
        let error = expected.compare(&outputs(&[0.0, 52.0, 100.0])).expect_err("2 of 100");
        assert!(error.to_string().contains("value 1 is 52, 50 was expected"), "{error}");
        assert!(error.to_string().contains("2.000e-2 of the range"), "{error}");
    }

    #[test]
    fn other_shapes_names_and_values_that_are_no_numbers_never_pass() {
        let expected = expected(&[1.0, 1.0], 0.1);
        assert!(expected.compare(&outputs(&[1.0])).is_err());
        assert!(expected.compare(&outputs(&[1.0, f32::NAN])).is_err());
        assert!(expected.compare(&[]).is_err());
        let named = Expected {
            content: TensorFile::Named(vec![("z".into(), Tensor::f32(vec![1], vec![0.0]))]),
            ..expected
        };
        let error = named.compare(&outputs(&[0.0])).expect_err("no output z").to_string();
        assert!(error.contains("an output `z`"), "{error}");
    }
}
