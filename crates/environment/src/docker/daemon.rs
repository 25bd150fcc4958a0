//! The Docker Engine's HTTP interface over its unix socket, as far as it is needed here.
//!
//! This module does not know what a container is made of.
//!
//! Source: the Engine's published interface, <https://docs.docker.com/reference/api/engine/>.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::EnvironmentError;
pub(super) use crate::unix_http::Answer;
use crate::unix_http::{self, Question};

/// The newest version of the interface that this was written for. An older daemon is spoken
/// to in its own; a newer one is told this.
const NEWEST: Version = Version { major: 1, minor: 51 };
/// The oldest in which everything that is asked here exists (Docker 18.09).
const OLDEST: Version = Version { major: 1, minor: 39 };

/// An image of hundreds of megabytes on a slow disk takes minutes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// A version of the interface, such as 1.41.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }
}

/// A daemon that answered, and the version in which it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Daemon {
    socket: PathBuf,
    version: Version,
    /// The daemon's own name and version, such as `Docker 20.10.24`.
    pub(super) name: String,
}

/// What `GET /version` tells, as far as it is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Welcome {
    version: String,
    api_version: String,
    #[serde(rename = "MinAPIVersion", default)]
    least_version: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Component {
    name: String,
}

impl Daemon {
    /// Asks the daemon which versions it speaks.
    pub(super) async fn connect(socket: &Path) -> Result<Self, EnvironmentError> {
        let oldest = Self { socket: socket.into(), version: OLDEST, name: String::new() };
        let answer = oldest.send(Method::GET, "/version", "", Bytes::new()).await?;
        let welcome: Welcome = oldest.read("ask for its version", &answer)?;
        let version = negotiate(&welcome.api_version, welcome.least_version.as_deref())
            .map_err(|reason| oldest.refused("use", reason))?;
        let podman = welcome.components.iter().any(|component| component.name.contains("Podman"));
        let product = if podman { "Podman" } else { "Docker" };
        Ok(Self { socket: socket.into(), version, name: format!("{product} {}", welcome.version) })
    }

    /// Sends a request below the negotiated version.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answer, EnvironmentError> {
        let Version { major, minor } = self.version;
        self.send(method, &format!("/v{major}.{minor}{path}"), content_type, body.into()).await
    }

    /// An answer that must be one of success, read as JSON. `action` is a verb with its object.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        action: &str,
        answer: &Answer,
    ) -> Result<T, EnvironmentError> {
        self.check(action, answer)?;
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.refused(action, format!("its answer cannot be understood: {error}"))
        })
    }

    /// An answer that must be one of success, or of "it is so already".
    pub(super) fn check(&self, action: &str, answer: &Answer) -> Result<(), EnvironmentError> {
        if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED {
            return Ok(());
        }
        Err(self.refused(action, message(answer)))
    }

    pub(super) fn refused(&self, action: &str, reason: String) -> EnvironmentError {
        EnvironmentError::Docker { action: action.to_owned(), socket: self.socket.clone(), reason }
    }

    async fn send(
        &self,
        method: Method,
        target: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Answer, EnvironmentError> {
        let unreachable = |reason: String| EnvironmentError::DockerUnreachable {
            socket: self.socket.clone(),
            reason,
        };
        let question = Question { method, target, content_type, body };
        unix_http::ask(&self.socket, question, ANSWERED_WITHIN).await.map_err(unreachable)
    }
}

/// What the daemon says about its refusal.
fn message(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Message {
        message: String,
    }
    match serde_json::from_slice::<Message>(&answer.body) {
        Ok(said) => said.message.trim().to_owned(),
        Err(_) => format!("status {}", answer.status),
    }
}

/// The newest version that both sides know.
fn negotiate(newest_there: &str, oldest_there: Option<&str>) -> Result<Version, String> {
    let read = |text: &str| {
        Version::parse(text).ok_or_else(|| format!("`{text}` is no version of its interface"))
    };
    let version = read(newest_there)?.min(NEWEST);
    let least = oldest_there.map(read).transpose()?.unwrap_or(OLDEST).max(OLDEST);
    if version < least {
        return Err(format!(
            "it speaks versions {} to {newest_there} of its interface, and this program 1.{} to 1.{}; use another version of one of them",
            oldest_there.unwrap_or("1.0"),
            OLDEST.minor,
            NEWEST.minor
        ));
    }
    Ok(version)
}

/// One part of a request's path or query, percent-encoded but for what stands in the name of
/// an image.
pub(super) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_old_and_a_new_daemon_are_spoken_to_in_a_version_that_both_know() {
        assert_eq!(negotiate("1.41", Some("1.12")), Ok(Version { major: 1, minor: 41 }));
        assert_eq!(negotiate("1.99", Some("1.44")), Ok(NEWEST));
        assert!(negotiate("1.99", Some("1.60")).unwrap_err().contains("1.60"));
        assert!(negotiate("1.24", None).is_err());
        assert!(negotiate("newest", None).is_err());
    }

    #[test]
    fn a_refusal_is_told_in_the_daemons_words() {
        let answer = |body: &'static str| Answer {
            status: StatusCode::NOT_FOUND,
            body: Bytes::from_static(body.as_bytes()),
        };
        assert_eq!(message(&answer("{\"message\":\"No such image\\n\"}")), "No such image");
        assert_eq!(message(&answer("<html>")), "status 404 Not Found");
    }

    proptest! {
        #[test]
        fn what_is_encoded_has_nothing_that_ends_a_path(text in "\\PC*") {
            let encoded = encoded(&text);
            prop_assert!(encoded.bytes().all(|b| b.is_ascii_graphic()));
            prop_assert!(!encoded.contains(['?', '#', '&', '=', '+', ' ']));
        }
    }
}
