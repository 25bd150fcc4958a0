//! Small servers that behave well or badly, each on a port and a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// What a server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    /// Answers after so many milliseconds, taken in turn.
    Delays(Vec<u64>),
    /// Answers at once, but for a time in which nothing is answered: from, to, in
    /// milliseconds from the first request.
    Freeze(u64, u64),
    /// Answers with this head and body.
    Say(&'static str),
    /// Says this and leaves the connection open.
    SayAndWait(&'static str),
    /// Says this and closes the connection.
    SayAndClose(&'static str),
    /// Sends one byte of an answer now and then.
    Drip,
    /// Never answers.
    Hang,
    /// Resets the connection.
    Reset,
    /// Closes the connection after each answer, without saying so.
    CloseAfterwards,
}

/// What a server saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) texts: std::sync::Mutex<Vec<String>>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/path", self.address)
    }

    pub(crate) fn start(behaviour: Behaviour) -> Self {
        Self::start_with(move |stream, seen, first| {
            let behaviour = behaviour.clone();
            async move { converse(stream, &behaviour, &seen, first).await }
        })
    }

    /// A server that does this with every connection.
    pub(crate) fn start_with<F, R>(serve: F) -> Self
    where
        F: Fn(TcpStream, Arc<Seen>, Arc<std::sync::OnceLock<Instant>>) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let seen = Arc::new(Seen::default());
        let counted = Arc::clone(&seen);
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                send.send(listener.local_addr().expect("an address")).expect("a test");
                let first = Arc::new(std::sync::OnceLock::new());
                loop {
                    let (stream, _) = listener.accept().await.expect("a connection");
                    counted.connections.fetch_add(1, Ordering::Relaxed);
                    tokio::spawn(serve(stream, Arc::clone(&counted), Arc::clone(&first)));
                }
            });
        });
        Self { address: receive.recv().expect("an address"), seen }
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// Reads requests from a stream and does as it should.
pub(crate) async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + SetLinger,
    behaviour: &Behaviour,
    seen: &Seen,
    first: Arc<std::sync::OnceLock<Instant>>,
) {
    while let Some(text) = read_request(&mut stream).await {
        let number = seen.requests.fetch_add(1, Ordering::Relaxed);
        seen.texts.lock().expect("no panic").push(text);
        let start = *first.get_or_init(Instant::now);
        let answer = match behaviour {
            Behaviour::Delays(delays) => {
                let delay = delays[usize::try_from(number).expect("few") % delays.len()];
                tokio::time::sleep(Duration::from_millis(delay)).await;
                OK
            }
            Behaviour::Freeze(from, to) => {
                let now = start.elapsed();
                if now >= Duration::from_millis(*from) && now < Duration::from_millis(*to) {
                    tokio::time::sleep_until(start + Duration::from_millis(*to)).await;
                }
                OK
            }
            Behaviour::Say(text) => text,
            Behaviour::SayAndWait(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return std::future::pending().await;
            }
            Behaviour::SayAndClose(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
            Behaviour::Drip => {
                for byte in OK.bytes().cycle() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    if stream.write_all(&[byte]).await.is_err() {
                        return;
                    }
                }
                return;
            }
            Behaviour::Hang => return std::future::pending().await,
            Behaviour::Reset => return stream.reset(),
            Behaviour::CloseAfterwards => {
                let _ = stream.write_all(OK.as_bytes()).await;
                let _ = stream.shutdown().await;
                return;
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request with its body; `None` at the end of the connection.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
            })
            .unwrap_or(0);
        if body.len() >= length {
            return Some(text);
        }
    }
}

/// Closing a connection so that the other side sees a reset.
pub(crate) trait SetLinger {
    fn reset(self);
}

impl SetLinger for TcpStream {
    #[allow(deprecated, reason = "a linger of 0 does not block, which is what is warned of")]
    fn reset(self) {
        self.set_linger(Some(Duration::ZERO)).expect("an option of every socket");
    }
}

impl SetLinger for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset(self) {
        self.into_inner().0.reset();
    }
}
