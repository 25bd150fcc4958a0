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
