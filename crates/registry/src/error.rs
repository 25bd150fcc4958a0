use std::path::PathBuf;

use thiserror::Error;
use weighbridge_experiment::{CellKey, RunId};

use crate::JournalId;

/// Why the registry could not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The directory of the database could not be made.
    #[error(
        "cannot create the data directory `{}`; make it writable, or set WEIGHBRIDGE_HOME to another one",
        path.display()
    )]
    CreateDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database could not be opened, for no reason that has a variant of its own.
    #[error("cannot open the registry `{}`", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file or its directory cannot be written.
    #[error(
        "cannot write the registry `{}`: the file or its directory is read-only or not permitted; \
         make both writable for this user, or set WEIGHBRIDGE_HOME to another directory",
        path.display()
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// There is no space left for the database.
    #[error(
        "cannot write to the registry `{}`: no space is left; everything that was acknowledged is kept. \
         Free some space, then continue the run with --resume",
        path.display()
    )]
    Full {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// Another process kept the database locked for longer than the busy timeout.
    #[error(
        "the registry `{}` is locked by another process; wait for it to end, then try again",
        path.display()
    )]
    Busy {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file is something else, or damaged.
    #[error(
        "`{}` is not a registry of Weighbridge: {reason}; move it away, or set WEIGHBRIDGE_HOME to \
         another directory",
        path.display()
    )]
    NotARegistry {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A newer version has changed the shape of the database.
    #[error(
        "the registry `{}` was written by {written_by} (database version {found}; this one, \
         {this}, knows versions up to {known}); install that version or a later one, or set \
         WEIGHBRIDGE_HOME to another directory",
        path.display()
    )]
    NewerDatabase {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that is known here.
        known: i64,
        /// Who wrote it, e.g. `weighbridge 0.9.0`.
        written_by: String,
        /// Who reads it.
        this: String,
    },
    /// A newer version has written the run.
    #[error(
        "{what} {run} was written by weighbridge {written_by} in format `{format}`; this version knows \
         `{known}`; install that version or a later one to read it"
    )]
    NewerRecord {
        /// `run` or `campaign`.
        what: &'static str,
        /// Its id.
        run: RunId,
        /// Its format.
        format: String,
        /// The format that is known here.
        known: &'static str,
        /// The version that wrote it.
        written_by: String,
    },
    /// The tables could not be brought to this version's shape.
    #[error("cannot bring the registry `{}` up to date; a copy of the file helps to find out why", path.display())]
    Migrate {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed, for no reason that has a variant of its own.
    #[error("cannot {step} in the registry `{}`", path.display())]
    Query {
        /// What was to be done.
        step: &'static str,
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A stored record cannot be read any more.
    #[error("{what} in the registry `{}` is damaged; restore the file from a copy", path.display())]
    Damaged {
        /// What is damaged.
        what: String,
        /// The database.
        path: PathBuf,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// A record would not come back as it was given, so it is not taken.
    #[error("{what} cannot be stored: {reason}")]
    NotStorable {
        /// What was to be stored.
        what: String,
        /// What would be lost.
        reason: String,
    },
    /// The id of a run is taken.
    #[error("run {run} exists already; its records are never overwritten")]
    DuplicateRun {
        /// The run.
        run: RunId,
    },
    /// The trial is there already.
    #[error(
        "run {run} has a trial of {cell} in block {block} already; trials are never overwritten"
    )]
    DuplicateTrial {
        /// The run.
        run: RunId,
        /// The block.
        block: u32,
        /// The cell.
        cell: CellKey,
    },
    /// No run is meant by this.
    #[error("no run `{reference}`; `weighbridge runs` lists all of them")]
    NoSuchRun {
        /// What the user wrote.
        reference: String,
    },
    /// There is no latest run, since there is none.
    #[error("there is no run yet; `weighbridge run` makes one")]
    NoRuns,
    /// The id of a campaign is taken.
    #[error("campaign {campaign} exists already; its records are never overwritten")]
    DuplicateCampaign {
        /// The campaign.
        campaign: RunId,
    },
    /// No campaign is meant by this.
    #[error("no campaign `{reference}`; `weighbridge campaign list` lists all of them")]
    NoSuchCampaign {
        /// What the user wrote.
        reference: String,
    },
    /// There is no latest campaign, since there is none.
    #[error("there is no campaign yet; `weighbridge campaign start FILE` makes one")]
    NoCampaigns,
    /// Several runs or campaigns are meant by this.
    #[error("`{reference}` is the beginning of {}; write more of it", listed(candidates))]
    AmbiguousRun {
        /// What the user wrote.
        reference: String,
        /// What it may mean, the one begun last first.
        candidates: Vec<RunId>,
    },
    /// The journal has no such entry.
    #[error("the journal has no entry {id}")]
    NoSuchJournalEntry {
        /// The entry.
        id: JournalId,
    },
}

/// Runs that are named in one message; more help nobody to choose.
const MOST_CANDIDATES: usize = 8;

fn listed(candidates: &[RunId]) -> String {
    let names: Vec<&str> = candidates.iter().take(MOST_CANDIDATES).map(RunId::as_str).collect();
    let more = candidates.len().saturating_sub(MOST_CANDIDATES);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} ids: {}{tail}", candidates.len(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_of_candidates_are_cut() {
        let candidates: Vec<RunId> = (0..10).map(RunId::from_random).collect();
        let message =
            RegistryError::AmbiguousRun { reference: "0000".into(), candidates }.to_string();
        assert!(
            message.starts_with("`0000` is the beginning of 10 ids: 000000000000, 000000000001,")
        );
        assert!(message.ends_with("000000000007 and 2 more; write more of it"), "{message}");
    }
}
