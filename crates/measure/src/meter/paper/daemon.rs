//! The stream that `docker stats` prints: a document a second for one container.
//!
//! Source: the Engine's published interface, `GET /containers/NAME/stats`, and
//! `calculateCPUPercentUnix` of Docker's command line. Podman serves the same.

use std::path::Path;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Shown;

/// A daemon looks at its containers once a second; a busy one takes a few.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// A document has a few kilobytes.
const DOCUMENT_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Default, Deserialize)]
struct Document {
    #[serde(default)]
    cpu_stats: Moment,
    #[serde(default)]
    precpu_stats: Moment,
}

#[derive(Debug, Default, Deserialize)]
struct Moment {
    #[serde(default)]
    cpu_usage: Used,
    #[serde(default)]
    system_cpu_usage: Option<u64>,
    #[serde(default)]
    online_cpus: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
struct Used {
    #[serde(default)]
    total_usage: u64,
    #[serde(default)]
    percpu_usage: Option<Vec<u64>>,
}

impl Document {
    /// What `docker stats` prints; nothing for the first document, which has nothing before it.
    fn percent(&self) -> Option<f64> {
        let before = self.precpu_stats.system_cpu_usage.filter(|before| *before > 0)?;
        let system = self.cpu_stats.system_cpu_usage?.checked_sub(before).filter(|of| *of > 0)?;
        let used = &self.cpu_stats.cpu_usage;
        let delta = used.total_usage.checked_sub(self.precpu_stats.cpu_usage.total_usage)?;
        let listed = || used.percpu_usage.as_ref().map(|list| list.len() as u64);
        let processors = self.cpu_stats.online_cpus.filter(|count| *count > 0).or_else(listed)?;
        Some(100.0 * delta as f64 / system as f64 * processors as f64)
    }
}

/// A stream that has begun.
#[derive(Debug)]
pub(super) struct Stream {
    task: JoinHandle<Vec<Shown>>,
    stop: oneshot::Sender<()>,
}

impl Stream {
    /// Asks for the stream and waits for its first document.
    pub(super) async fn open(socket: &Path, container: &str) -> Result<Self, String> {
        let unreachable = |why: String| {
            format!("the daemon at {} gives no stats of {container}: {why}", socket.display())
        };
        let response = answer(socket, container).await.map_err(unreachable)?;
        let mut documents = Documents { body: response, text: Vec::new() };
        let first = tokio::time::timeout(FIRST_WITHIN, documents.next()).await;
        match first {
            Ok(Some(_)) => {}
            Ok(None) => return Err(unreachable("the stream ended at once".to_owned())),
            Err(_) => {
                return Err(unreachable(format!("nothing within {} s", FIRST_WITHIN.as_secs())));
            }
        }
        let (stop, stopped) = oneshot::channel();
        Ok(Self { task: tokio::spawn(collect(documents, stopped)), stop })
    }

