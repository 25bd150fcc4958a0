//! The engines of this host: what is there, which one a workload gets, and how one is
//! installed.
//!
//! ```text
//! find (candidates, each tried in a process of its own) ─▶ choose (once a run) ─▶ plan
//! install (pip ─▶ wheel, every file compared with its recorded hash ─▶ data directory)
//! ```
//!
//! Deliberately not here: loading a library into this process. Whoever runs a model is an
//! agent.

mod choose;
mod find;
mod install;
mod wheel;

pub(crate) use choose::Chooser;
pub(crate) use find::{FoundLibrary, Library, VERSION_ROLE, find, version_role};
pub(crate) use install::{Installed, Package, Source, TESTED_VERSION, install};
