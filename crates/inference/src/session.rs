use std::num::NonZeroU32;
use std::time::Instant;

use weighbridge_experiment::{ApplicationName, EngineIdentity, InferenceTiming};

use crate::application::{Application, application};
use crate::engine::{Engine, EngineError, Port, RtenEngine, Tensor, TensorView};
use crate::{InferenceError, Input, Outcome};

/// One application with its model loaded into one engine. It is used by one caller at a time
/// and keeps its buffers from input to input, so the first inference is the slowest.
pub struct Session {
    application: Box<dyn Application>,
    engine: Box<dyn Engine>,
}

impl Session {
    /// Loads an ONNX model for an application into the embedded engine, which computes on
    /// exactly `threads` threads.
    ///
    /// # Errors
    ///
    /// When the bytes are no whole model, the engine cannot run it, or its inputs and outputs
    /// are not those of the application.
    pub fn load(
        name: ApplicationName,
        model: Vec<u8>,
        threads: u32,
    ) -> Result<Self, InferenceError> {
        let count = NonZeroU32::new(threads)
            .ok_or(EngineError::Threads { threads, most: crate::engine::THREADS_MAX })?;
        Self::new(application(name, None), Box::new(RtenEngine::load(model, count)?))
    }

    /// An application on an engine that has its model loaded already.
    ///
    /// # Errors
    ///
    /// When the model's inputs and outputs are not those of the application.
    pub fn new(
        mut application: Box<dyn Application>,
        engine: Box<dyn Engine>,
    ) -> Result<Self, InferenceError> {
        application.fit(engine.inputs(), engine.outputs()).map_err(|misfit| {
            InferenceError::ModelDoesNotFit {
                application: application.name().to_owned(),
                expected: misfit.expected,
                found: misfit.found,
            }
        })?;
        Ok(Self { application, engine })
    }

    /// The engine, as it names itself.
    #[must_use]
    pub fn engine(&self) -> EngineIdentity {
        self.engine.identity()
    }

    /// The model's inputs, in its order.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        self.engine.inputs()
    }

    /// The model's outputs, in its order.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        self.engine.outputs()
    }

    /// One call of the engine on tensors of the caller's own, past the application.
    ///
    /// # Errors
    ///
    /// When an input does not fit the model or an operator fails. The session can be used
    /// again afterwards.
    pub fn run_tensors(&mut self, inputs: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError> {
        self.engine.run(inputs)
    }

    /// One inference: the bytes of an input to a result, with the duration of each stage by
    /// the monotonic clock. Where an input takes several passes of the engine, the durations
    /// of a stage are added up.
    ///
    /// # Errors
    ///
    /// When the bytes are nothing that can be used, the engine fails, or the model's outputs
    /// have another shape than they must or values that are not finite. The session can be
    /// used again afterwards.
    pub fn run_once(
        &mut self,
        input: &Input,
    ) -> Result<(Outcome, InferenceTiming), InferenceError> {
        let mut timing = InferenceTiming::default();
        let mut lap = Lap(Instant::now());

        self.application.begin(input)?;
        while self.application.more()? {
            timing.decode_nanoseconds += lap.nanoseconds();

            let tensors = self.application.prepare();
            timing.prepare_nanoseconds += lap.nanoseconds();

            let outputs = self.engine.run(&tensors)?;
            timing.infer_nanoseconds += lap.nanoseconds();

            self.interpret(&outputs, input)?;
            timing.interpret_nanoseconds += lap.nanoseconds();
        }
        let outcome = self.application.finish();
        timing.interpret_nanoseconds += lap.nanoseconds();
        Ok((outcome, timing))
    }

    fn interpret(&mut self, outputs: &[Tensor], input: &Input) -> Result<(), InferenceError> {
        for (output, port) in outputs.iter().zip(self.engine.outputs()) {
            if let Some((index, value)) = output.first_not_finite() {
                return Err(InferenceError::NotFinite {
                    input: input.name.clone(),
                    output: port.name.clone(),
                    index,
                    value,
                });
            }
        }
        self.application
            .interpret(outputs)
            .map_err(|source| InferenceError::Interpret { input: input.name.clone(), source })
    }
}

/// A stop watch whose every reading starts the next lap, so that no time falls between.
struct Lap(Instant);

impl Lap {
    fn nanoseconds(&mut self) -> u64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.0);
        self.0 = now;
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Photo;
    use crate::engine::{Extent, FakeEngine};

    /// A traffic light's model that gives the same output whatever it is asked.
    fn fake_traffic_light(shape: &[usize], values: &[f32]) -> Box<FakeEngine> {
        let port = |name: &str, lengths: &[usize]| Port {
            name: name.into(),
            element: Some("f32"),
            shape: Some(lengths.iter().copied().map(Extent::Fixed).collect()),
        };
        let output = Tensor::f32(shape.to_vec(), values.to_vec());
        let (image, logits) = (port("image", &[1, 3, 64, 64]), port("logits", &[1, 4]));
        FakeEngine::new(image, logits, move |_| output.clone())
    }

    fn run(shape: &[usize], values: &[f32]) -> Result<Outcome, InferenceError> {
        let engine = fake_traffic_light(shape, values);
        let mut session = Session::new(application(ApplicationName::TrafficLight, None), engine)?;
        let photo = Photo::black_pixel().encode_png().expect("a PNG file");
        session.run_once(&Input::new("dot.png", photo)).map(|(outcome, _)| outcome)
    }

    #[test]
    fn an_output_that_is_not_a_number_is_a_failed_inference() {
        let error = run(&[1, 4], &[0.0, 1.0, f32::NAN, 0.0]).expect_err("no result");
        assert_eq!(
            error.to_string(),
            "inference on `dot.png` failed: value 2 of the model's output `logits` is NaN, not a finite number"
        );
    }

    #[test]
    fn an_output_of_another_shape_is_a_failed_inference() {
        let error = run(&[1, 5], &[0.0; 5]).expect_err("no result");
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert_eq!(
            format!("{error}: {cause}"),
            "inference on `dot.png` failed: the model's output `logits` is f32 [1, 5], f32 [1, 4] was expected"
        );
    }

    #[test]
    fn any_engine_will_do() {
        let outcome = run(&[1, 4], &[0.0, 0.0, 9.0, 0.0]).expect("a result");
        assert!(matches!(outcome, Outcome::Label(label) if &*label.label == "green"));
    }
}
