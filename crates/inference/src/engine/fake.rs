//! An engine for tests of what stands around one: it computes nothing but what it is told.

use std::num::NonZeroU32;

use weighbridge_experiment::EngineIdentity;

use super::{Engine, EngineError, Port, Tensor, TensorView};

type Answer = Box<dyn FnMut(&[TensorView<'_>]) -> Tensor + Send>;

/// Answers every run by a function of the test's own.
pub(crate) struct FakeEngine {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    answer: Answer,
}

impl FakeEngine {
    /// A model of one input and one output.
    pub(crate) fn new(
        input: Port,
        output: Port,
        answer: impl FnMut(&[TensorView<'_>]) -> Tensor + Send + 'static,
    ) -> Box<Self> {
        Box::new(Self { inputs: vec![input], outputs: vec![output], answer: Box::new(answer) })
    }
}

impl Engine for FakeEngine {
    fn load(_: Vec<u8>, threads: NonZeroU32) -> Result<Self, EngineError> {
        Err(EngineError::Threads { threads: threads.get(), most: 0 })
    }

    fn identity(&self) -> EngineIdentity {
        EngineIdentity {
            name: "fake".into(),
            version: String::new(),
            instruction_set: String::new(),
            threads: 1,
        }
    }

    fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    fn run(&mut self, inputs: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError> {
        Ok(vec![(self.answer)(inputs)])
    }
}
