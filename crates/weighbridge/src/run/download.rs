//! Models by address: read once, compared with the digest that the user trusts, and kept in the
//! data directory under that digest. What is not what was promised is deleted.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sha2::{Digest, Sha256};
use thiserror::Error;
use ureq::Agent;
use weighbridge_experiment::Sha256Digest;

use super::files::{LARGEST_MODEL_BYTES, digest_of_file};
use crate::data_directory::{DataDirectory, DataDirectoryError, create_private};

/// Why a model could not be had from its address. Each names the address.
#[derive(Debug, Error)]
pub(crate) enum DownloadError {
    #[error("cannot download {url}; check the address and the network, or give a path")]
    Request { url: String, source: Box<ureq::Error> },
    #[error("the download of {url} broke off after {bytes} bytes; try again")]
    Read { url: String, bytes: u64, source: io::Error },
    #[error("{url} is larger than {LARGEST_MODEL_BYTES} bytes, the most that a model may have")]
    TooLarge { url: String },
    #[error(
        "{url} is not the file that was promised: its SHA-256 is {found}, `sha256` says {expected}; \
         it was deleted; compare the address and the digest with those of its publisher"
    )]
    Digest { url: String, expected: Sha256Digest, found: Sha256Digest },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Directory(#[from] DataDirectoryError),
}

/// The model of an address: from the data directory where it is there, else downloaded.
pub(crate) fn cached(
    url: &str,
    sha256: &Sha256Digest,
    data: &DataDirectory,
) -> Result<PathBuf, DownloadError> {
    let directory = data.models();
    create_private(&directory)?;
    let path = directory.join(format!("{sha256}.onnx"));
    // A file that was damaged since is read anew.
    if digest_of_file(&path).is_ok_and(|(found, _)| found == *sha256) {
        return Ok(path);
    }
    // Another process may be at the same download: each writes a file of its own.
    let partial = directory.join(format!("{sha256}.{}.partial", std::process::id()));
    let fetched = fetch(url, &partial).and_then(|found| {
        if found == *sha256 {
            let failed = |source| DownloadError::Write { path: path.clone(), source };
            return fs::rename(&partial, &path).map_err(failed);
        }
        Err(DownloadError::Digest { url: url.to_owned(), expected: sha256.clone(), found })
    });
    if fetched.is_err() {
        // What is left of a failed download is of no use to anyone.
        let _ = fs::remove_file(&partial);
    }
    fetched.map(|()| path)
}

fn fetch(url: &str, target: &Path) -> Result<Sha256Digest, DownloadError> {
    let agent: Agent = Agent::config_builder()
        // An encrypted address must not lead to one that is not.
        .https_only(url.starts_with("https://"))
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .max_redirects(if url.starts_with("https://") { 5 } else { 0 })
        .max_redirects_will_error(true)
        .build()
        .into();
    let response = agent
        .get(url)
        .call()
        .map_err(|error| DownloadError::Request { url: url.to_owned(), source: Box::new(error) })?;
    let length = response.body().content_length();
    if length.is_some_and(|length| length > LARGEST_MODEL_BYTES) {
        return Err(DownloadError::TooLarge { url: url.to_owned() });
    }
    let mut body = response.into_body().into_with_config().limit(LARGEST_MODEL_BYTES + 1).reader();
    let write = |source| DownloadError::Write { path: target.to_owned(), source };
    let mut file = File::create(target).map_err(write)?;
    let bar = progress(url, length);
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(DownloadError::Read { url: url.to_owned(), bytes, source });
            }
        };
        bytes += count as u64;
        if bytes > LARGEST_MODEL_BYTES {
            return Err(DownloadError::TooLarge { url: url.to_owned() });
        }
        hasher.update(&piece[..count]);
        file.write_all(&piece[..count]).map_err(write)?;
        bar.set_position(bytes);
    }
    file.sync_all().map_err(write)?;
    bar.finish_and_clear();
    Ok(Sha256Digest::finish(hasher))
}

/// A bar on standard error; nothing where that is not a terminal.
fn progress(url: &str, length: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(8));
    let template = if length.is_some() {
        "{msg} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} {eta} left"
    } else {
        "{msg} {spinner} {bytes} {bytes_per_sec}"
    };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(url.rsplit('/').next().unwrap_or(url).to_owned());
    bar
}
