//! The image of an agent: its executable, what that is linked to, and nothing else.
//!
//! It is built in memory and handed to the daemon as a file system, without a registry and
//! without a build. Its tag is the digest of what is in it, so one image serves every
//! instance of the same agent, and an agent that changed gets another. Images stay with the
//! daemon as a cache; [`remove_ours`] removes them. This module starts nothing.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use tar::{Builder, EntryType, Header};
use weighbridge_experiment::Sha256Digest;

use super::daemon::{Daemon, encoded};
use crate::blocking::blocking;
use crate::container::{AGENT, LIBRARIES, RUN};
use crate::error::EnvironmentError;
use crate::file_digest::digest_of;
use crate::libraries::{NeededFile, needed_files};

/// Under this name the daemon lists the images of agents.
const REPOSITORY: &str = "weighbridge-agent";
/// What every image of ours is labelled with, so that it can be found and removed.
pub(super) const IMAGE_LABEL: &str = "weighbridge.image=agent";

/// Directories that are mounted upon; the root is read-only, so they must be there.
const MOUNT_POINTS: [&str; 5] = ["dev", "proc", "sys", RUN, LIBRARIES];

/// An image as the daemon knows it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Image {
    /// `sha256:…`.
    #[serde(rename = "Id")]
    pub(super) id: String,
}

/// What an image of ours holds: where on the host, and where inside.
#[derive(Debug, Clone)]
struct Content {
    files: Vec<(NeededFile, Sha256Digest)>,
}

/// The image of this agent; made first where the daemon does not have it.
pub(super) async fn of_agent(
    daemon: &Daemon,
    executable: &Path,
) -> Result<Image, EnvironmentError> {
    let executable = executable.to_owned();
    let content = blocking(move || Content::of(&executable)).await?;
    let tag = content.tag();
    let name = format!("{REPOSITORY}:{tag}");
    if let Some(image) = find(daemon, &name).await? {
        return Ok(image);
    }
    let archive = blocking(move || content.archive()).await?;
    let label = format!("LABEL {IMAGE_LABEL}");
    let path =
        format!("/images/create?fromSrc=-&repo={REPOSITORY}&tag={tag}&changes={}", encoded(&label));
    let answer = daemon.ask(Method::POST, &path, "application/x-tar", archive).await?;
    let action = format!("import image {name}");
    daemon.check(&action, &answer)?;
    if let Some(reason) = failure(&answer.body) {
        return Err(daemon.refused(&action, reason));
    }
    find(daemon, &name)
        .await?
        .ok_or_else(|| daemon.refused(&action, "it is not listed afterwards".to_owned()))
}

/// An image that the user named. It is never fetched: what is measured must not depend on
/// what a registry gives that day.
pub(super) async fn named(daemon: &Daemon, name: &str) -> Result<Image, EnvironmentError> {
    find(daemon, name).await?.ok_or_else(|| {
        daemon.refused(
            "find the image",
            format!("the daemon has no image `{name}`; docker pull {name} gets it"),
        )
    })
}

async fn find(daemon: &Daemon, name: &str) -> Result<Option<Image>, EnvironmentError> {
    let path = format!("/images/{}/json", encoded(name));
    let answer = daemon.ask(Method::GET, &path, "", "").await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    daemon.read(&format!("look for image {name}"), &answer).map(Some)
}

/// Removes every image of ours that no container uses; returns their names.
pub(super) async fn remove_ours(daemon: &Daemon) -> Result<Vec<String>, EnvironmentError> {
    #[derive(Deserialize)]
    struct Listed {
        #[serde(rename = "Id")]
        id: String,
        #[serde(rename = "RepoTags")]
        tags: Option<Vec<String>>,
    }
    let filter = encoded(&format!("{{\"label\":[\"{IMAGE_LABEL}\"]}}"));
    let answer = daemon.ask(Method::GET, &format!("/images/json?filters={filter}"), "", "").await?;
    let mut removed = Vec::new();
    for image in daemon.read::<Vec<Listed>>("list images", &answer)? {
        let names = image.tags.filter(|tags| !tags.is_empty()).unwrap_or(vec![image.id]);
        for name in names {
            let path = format!("/images/{}", encoded(&name));
            let answer = daemon.ask(Method::DELETE, &path, "", "").await?;
            // A container of another run uses it, or another process removed it before us.
            if [StatusCode::CONFLICT, StatusCode::NOT_FOUND].contains(&answer.status) {
                continue;
            }
            daemon.check(&format!("remove image {name}"), &answer)?;
            removed.push(name);
        }
    }
    Ok(removed)
}

