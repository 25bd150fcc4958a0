//! The results of the pages, each for the browser that asked: pictures under the digest of
//! their content, so that the same photo is kept once; bounded in bytes and in age.
//!
//! In memory, or in a directory, where they outlive the process. A path is never made of
//! anything that a client sent: pictures are named by their digest, results by a random
//! number, and a browser's session is kept as a digest only.

mod files;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::answer::{ResultAnswer, StageTimes};
use crate::settings::StoreSettings;
use files::Files;

/// The store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or directory of it.
    #[error("cannot {action} {} of the store; make its directory writable or name another with --store", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A result alone is larger than everything that may be kept.
    #[error("a result of {bytes} bytes is more than the {most} that the store may hold")]
    TooLarge {
        /// Of the photo and its result.
        bytes: u64,
        /// The bound.
        most: u64,
    },
}

/// A file that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) media_type: String,
}

/// One result of one browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Names it in addresses; nobody can guess it.
    pub(crate) id: String,
    /// Digest of the browser's session.
    pub(crate) session: String,
    pub(crate) at: Timestamp,
    pub(crate) application: String,
    /// What the client called its file; shown, never used.
    pub(crate) name: String,
    pub(crate) before: Kept,
    pub(crate) after: Option<Kept>,
    /// `None` where the picture is the result.
    pub(crate) result: Option<ResultAnswer>,
    pub(crate) times: StageTimes,
}

impl Entry {
    fn kept(&self) -> impl Iterator<Item = &Kept> {
        std::iter::once(&self.before).chain(&self.after)
    }
}

/// A result before it is kept.
pub(crate) struct NewEntry {
    pub(crate) session: String,
    pub(crate) at: Timestamp,
    pub(crate) application: String,
    pub(crate) name: String,
    /// The input and its media type.
    pub(crate) before: (Bytes, &'static str),
    pub(crate) after: Option<(Bytes, &'static str)>,
    pub(crate) result: Option<ResultAnswer>,
    pub(crate) times: StageTimes,
}

#[derive(Default)]
struct State {
    /// By time, then id: the oldest go first.
    entries: BTreeMap<(Timestamp, String), Arc<Entry>>,
    /// By id, the time under which it is found above.
    times: HashMap<String, Timestamp>,
    /// By digest: how many entries show it, and its length.
    uses: HashMap<String, (usize, u64)>,
    /// Where there is no directory.
    memory: HashMap<String, Bytes>,
    bytes: u64,
}

/// See the module.
pub(crate) struct Store {
    state: Mutex<State>,
    files: Option<Files>,
    bytes_max: u64,
    age_max: SignedDuration,
}

impl Store {
    /// Opens a store; in a directory, with what it holds from before.
    pub(crate) fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let files = settings.directory.as_deref().map(Files::open).transpose()?;
        let store = Self {
            state: Mutex::default(),
            bytes_max: settings.bytes_max,
            age_max: SignedDuration::try_from(settings.age_max).unwrap_or(SignedDuration::MAX),
            files,
        };
        if let Some(files) = &store.files {
            let entries = files.entries()?;
            let mut state = store.state();
            for entry in entries {
                state.add(Arc::new(entry));
            }
            files.remove_unused(|digest| state.uses.contains_key(digest))?;
        }
        Ok(store)
    }

    /// Nothing is done under the lock that could leave the state half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Keeps a result, and lets the oldest go where there is no room. Blocks on files.
    pub(crate) fn insert(&self, new: NewEntry) -> Result<Arc<Entry>, StoreError> {
        let contents: Vec<Bytes> = std::iter::once(&new.before)
            .chain(&new.after)
            .map(|(content, _)| content.clone())
            .collect();
        let kept = |(content, media_type): &(Bytes, &'static str)| Kept {
            sha256: hexadecimal(&Sha256::digest(content)),
            bytes: content.len() as u64,
            media_type: (*media_type).to_owned(),
        };
        let entry = Entry {
            id: random_id(),
            session: new.session,
            at: new.at,
            application: new.application,
            name: new.name,
            before: kept(&new.before),
            after: new.after.as_ref().map(kept),
            result: new.result,
            times: new.times,
        };
        let bytes = entry.kept().map(|kept| kept.bytes).sum();
        if bytes > self.bytes_max {
            return Err(StoreError::TooLarge { bytes, most: self.bytes_max });
        }
        let entry = Arc::new(entry);
        let mut state = self.state();
        self.make_room(&mut state, bytes, new.at)?;
        match &self.files {
            Some(files) => {
                for (kept, content) in entry.kept().zip(&contents) {
                    files.write(&kept.sha256, content)?;
                }
                files.write_entry(&entry)?;
            }
            None => {
                let named = entry.kept().map(|kept| kept.sha256.clone()).zip(contents);
                state.memory.extend(named);
            }
        }
        state.add(Arc::clone(&entry));
        Ok(entry)
    }

    /// Lets go what is too old. Blocks on files.
    pub(crate) fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        self.make_room(&mut self.state(), 0, now)
    }

