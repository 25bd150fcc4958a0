//! Firecracker's HTTP interface over its unix socket. Knows neither bodies nor their order.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use serde::Deserialize;
use tokio::runtime::Handle;

use super::calls::Call;
use crate::unix_http::{self, Answer, Question};

/// Writing the memory of a guest to a slow disk takes minutes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);

/// The interface of one Firecracker, used from threads that may block.
pub(super) struct Api {
    socket: PathBuf,
    runtime: Handle,
}

/// What `GET /` tells.
#[derive(Debug, Deserialize)]
pub(super) struct Information {
    pub(super) state: String,
    pub(super) vmm_version: String,
}

#[derive(Deserialize)]
struct Fault {
    fault_message: String,
}

impl Api {
    /// Must be called where an async runtime drives the thread's futures.
    pub(super) fn at(socket: &Path) -> Self {
        Self { socket: socket.into(), runtime: Handle::current() }
    }

    /// Makes each call after the one before it has succeeded.
    pub(super) fn make(&self, calls: &[Call]) -> Result<(), String> {
        calls.iter().try_for_each(|call| {
            let body = call.body.to_string();
            self.ask(call.method.clone(), call.path, body).map(drop)
        })
    }

    /// What it is and how its guest is.
    pub(super) fn information(&self) -> Result<Information, String> {
        let answer = self.ask(Method::GET, "/", String::new())?;
        serde_json::from_slice(&answer.body)
            .map_err(|error| format!("its answer to `GET /` cannot be understood: {error}"))
    }

    fn ask(&self, method: Method, path: &str, body: String) -> Result<Answer, String> {
        let named = format!("{method} {path}");
        let content_type = if body.is_empty() { "" } else { "application/json" };
        let question = Question { method, target: path, content_type, body: Bytes::from(body) };
        let answer = self
            .runtime
            .block_on(unix_http::ask(&self.socket, question, ANSWERED_WITHIN))
            .map_err(|error| format!("`{named}` got no answer: {error}"))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let fault = serde_json::from_slice(&answer.body).map(|fault: Fault| fault.fault_message);
        let said = fault.unwrap_or_else(|_| format!("status {}", answer.status));
        Err(format!("it refused `{named}`: {}", said.trim()))
    }
}
