use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Where everything that Weighbridge keeps lies: `$WEIGHBRIDGE_HOME`, else
/// `$XDG_DATA_HOME/weighbridge`, else `~/.local/share/weighbridge`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataDirectory(PathBuf);

/// The data directory cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataDirectoryError {
    #[error(
        "no data directory: neither WEIGHBRIDGE_HOME nor XDG_DATA_HOME nor HOME is set; set WEIGHBRIDGE_HOME"
    )]
    Unknown,
    #[error(
        "cannot create the data directory {path}; make it writable or set WEIGHBRIDGE_HOME to another"
    )]
    Create { path: PathBuf, source: io::Error },
}

impl DataDirectory {
    /// The directory that the environment variables name.
    pub(crate) fn from_environment() -> Result<Self, DataDirectoryError> {
        let set = |name: &str| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        };
        let path = set("WEIGHBRIDGE_HOME")
            .or_else(|| set("XDG_DATA_HOME").map(|data| data.join("weighbridge")))
            .or_else(|| set("HOME").map(|home| home.join(".local/share/weighbridge")))
            .ok_or(DataDirectoryError::Unknown)?;
        // Containers and agents start elsewhere: a relative path would mean another place there.
        let path = std::path::absolute(&path)
            .map_err(|source| DataDirectoryError::Create { path, source })?;
        Ok(Self(path))
    }

    /// The registry's file.
    pub(crate) fn registry(&self) -> PathBuf {
        self.0.join("registry.sqlite")
    }

    /// What probes found, for one boot of the host.
    pub(crate) fn probes(&self, boot_id: &str) -> PathBuf {
        self.0.join("probes").join(format!("{boot_id}.json"))
    }

    /// One directory for each engine that was installed.
    pub(crate) fn engines(&self) -> PathBuf {
        self.0.join("engines")
    }

    /// Models that were downloaded, each under its digest.
    pub(crate) fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    /// Kernels and images of virtual machines.
    pub(crate) fn guests(&self) -> PathBuf {
        self.0.join("guests")
    }

    /// One directory for each instance that exists now.
    pub(crate) fn instances(&self) -> PathBuf {
        self.0.join("instances")
    }

    /// Price lists that were imported.
    pub(crate) fn prices(&self) -> PathBuf {
        self.0.join("prices")
    }

    /// Locked by the process that conducts a campaign.
    pub(crate) fn campaign_lock(&self, campaign: &str) -> PathBuf {
        self.0.join("campaigns").join(format!("{campaign}.lock"))
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The HTML report of a run.
    pub(crate) fn report(&self, run: &str) -> PathBuf {
        self.0.join("reports").join(format!("{run}.html"))
    }
}

/// Creates a directory and those above it, for this user's eyes only.
pub(crate) fn create_private(path: &Path) -> Result<(), DataDirectoryError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| DataDirectoryError::Create { path: path.to_owned(), source })
}
