//! What runs inside every compared cell: the bytes of an input in, a result out, each stage
//! timed apart.
//!
//! ```text
//! Input ──decode──▶ pixels, ──prepare──▶ tensors ──infer──▶ tensors ──interpret──▶ Outcome
//!                   sound    (application)      (engine)           (application)
//! ```
//!
//! * [`engine`]: the one seam to whatever executes a model, and its implementation on `rten`.
//! * [`application`]: what an input becomes before the engine and what tensors become after it.
//! * [`Photo`]: JPEG, PNG and WebP in, within a stated memory rule; PNG and JPEG out.
//! * [`Session`]: one application on one engine, and the clock around each stage.
//! * [`family`]: published architectures, written with seeded weights.
//! * [`catalogue`]: the applications that ship, their models and their sample inputs.
//!
//! What this crate deliberately does **not** know: files, sockets, environments, trials,
//! warm-up. It is given bytes and gives back results and durations.

mod annotate;
pub mod application;
pub mod audio;
pub mod catalogue;
pub mod engine;
mod error;
mod expected;
pub mod family;
mod input;
mod labels;
mod outcome;
mod photo;
mod session;
pub mod tensor_file;

pub use annotate::{annotate, stamp};
pub use error::{InferenceError, InputError, InterpretError, Misfit};
pub use expected::{Expected, UnexpectedOutput};
pub use input::Input;
pub use labels::{Labels, LabelsError};
pub use outcome::{
    ClassProbability, Detection, Face, LabelOutcome, NamedTensor, Outcome, PixelBox, TextOutcome,
};
pub use photo::{PIXELS_MAX, Photo, PhotoError};
pub use session::Session;