    fn make_room(&self, state: &mut State, wanted: u64, now: Timestamp) -> Result<(), StoreError> {
        while let Some(((at, _), entry)) = state.entries.first_key_value() {
            let old = now.duration_since(*at) > self.age_max;
            if !old && state.bytes + wanted <= self.bytes_max {
                break;
            }
            let entry = Arc::clone(entry);
            self.remove(state, &entry)?;
        }
        Ok(())
    }

    fn remove(&self, state: &mut State, entry: &Entry) -> Result<(), StoreError> {
        for digest in state.drop_entry(entry) {
            state.memory.remove(&digest);
            if let Some(files) = &self.files {
                files.remove(&digest)?;
            }
        }
        self.files.as_ref().map_or(Ok(()), |files| files.remove_entry(&entry.id))
    }

    /// A result, where it is this session's and not too old.
    pub(crate) fn get(&self, id: &str, session: &str, now: Timestamp) -> Option<Arc<Entry>> {
        let state = self.state();
        let at = *state.times.get(id)?;
        let entry = state.entries.get(&(at, id.to_owned()))?;
        let fits = entry.session == session && now.duration_since(at) <= self.age_max;
        fits.then(|| Arc::clone(entry))
    }

    /// The session's results of one application, the newest first.
    pub(crate) fn list(
        &self,
        session: &str,
        application: &str,
        now: Timestamp,
        most: usize,
    ) -> Vec<Arc<Entry>> {
        let state = self.state();
        let newest = state.entries.values().rev();
        let own = newest.filter(|entry| {
            entry.session == session
                && entry.application == application
                && now.duration_since(entry.at) <= self.age_max
        });
        own.take(most).cloned().collect()
    }

    /// Lets one of the session's results go; whether there was one. Blocks on files.
    pub(crate) fn delete(
        &self,
        id: &str,
        session: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(entry) = self.get(id, session, now) else { return Ok(false) };
        self.remove(&mut self.state(), &entry)?;
        Ok(true)
    }

    /// The content of a kept file. Blocks on files.
    pub(crate) fn content(&self, kept: &Kept) -> Result<Option<Bytes>, StoreError> {
        match &self.files {
            Some(files) => files.read(&kept.sha256),
            None => Ok(self.state().memory.get(&kept.sha256).cloned()),
        }
    }
}

impl State {
    fn add(&mut self, entry: Arc<Entry>) {
        for kept in entry.kept() {
            let (uses, _) = self.uses.entry(kept.sha256.clone()).or_insert((0, kept.bytes));
            *uses += 1;
            if *uses == 1 {
                self.bytes += kept.bytes;
            }
        }
        self.times.insert(entry.id.clone(), entry.at);
        self.entries.insert((entry.at, entry.id.clone()), entry);
    }

    /// Forgets an entry; gives the digests that none shows any more.
    fn drop_entry(&mut self, entry: &Entry) -> Vec<String> {
        if self.entries.remove(&(entry.at, entry.id.clone())).is_none() {
            return Vec::new();
        }
        self.times.remove(&entry.id);
        let mut unused = Vec::new();
        for kept in entry.kept() {
            let Some((uses, bytes)) = self.uses.get_mut(&kept.sha256) else { continue };
            *uses -= 1;
            if *uses == 0 {
                self.bytes -= *bytes;
                self.uses.remove(&kept.sha256);
                unused.push(kept.sha256.clone());
            }
        }
        unused
    }
}

/// 128 random bits.
pub(crate) fn random_id() -> String {
    hexadecimal(&rand::random::<[u8; 16]>())
}

/// How a session is kept: whoever reads the directory cannot take it over.
pub(crate) fn session_digest(session: &str) -> String {
    hexadecimal(&Sha256::digest(session))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
