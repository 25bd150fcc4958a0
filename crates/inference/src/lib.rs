//! What runs inside every compared cell: photo bytes in, a photo or a label out, each stage
//! timed apart.
//!
//! ```text
//! bytes ──decode──▶ Photo ──prepare──▶ tensor ──infer──▶ tensor ──interpret──▶ Outcome
//!       (photo)            (application)      (engine)          (application)
//! ```
//!
//! * [`engine`]: the one seam to whatever executes a model, and its implementation on `rten`.
//! * [`application`]: what a photo becomes before the engine and what tensors become after it.
//! * [`Photo`]: JPEG, PNG and WebP in, within a stated memory rule; PNG and JPEG out.
//! * [`Session`]: one application on one engine, and the clock around each stage.
//! * [`catalogue`]: the applications that ship, their models and their sample inputs.
//!
//! What this crate deliberately does **not** know: files, sockets, environments, trials,
//! warm-up. It is given bytes and gives back results and durations.

pub mod application;
pub mod catalogue;
pub mod engine;
mod error;
mod outcome;
mod photo;
mod session;

pub use error::InferenceError;
pub use outcome::{LabelOutcome, Outcome, Signal};
pub use photo::{PIXELS_MAX, Photo, PhotoError};
pub use session::Session;
