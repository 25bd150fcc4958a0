//! A model that is loaded, with its queue; and what one request makes of it.
//!
//! Everything that costs processor time (decoding, inference, drawing, encoding) happens in
//! the worker, so that the thread that answers connections stays free. Deliberately unknown
//! here: HTTP.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use weighbridge_experiment::{ApplicationName, EngineIdentity};
use weighbridge_inference::engine::{EngineError, Port, Tensor};
use weighbridge_inference::{
    InferenceError, Input, InputError, Outcome, Photo, PhotoError, Session, annotate, stamp,
};

use crate::answer::{EngineAnswer, InferenceAnswer, ModelAnswer, ResultAnswer, StageTimes};
use crate::pool::{Finished, Pool, PoolError, Refusal};
use crate::settings::ModelSettings;

/// Quality of JPEG files, at which re-encoding is not seen.
const JPEG_QUALITY: u8 = 92;

/// A form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    Png,
    Jpeg,
}

impl PictureFormat {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
        }
    }

    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    fn encode(self, photo: &Photo) -> Result<Vec<u8>, PhotoError> {
        match self {
            Self::Png => photo.encode_png(),
            Self::Jpeg => photo.encode_jpeg(JPEG_QUALITY),
        }
    }
}

/// A picture of a result: the result itself where it is a photo, else the photo with what was
/// found drawn on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) format: PictureFormat,
    pub(crate) file: Bytes,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// What came of one input.
#[derive(Debug, Clone)]
pub(crate) struct Inferred {
    /// `None` where the picture is the result.
    pub(crate) result: Option<ResultAnswer>,
    /// Where one was wanted and there is one.
    pub(crate) picture: Option<Picture>,
    pub(crate) times: StageTimes,
}

/// A model in service.
pub(crate) struct Model {
    pub(crate) application: ApplicationName,
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) notes: Vec<String>,
    pub(crate) engine: EngineIdentity,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    pub(crate) pool: Pool,
}

/// Whether a picture of its result can be had of an application, and whether that is the
/// whole result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pictures {
    Result,
    Drawn,
    None,
}

impl Model {
    pub(crate) fn load(settings: ModelSettings) -> Result<Self, PoolError> {
        let (pool, (engine, inputs, outputs)) =
            Pool::start(settings.workers, settings.queue, &settings.make, |session| {
                (session.engine(), session.inputs().to_vec(), session.outputs().to_vec())
            })?;
        Ok(Self {
            application: settings.application,
            file: settings.file,
            sha256: settings.sha256.as_str().to_owned(),
            notes: settings.notes,
            engine,
            inputs,
            outputs,
            pool,
        })
    }

    pub(crate) fn pictures(&self) -> Pictures {
        match self.application {
            ApplicationName::Derain => Pictures::Result,
            ApplicationName::ObjectDetection | ApplicationName::FaceDetection => Pictures::Drawn,
            ApplicationName::TrafficLight
            | ApplicationName::TrafficSign
            | ApplicationName::SpeechToText => Pictures::None,
        }
    }

    pub(crate) fn takes_sound(&self) -> bool {
        self.application == ApplicationName::SpeechToText
    }

    /// Queues one input and waits for what comes of it; dropped, it gives its place free.
    pub(crate) async fn infer(
        &self,
        input: Input,
        picture: Option<PictureFormat>,
        within: Duration,
    ) -> Result<Result<Inferred, InferenceError>, Refusal> {
        let notes = self.notes.clone();
        let pending = self.pool.submit(Instant::now() + within, move |session: &mut Session| {
            infer(session, &input, picture, &notes)
        })?;
        let Finished { value, waited } = pending.await?;
        Ok(value.map(|mut inferred| {
            inferred.times.queue = waited.as_secs_f64() * 1e3;
            inferred
        }))
    }

    /// Queues one call of the engine on bare tensors.
    pub(crate) async fn run_tensors(
        &self,
        inputs: Vec<Tensor>,
        within: Duration,
    ) -> Result<Result<Vec<Tensor>, EngineError>, Refusal> {
        let pending = self.pool.submit(Instant::now() + within, move |session: &mut Session| {
            let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
            session.run_tensors(&views)
        })?;
        pending.await.map(|finished| finished.value)
    }

    /// The answer for programs; `None` where the result is a picture and none was made.
    pub(crate) fn answer(&self, inferred: Inferred) -> Option<InferenceAnswer> {
        let result = match (inferred.result, inferred.picture) {
            (Some(result), _) => result,
            (None, picture) => {
                let picture = picture?;
                ResultAnswer::Photo {
                    width: picture.width,
                    height: picture.height,
                    media_type: picture.format.media_type().to_owned(),
                    base64: STANDARD.encode(&picture.file),
                }
            }
        };
        Some(InferenceAnswer {
            format: "weighbridge.inference/1",
            application: self.application.as_str().to_owned(),
            model: ModelAnswer { name: self.file.clone(), sha256: self.sha256.clone() },
            engine: EngineAnswer {
                name: self.engine.name.clone(),
                version: self.engine.version.clone(),
                instruction_set: self.engine.instruction_set.clone(),
                threads: self.engine.threads,
            },
            labels: self.notes.clone(),
            result,
            milliseconds: inferred.times,
        })
    }
}

fn infer(
    session: &mut Session,
    input: &Input,
    picture: Option<PictureFormat>,
    notes: &[String],
) -> Result<Inferred, InferenceError> {
    let (outcome, timing) = session.run_once(input)?;
    let mut times = StageTimes::of(&timing);
    let result = ResultAnswer::of(&outcome);
    let begun = Instant::now();
    let picture = match picture {
        Some(format) => draw(input, &outcome, notes, format)?,
        None => None,
    };
    times.encode = begun.elapsed().as_secs_f64() * 1e3;
    Ok(Inferred { result, picture, times })
}

fn draw(
    input: &Input,
    outcome: &Outcome,
    notes: &[String],
    format: PictureFormat,
) -> Result<Option<Picture>, InferenceError> {
    let photo = match outcome {
        Outcome::Photo(photo) if notes.is_empty() => {
            return encoded(photo, format).map(Some);
        }
        Outcome::Photo(photo) => stamped(photo.clone(), notes),
        Outcome::Detections(_) | Outcome::Faces(_) => {
            let photo = Photo::decode(&input.bytes, &input.name).map_err(InputError::from)?;
            stamped(annotate(&photo, outcome), notes)
        }
        Outcome::Label(_) | Outcome::Text(_) | Outcome::Tensors(_) => return Ok(None),
    };
    encoded(&photo, format).map(Some)
}

fn encoded(photo: &Photo, format: PictureFormat) -> Result<Picture, InferenceError> {
    let file = format.encode(photo).map_err(InputError::from)?;
    Ok(Picture { format, file: file.into(), width: photo.width(), height: photo.height() })
}

fn stamped(photo: Photo, notes: &[String]) -> Photo {
    notes.iter().fold(photo, |photo, note| stamp(&photo, note))
}