/// The error in a stream of progress reports, one JSON object a line.
fn failure(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Progress {
        error: Option<String>,
    }
    String::from_utf8_lossy(body)
        .lines()
        .find_map(|line| serde_json::from_str::<Progress>(line).ok()?.error)
}

impl Content {
    fn of(executable: &Path) -> Result<Self, EnvironmentError> {
        let agent = NeededFile { host: executable.into(), inside: AGENT.into() };
        let mut files = vec![agent];
        files.extend(needed_files(executable)?);
        let digested = files.into_iter().map(|file| {
            let digest = digest_of(&file.host)?;
            Ok((file, digest))
        });
        Ok(Self { files: digested.collect::<Result<_, EnvironmentError>>()? })
    }

    /// The digest of all that is inside, as a tag: enough of it that no two agents meet.
    fn tag(&self) -> String {
        let mut list = String::new();
        for (file, digest) in &self.files {
            list.push_str(&format!("{} {}\n", digest.as_str(), file.inside.display()));
        }
        Sha256Digest::of(list.as_bytes()).as_str()[..32].to_owned()
    }

    /// The root file system. The same content gives the same bytes.
    fn archive(&self) -> Result<Vec<u8>, EnvironmentError> {
        let mut archive = Builder::new(Vec::new());
        for directory in MOUNT_POINTS {
            let path = directory.trim_start_matches('/');
            append(&mut archive, path, EntryType::Directory, 0, io::empty())
                .map_err(EnvironmentError::file("put into an image", directory))?;
        }
        for (file, _) in &self.files {
            let opened =
                File::open(&file.host).and_then(|content| Ok((content.metadata()?.len(), content)));
            let (bytes, content) = opened.map_err(EnvironmentError::file("read", &file.host))?;
            let path = file.inside.strip_prefix("/").unwrap_or(&file.inside);
            append(&mut archive, path, EntryType::Regular, bytes, content)
                .map_err(EnvironmentError::file("put into an image", &file.host))?;
        }
        archive.into_inner().map_err(EnvironmentError::file("put into an image", AGENT))
    }
}

fn append(
    archive: &mut Builder<Vec<u8>>,
    path: impl AsRef<Path>,
    kind: EntryType,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_size(bytes);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    archive.append_data(&mut header, path, content)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn content(directory: &Path, text: &str) -> Content {
        let host = directory.join(format!("agent-{text}"));
        fs::write(&host, text).unwrap();
        let digest = digest_of(&host).unwrap();
        Content { files: vec![(NeededFile { host, inside: AGENT.into() }, digest)] }
    }

    #[test]
    fn the_tag_follows_what_is_inside() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (content(directory.path(), "one"), content(directory.path(), "two"));
        assert_eq!(one.tag(), one.tag());
        assert_ne!(one.tag(), two.tag());
        assert_eq!(one.tag().len(), 32);
    }

    #[test]
    fn the_archive_holds_the_mount_points_and_the_files_and_is_always_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let content = content(directory.path(), "one");
        let bytes = content.archive().unwrap();
        assert_eq!(bytes, content.archive().unwrap());
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut paths = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            paths.push(entry.path().unwrap().display().to_string());
            if paths.last().unwrap() == "agent" {
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                assert_eq!(text, "one");
            }
        }
        assert_eq!(paths, ["dev", "proc", "sys", "run/weighbridge", "run/lib", "agent"]);
    }

    #[test]
    fn an_import_that_failed_half_way_is_seen_in_its_progress() {
        let good = b"{\"status\":\"sha256:1\"}\r\n";
        assert_eq!(failure(good), None);
        let bad = b"{\"status\":\"x\"}\r\n{\"error\":\"no space left\"}\r\n";
        assert_eq!(failure(bad).as_deref(), Some("no space left"));
    }
}
