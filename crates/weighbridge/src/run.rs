//! The stages of a run, in the order in which data passes through them.
//!
//! ```text
//! asked ─▶ plan ─▶ preflight ─▶ conduct (instance ─▶ trial, block by block) ─▶ record
//! ```
//!
//! Only this module and the command line see the whole line; each stage takes the type of
//! the one before it.

mod asked;
mod begun;
mod conduct;
mod density;
mod download;
mod files;
mod host;
mod instance;
mod materials;
mod model;
mod order;
mod overhead;
mod plan;
mod preflight;
mod probe;
mod program;
mod progress;
mod reap;
mod startup;
mod trial;
mod workload;

pub(crate) use weighbridge_experiment::file::asked::application;

pub(crate) use asked::{Asked, Options, experiment, read_experiment};
pub(crate) use begun::{Begun, begin, conduct, plan, resume};
pub(crate) use conduct::{Conduct, Ending};
pub(crate) use files::digest_of_file;
pub(crate) use files::input_files;
pub(crate) use host::Host;
pub(crate) use materials::Materials;
pub(crate) use model::{Model, content as model_content, resolve as resolve_model};
pub(crate) use plan::resolve;
pub(crate) use preflight::preflight;
pub(crate) use probe::Probes;
pub(crate) use progress::Waiting;
pub(crate) use reap::reap;

/// The digest of an executable file.
pub(crate) fn executable_digest(
    path: &std::path::Path,
) -> std::io::Result<weighbridge_experiment::Sha256Digest> {
    files::digest_of_file(path).map(|(digest, _)| digest)
}
