//! The embedded engine: `rten`, pure Rust, linked into the executable.

use std::any::Any;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::rten::{
    DataType, Dimension, Model, ModelOptions, NodeId, NodeInfo, RunOptions, ThreadPool, Value,
    ValueOrView, ValueType, ValueView,
};
use weighbridge_experiment::EngineIdentity;

use rten_tensor::Layout;

use super::{
    Engine, EngineError, Extent, OnnxFile, Port, THREADS_MAX, Tensor, TensorView, Values,
    ValuesView,
};

const ENGINE: &str = "rten";

/// The version that the workspace pins; a test compares it with the lock file.
pub const VERSION: &str = "0.27.0";

/// Operators that this version computes wrongly without saying so.
const REFUSED: [(&str, &str); 1] = [(
    "ConvInteger",
    "with padding and a zero point other than 128 its result is wrong; give a model with float \
     convolutions or with QuantizeLinear/DequantizeLinear pairs",
)];

/// A model loaded into `rten`, with a thread pool of its own.
///
/// `rten` also starts its process-wide pool on first use and leaves it asleep: it computes
/// nothing here. Setting `RTEN_NUM_THREADS=1` where the process is started keeps it small.
pub struct RtenEngine {
    model: Model,
    options: RunOptions,
    threads: NonZeroU32,
    input_ids: Vec<NodeId>,
    output_ids: Vec<NodeId>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Engine for RtenEngine {
    fn load(model: Vec<u8>, threads: NonZeroU32) -> Result<Self, EngineError> {
        if threads.get() > THREADS_MAX {
            return Err(EngineError::Threads { threads: threads.get(), most: THREADS_MAX });
        }
        refuse_wrong_operators(&OnnxFile::read(&model)?)?;
        // rten promises memory safety on any model, not the absence of panics: a damaged
        // weight table can trip an assertion inside it. Nothing of ours is shared with it,
        // so what it leaves behind is dropped whole.
        let loaded = catch_unwind(AssertUnwindSafe(|| ModelOptions::with_all_ops().load(model)))
            .map_err(|panic| EngineError::Panicked {
                engine: ENGINE,
                action: "loaded",
                message: last_words(&*panic),
            })?;
        let model =
            loaded.map_err(|error| EngineError::Load { engine: ENGINE, detail: chain(&error) })?;
        let pool = ThreadPool::with_num_threads(threads.get() as usize);
        let (input_ids, output_ids) = (model.input_ids().to_vec(), model.output_ids().to_vec());
        Ok(Self {
            inputs: input_ids.iter().map(|id| port(&model, *id)).collect(),
            outputs: output_ids.iter().map(|id| port(&model, *id)).collect(),
            input_ids,
            output_ids,
            options: RunOptions::default().with_thread_pool(Some(Arc::new(pool))),
            threads,
            model,
        })
    }

    fn identity(&self) -> EngineIdentity {
        EngineIdentity {
            name: ENGINE.into(),
            version: VERSION.into(),
            instruction_set: instruction_set().into(),
            threads: self.threads.get(),
        }
    }

    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError> {
        let inputs = self.bind(inputs)?;
        let values = catch_unwind(AssertUnwindSafe(|| {
            self.model.run(inputs, &self.output_ids, Some(self.options.clone()))
        }))
        .map_err(|panic| EngineError::Panicked {
            engine: ENGINE,
            action: "ran",
            message: last_words(&*panic),
        })?
        .map_err(|error| EngineError::Run { engine: ENGINE, detail: chain(&error) })?;
        values.into_iter().zip(&self.outputs).map(|(value, port)| tensor(value, port)).collect()
    }
}

impl RtenEngine {
    fn bind<'a>(
        &self,
        inputs: &[TensorView<'a>],
    ) -> Result<Vec<(NodeId, ValueOrView<'a>)>, EngineError> {
        if inputs.len() != self.input_ids.len() {
            return Err(EngineError::InputCount {
                expected: self.input_ids.len(),
                found: inputs.len(),
            });
        }
        let bound = inputs
            .iter()
            .zip(self.input_ids.iter().zip(&self.inputs))
            .map(|(input, (id, port))| Ok((*id, value(input, port)?)));
        bound.collect()
    }
}

fn refuse_wrong_operators(file: &OnnxFile) -> Result<(), EngineError> {
    let refused = file.nodes.iter().find_map(|node| {
        let (_, reason) = REFUSED.iter().find(|(operator, _)| node.operator == *operator)?;
        Some(EngineError::RefusedOperator {
            engine: ENGINE,
            operator: node.operator.clone(),
            node: node.name.clone(),
            reason,
        })
    });
    refused.map_or(Ok(()), Err)
}

fn port(model: &Model, id: NodeId) -> Port {
    let info = model.node_info(id);
    let extent = |dimension| match dimension {
        Dimension::Fixed(length) => Extent::Fixed(length),
        Dimension::Symbolic(name) => Extent::Free(name),
    };
    Port {
        name: info.as_ref().and_then(NodeInfo::name).unwrap_or_default().to_owned(),
        element: info.as_ref().and_then(NodeInfo::dtype).map(element),
        shape: info
            .as_ref()
            .and_then(NodeInfo::shape)
            .map(|shape| shape.into_iter().map(extent).collect()),
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

fn value<'a>(input: &TensorView<'a>, port: &Port) -> Result<ValueOrView<'a>, EngineError> {
    let shape = input.shape;
    let view = match input.values {
        ValuesView::F32(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::I32(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::I8(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::U8(values) => ValueView::from_shape(shape, values).map_err(drop),
        ValuesView::F64(_) | ValuesView::I64(_) | ValuesView::Bool(_) => {
            return Err(EngineError::InputType {
                engine: ENGINE,
                input: port.name.clone(),
                element: input.values.element().as_str(),
            });
        }
    };
    view.map(Into::into).map_err(|()| EngineError::InputLength {
        input: port.name.clone(),
        shape: shape.to_vec(),
        values: input.values.count(),
    })
}

fn tensor(value: Value, port: &Port) -> Result<Tensor, EngineError> {
    let kind = element(value.dtype());
    Ok(match value {
        Value::FloatTensor(tensor) => Tensor {
            shape: Layout::shape(&tensor).to_vec(),
            values: Values::F32(tensor.into_data()),
        },
        Value::Int32Tensor(tensor) => Tensor {
            shape: Layout::shape(&tensor).to_vec(),
            values: Values::I32(tensor.into_data()),
        },
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

/// The instruction set that `rten` picks on this processor: its kernels ask for the same
/// features in the same order (AVX-512 with its F, VL, BW and DQ parts, then AVX2 with FMA).
#[must_use]
pub fn instruction_set() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq");
        if avx512 {
            return "avx512f";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "avx2+fma";
        }
    }
    if cfg!(target_arch = "aarch64") { "neon" } else { "generic" }
}

/// An error of the engine with its sources. They are joined here because the engine's types
/// are not `Send`-able sources of ours in every version.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        source = error.source();
    }
    text
}

fn last_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_linked() {
        let lock = include_str!("../../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"rten\"\nversion = \"{VERSION}\"")));
    }

    #[test]
    fn operators_with_wrong_results_are_refused_by_name() {
        let node = super::super::Node { operator: "ConvInteger".into(), name: "stem".into() };
        let error = refuse_wrong_operators(&OnnxFile { nodes: vec![node] }).expect_err("refused");
        assert!(
            error.to_string().contains("operator `ConvInteger` (node `stem`) is refused in rten"),
            "{error}"
        );
    }
}
