//! The embedded engine: `rten`, pure Rust, linked into the executable.

mod values;

use std::any::Any;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use weighbridge_experiment::EngineIdentity;

use super::onnx_file::SingleByte;
use super::{Engine, EngineError, Node, OnnxFile, Port, THREADS_MAX, Tensor, TensorView};

const ENGINE: &str = "rten";

/// The version that the workspace pins; a test compares it with the lock file.
pub const VERSION: &str = "0.27.0";

/// What this version computes wrongly without saying so (`tests/models/engines.rs`).
const WRONG_CONVOLUTION: &str = "with padding and a zero point other than 128 its result is wrong; run it on the engine \
     onnxruntime, or give a model with float convolutions or with \
     QuantizeLinear/DequantizeLinear pairs";

/// rten reads operators of any version as those that it knows. Up to here it was compared with
/// onnxruntime 1.31, which gives 26 as the newest that it supports.
const OPSET_MOST: u64 = 26;

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
        let file = OnnxFile::read(&model)?;
        refuse(&file)?;
        // rten promises memory safety on any model, not the absence of panics: a damaged
        // weight table can trip an assertion inside it. Nothing of ours is shared with it,
        // so what it leaves behind is dropped whole.
        let loaded = catch_unwind(AssertUnwindSafe(|| ModelOptions::with_all_ops().load(model)))
            .map_err(|panic| EngineError::Panicked {
                engine: ENGINE,
                action: "loaded",
                message: last_words(&*panic),
            })?;
        let model = loaded.map_err(|error| not_loaded(chain(&error)))?;
        let pool = ThreadPool::with_num_threads(threads.get() as usize);
        let (input_ids, output_ids) = (model.input_ids().to_vec(), model.output_ids().to_vec());
        Ok(Self {
            inputs: input_ids.iter().map(|id| values::port(&model, *id, &file)).collect(),
            outputs: output_ids.iter().map(|id| values::port(&model, *id, &file)).collect(),
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
        values
            .into_iter()
            .zip(&self.outputs)
            .map(|(value, port)| values::tensor(value, port))
            .collect()
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
            .map(|(input, (id, port))| Ok((*id, values::value(input, port)?)));
        bound.collect()
    }
}

fn refuse(file: &OnnxFile) -> Result<(), EngineError> {
    if let Some(opset) = file.opset.filter(|opset| *opset > OPSET_MOST) {
        return Err(EngineError::Opset { engine: ENGINE, opset, most: OPSET_MOST });
    }
    let refused = |node: &Node, reason| EngineError::RefusedOperator {
        engine: ENGINE,
        operator: node.operator.clone(),
        node: node.name.clone(),
        reason,
    };
    let wrong = file.nodes.iter().find(|node| is_wrong_convolution(node, file));
    wrong.map_or(Ok(()), |node| Err(refused(node, WRONG_CONVOLUTION)))
}

/// rten fills the border of a quantised convolution with the stored value 128 (0 where it is
/// signed) in place of the zero point: without a border, or with that very zero point, the
/// result is right. A zero point that is computed or left out may be any.
fn is_wrong_convolution(node: &Node, file: &OnnxFile) -> bool {
    if node.operator != "ConvInteger" || !node.padded {
        return false;
    }
    let zero_point = node.inputs.get(2).and_then(|name| file.single_bytes.get(name));
    !matches!(zero_point, Some(SingleByte::U8(128) | SingleByte::I8(0)))
}

/// Why the model cannot be loaded, with the engine that would where that is the operator.
fn not_loaded(detail: String) -> EngineError {
    if detail.contains("supported") {
        return EngineError::NotSupported { engine: ENGINE, detail, other: "onnxruntime" };
    }
    EngineError::Load { engine: ENGINE, detail }
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
    fn only_the_convolutions_with_wrong_results_are_refused() {
        let convolution = |padded, zero: &str| Node {
            operator: "ConvInteger".into(),
            name: "stem".into(),
            inputs: vec!["in".into(), "kernel".into(), zero.into()],
            padded,
        };
        let single_bytes = [
            ("u100".to_owned(), SingleByte::U8(100)),
            ("u128".to_owned(), SingleByte::U8(128)),
            ("i0".to_owned(), SingleByte::I8(0)),
        ];
        let refused = |padded, zero| {
            let nodes = vec![convolution(padded, zero)];
            let single_bytes = single_bytes.clone().into();
            refuse(&OnnxFile { nodes, single_bytes, ..OnnxFile::default() }).err()
        };
        for zero in ["u100", "", "computed"] {
            let error = refused(true, zero).expect("refused").to_string();
            let expected = "operator `ConvInteger` (node `stem`) is refused in rten";
            assert!(error.contains(expected) && error.contains("engine onnxruntime"), "{error}");
            assert!(refused(false, zero).is_none(), "nothing is filled in without padding");
        }
        assert!(refused(true, "u128").is_none() && refused(true, "i0").is_none());
    }
}
