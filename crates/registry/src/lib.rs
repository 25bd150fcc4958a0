//! Where runs are kept, and where resources are written down before they are made.
//!
//! Three small traits, [`Runs`], [`Campaigns`] and [`Journal`], and one implementation of all,
//! [`SqliteRegistry`]: a database in one file. Everything in it is only ever added, and the
//! database itself refuses a change: a run that failed or was killed is a record, not an
//! absence.
//!
//! What this crate deliberately does **not** know: clocks (every time is given), processes
//! (an [`Owner`] is plain data; whether it lives is for others to find out), the meaning of
//! a measurement, and how records are shown.

mod campaigns;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod format;
mod journal;
mod reference;
mod runs;
mod sqlite;

pub use campaigns::Campaigns;
pub use error::RegistryError;
pub use journal::{Journal, JournalEntry, JournalId, Owner};
pub use runs::{RunSummary, Runs};
pub use sqlite::SqliteRegistry;
