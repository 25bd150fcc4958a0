use std::num::NonZeroU32;
use std::time::Instant;

use weighbridge_experiment::{ApplicationName, EngineIdentity, InferenceTiming};

use crate::application::{Application, application, check_fit};
use crate::engine::{Engine, EngineError, RtenEngine, Tensor};
use crate::{InferenceError, Outcome, Photo};

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
        Self::with_engine(name, Box::new(RtenEngine::load(model, count)?))
    }

    /// An application on an engine that has its model loaded already.
    ///
    /// # Errors
    ///
    /// When the model's inputs and outputs are not those of the application.
    pub fn with_engine(
        name: ApplicationName,
        engine: Box<dyn Engine>,
    ) -> Result<Self, InferenceError> {
        let application = application(name);
        check_fit(&*application, &*engine)?;
        Ok(Self { application, engine })
    }

    /// The engine, as it names itself.
    #[must_use]
    pub fn engine(&self) -> EngineIdentity {
        self.engine.identity()
    }

    /// The application.
    #[must_use]
    pub fn application(&self) -> ApplicationName {
        self.application.name()
    }

    /// One inference: the bytes of a photo to a result, with the duration of each stage by
    /// the monotonic clock. Where a photo takes several passes of the engine, the durations
    /// of a stage are added up. `input_name` is what the user calls the photo, for messages.
    ///
    /// # Errors
    ///
    /// When the bytes are no photo that can be used, the engine fails, or the model's output
    /// has another shape than it must or values that are not finite. The session can be used
    /// again afterwards.
    pub fn run_once(
        &mut self,
        input: &[u8],
        input_name: &str,
    ) -> Result<(Outcome, InferenceTiming), InferenceError> {
        let mut timing = InferenceTiming::default();
        let mut lap = Lap(Instant::now());

        let photo = Photo::decode(input, input_name)?;
        timing.decode_nanoseconds = lap.nanoseconds();

        for pass in 0..self.application.begin(photo) {
            let tensor = self.application.prepare(pass);
            timing.prepare_nanoseconds += lap.nanoseconds();

            let outputs = self.engine.run(&[tensor])?;
            timing.infer_nanoseconds += lap.nanoseconds();

            self.interpret(pass, &outputs, input_name)?;
            timing.interpret_nanoseconds += lap.nanoseconds();
        }
        let outcome = self.application.finish();
        timing.interpret_nanoseconds += lap.nanoseconds();
        Ok((outcome, timing))
    }

    fn interpret(
        &mut self,
        pass: usize,
        outputs: &[Tensor],
        input_name: &str,
    ) -> Result<(), InferenceError> {
        let name = self.application.output().name;
        let shape_error = |expected, found| InferenceError::OutputShape {
            input: input_name.into(),
            output: name,
            expected,
            found,
        };
        let Some(output) = outputs.first() else {
            return Err(shape_error(Vec::new(), Vec::new()));
        };
        if let Some(index) = output.first_not_finite() {
            let value = output.values[index];
            return Err(InferenceError::NotFinite {
                input: input_name.into(),
                output: name,
                index,
                value,
            });
        }
        self.application
            .interpret(pass, output)
            .map_err(|expected| shape_error(expected, output.shape.clone()))
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
    use crate::engine::{Extent, Port, TensorView};

    /// Gives the same output whatever it is asked.
    struct FakeEngine {
        ports: [Port; 2],
        output: Tensor,
    }

    impl FakeEngine {
        fn traffic_light(shape: &[usize], values: &[f32]) -> Box<Self> {
            let port = |name: &str, lengths: &[usize]| Port {
                name: name.into(),
                element: Some("f32"),
                shape: Some(lengths.iter().copied().map(Extent::Fixed).collect()),
            };
            let output = Tensor { shape: shape.to_vec(), values: values.to_vec() };
            Box::new(Self {
                ports: [port("image", &[1, 3, 64, 64]), port("logits", &[1, 4])],
                output,
            })
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
            &self.ports[..1]
        }

        fn outputs(&self) -> &[Port] {
            &self.ports[1..]
        }

        fn run(&mut self, _: &[TensorView<'_>]) -> Result<Vec<Tensor>, EngineError> {
            Ok(vec![self.output.clone()])
        }
    }

    fn run(shape: &[usize], values: &[f32]) -> Result<Outcome, InferenceError> {
        let engine = FakeEngine::traffic_light(shape, values);
        let mut session = Session::with_engine(ApplicationName::TrafficLight, engine)?;
        let photo = Photo::black_pixel().encode_png()?;
        session.run_once(&photo, "dot.png").map(|(outcome, _)| outcome)
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
        assert_eq!(
            error.to_string(),
            "inference on `dot.png` failed: the model's output `logits` has shape [1, 5], [1, 4] was expected"
        );
    }

    #[test]
    fn any_engine_will_do() {
        let outcome = run(&[1, 4], &[0.0, 0.0, 9.0, 0.0]).expect("a result");
        assert!(matches!(outcome, Outcome::Label(label) if label.label == crate::Signal::Green));
    }
}