    pub(super) async fn stop(self) -> Vec<Shown> {
        // A stream that ended by itself has what it has.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

async fn answer(socket: &Path, container: &str) -> Result<Incoming, String> {
    let words = |error: hyper::Error| error.to_string();
    let stream = UnixStream::connect(socket).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(words)?;
    // Ends with the body, which is dropped when the trial is over.
    tokio::spawn(connection);
    let request = Request::builder()
        .uri(format!("/containers/{container}/stats?stream=true"))
        .header(HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let sent = tokio::time::timeout(FIRST_WITHIN, sender.send_request(request)).await;
    let response: Response<Incoming> = sent.map_err(|_| "no answer".to_owned())?.map_err(words)?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    Ok(response.into_body())
}

async fn collect(mut documents: Documents, mut stopped: oneshot::Receiver<()>) -> Vec<Shown> {
    let mut shown = Vec::new();
    loop {
        tokio::select! {
            next = documents.next() => match next {
                Some(document) => shown.extend(document.percent().map(|percent| (Instant::now(), percent))),
                None => return shown,
            },
            _ = &mut stopped => return shown,
        }
    }
}

/// Documents of a body, one a line.
struct Documents {
    body: Incoming,
    text: Vec<u8>,
}

impl Documents {
    /// The next one; `None` where the stream has ended or is not what it should be.
    async fn next(&mut self) -> Option<Document> {
        loop {
            if let Some(document) = take_line(&mut self.text) {
                return serde_json::from_slice(&document).ok();
            }
            if self.text.len() > DOCUMENT_BYTES_MAX {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            if let Some(data) = frame.data_ref() {
                self.text.extend_from_slice(data);
            }
        }
    }
}

/// The first whole line that is not empty, taken out.
fn take_line(text: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        let end = text.iter().position(|byte| *byte == b'\n')?;
        let rest = text.split_off(end + 1);
        let line = std::mem::replace(text, rest);
        if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const FIRST: &str = r#"{"cpu_stats":{"cpu_usage":{"total_usage":100},"system_cpu_usage":1000,"online_cpus":2},"precpu_stats":{"cpu_usage":{"total_usage":0}}}"#;
    const SECOND: &str = r#"{"cpu_stats":{"cpu_usage":{"total_usage":250},"system_cpu_usage":1200,"online_cpus":2},"precpu_stats":{"cpu_usage":{"total_usage":100},"system_cpu_usage":1000}}"#;

    #[test]
    fn the_formula_is_that_of_docker_stats() {
        let percent = |text| serde_json::from_str::<Document>(text).expect("a document").percent();
        assert_eq!(percent(FIRST), None, "nothing was before it");
        assert_eq!(percent(SECOND), Some(150.0));
        let listed = SECOND
            .replace(r#","online_cpus":2"#, "")
            .replace(r#""total_usage":250"#, r#""total_usage":250,"percpu_usage":[1,2,3,4]"#);
        assert_eq!(percent(&listed), Some(300.0), "an older daemon lists its processors");
        assert_eq!(percent("{}"), None);
    }

    /// A daemon that answers one request with these bytes.
    fn daemon(directory: &Path, answer: String) -> std::path::PathBuf {
        let socket = directory.join("d.sock");
        let listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.expect("a request");
            assert!(request[..length].starts_with(b"GET /containers/weighbridge-x/stats?stream"));
            stream.write_all(answer.as_bytes()).await.expect("sent");
            // The stream goes on until the client leaves.
            let _ = stream.read(&mut request).await;
        });
        socket
    }

    #[tokio::test]
    async fn a_stream_in_pieces_is_read_until_it_is_stopped() {
        let directory = tempfile::tempdir().expect("a directory");
        let body: String = format!("{FIRST}\r\n{SECOND}\n")
            .as_bytes()
            .chunks(100)
            .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)))
            .collect();
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let socket = daemon(directory.path(), format!("{head}{body}"));
        let stream = Stream::open(&socket, "weighbridge-x").await.expect("a stream");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let shown: Vec<f64> = stream.stop().await.into_iter().map(|(_, percent)| percent).collect();
        assert_eq!(shown, [150.0]);
    }

    #[tokio::test]
    async fn a_refusal_is_a_reason() {
        let directory = tempfile::tempdir().expect("a directory");
        let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned();
        let socket = daemon(directory.path(), head);
        let refused = Stream::open(&socket, "weighbridge-x").await.expect_err("refused");
        assert!(refused.contains("404") && refused.contains("weighbridge-x"), "{refused}");
        let nobody = directory.path().join("nobody");
        assert!(Stream::open(&nobody, "weighbridge-x").await.is_err());
    }

    proptest! {
        #[test]
        fn lines_are_taken_whole_and_in_order(text in "[a-z\n\r ]{0,60}") {
            let mut left = text.clone().into_bytes();
            let mut taken = Vec::new();
            while let Some(line) = take_line(&mut left) {
                taken.push(String::from_utf8(line).expect("text").trim().to_owned());
            }
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let expected: Vec<&str> =
                whole.split('\n').map(str::trim).filter(|line| !line.is_empty()).collect();
            prop_assert_eq!(taken, expected);
        }
    }
}
