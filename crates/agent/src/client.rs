mod connect;
mod error;
mod first_answer;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};
use weighbridge_experiment::{Endpoint, HostFacts, Sha256Digest};

use crate::wire::{
    Answer, FrameError, Hello, PROTOCOL, Pass, Prepare, Ready, Request, Trial, TrialDone,
    WarmupDone, Welcome, checked_length, decode, encode,
};

pub use error::ClientError;

use connect::{connect_guest, connect_tcp, connect_unix, name};
use first_answer::first_answer;

/// Any byte stream in both directions.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Transport for S {}

/// The client's end of a connection to an agent. One request at a time.
///
/// Dropping the future of a request is safe: the connection then refuses further requests
/// with [`ClientError::OutOfStep`], and dropping the client ends the agent.
pub struct AgentClient {
    stream: Box<dyn Transport>,
    in_step: bool,
}

/// Attempts are this far apart at first, so that a start time is not rounded up…
const EAGER_PAUSE: Duration = Duration::from_millis(1);
/// …and this far after [`EAGER_FOR`].
const PATIENT_PAUSE: Duration = Duration::from_millis(5);
const EAGER_FOR: Duration = Duration::from_millis(200);

impl AgentClient {
    /// Connects, waiting for the agent to listen.
    ///
    /// # Errors
    ///
    /// Nobody listens within the time, or the endpoint cannot be used.
    pub async fn connect(endpoint: &Endpoint, within: Duration) -> Result<Self, ClientError> {
        let began = Instant::now();
        loop {
            let attempt = match endpoint {
                Endpoint::UnixSocket(path) => connect_unix(path).await.map(Self::over),
                Endpoint::Tcp(address) => connect_tcp(*address, within).await.map(Self::over),
                Endpoint::GuestPort { socket, port } => {
                    connect_guest(socket, *port, within).await.map(Self::over)
                }
            };
            let source = match attempt {
                Ok(client) => return Ok(client),
                Err(error) => error,
            };
            let not_yet = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused]
                .contains(&source.kind());
            if !not_yet {
                return Err(ClientError::Connect { endpoint: name(endpoint), source });
            }
            if began.elapsed() >= within {
                let seconds = within.as_secs_f64();
                return Err(ClientError::NotListening {
                    endpoint: name(endpoint),
                    seconds,
                    source,
                });
            }
            sleep(if began.elapsed() < EAGER_FOR { EAGER_PAUSE } else { PATIENT_PAUSE }).await;
        }
    }

    /// A client on a connection that was made elsewhere.
    #[must_use]
    pub fn over(stream: impl Transport + 'static) -> Self {
        Self { stream: Box::new(stream), in_step: true }
    }

    /// Agrees on the version. Always the first request.
    ///
    /// # Errors
    ///
    /// [`ClientError::Version`], [`ClientError::Failed`] for a wrong token, and as every request.
    pub async fn hello(
        &mut self,
        token: Option<&str>,
        within: Duration,
    ) -> Result<Welcome, ClientError> {
        let hello = Request::Hello(Hello { protocol: PROTOCOL, token: token.map(str::to_owned) });
        match self.ask("the greeting", &hello, Some(within)).await? {
            Answer::Welcome(welcome) if welcome.protocol == PROTOCOL => Ok(welcome),
            Answer::Welcome(Welcome { protocol: theirs, .. })
            | Answer::VersionRefused { protocol: theirs, .. } => {
                Err(ClientError::Version { ours: PROTOCOL, theirs })
            }
            _ => Err(ClientError::Unexpected { asked: "the greeting" }),
        }
    }

    /// The facts of where the agent runs.
    ///
    /// # Errors
    ///
    /// As every request.
    pub async fn describe(&mut self, within: Duration) -> Result<HostFacts, ClientError> {
        match self.ask("the request for facts", &Request::Describe, Some(within)).await? {
            Answer::Described { facts } => Ok(facts),
            _ => Err(ClientError::Unexpected { asked: "the request for facts" }),
        }
    }

    /// Has the agent read its files and load its model.
    ///
    /// # Errors
    ///
    /// [`ClientError::Failed`] for a file or a model that cannot be used, and as every request.
    pub async fn prepare(
        &mut self,
        prepare: Prepare,
        within: Duration,
    ) -> Result<Ready, ClientError> {
        match self
            .ask("the preparation", &Request::Prepare(Box::new(prepare)), Some(within))
            .await?
        {
            Answer::Ready(ready) => Ok(ready),
            _ => Err(ClientError::Unexpected { asked: "the preparation" }),
        }
    }

    /// Warms up.
    ///
    /// # Errors
    ///
    /// As every request.
    pub async fn warmup(
        &mut self,
        pass: Pass,
        within: Option<Duration>,
    ) -> Result<WarmupDone, ClientError> {
        match self.ask("the warm-up", &Request::Warmup(pass), within).await? {
            Answer::WarmupDone(done) => Ok(done),
            _ => Err(ClientError::Unexpected { asked: "the warm-up" }),
        }
    }

    /// Runs one trial.
    ///
    /// # Errors
    ///
    /// As every request.
    pub async fn trial(
        &mut self,
        trial: Trial,
        within: Option<Duration>,
    ) -> Result<TrialDone, ClientError> {
        match self.ask("the trial", &Request::Trial(trial), within).await? {
            Answer::TrialDone(done) => Ok(*done),
            _ => Err(ClientError::Unexpected { asked: "the trial" }),
        }
    }

    /// The digest of the results of a pass, where the trial gave none. May run inferences:
    /// not while something is measured.
    ///
    /// # Errors
    ///
    /// As every request.
    pub async fn digest(
        &mut self,
        pass: Pass,
        within: Option<Duration>,
    ) -> Result<Sha256Digest, ClientError> {
        match self.ask("the digest", &Request::Digest(pass), within).await? {
            Answer::Digested { output_sha256 } => Ok(output_sha256),
            _ => Err(ClientError::Unexpected { asked: "the digest" }),
        }
    }

    /// Has the agent end.
    ///
    /// # Errors
    ///
    /// As every request.
    pub async fn shutdown(mut self, within: Duration) -> Result<(), ClientError> {
        match self.ask("the shutdown", &Request::Shutdown, Some(within)).await? {
            Answer::Bye => Ok(()),
            _ => Err(ClientError::Unexpected { asked: "the shutdown" }),
        }
    }

    async fn ask(
        &mut self,
        during: &'static str,
        request: &Request,
        within: Option<Duration>,
    ) -> Result<Answer, ClientError> {
        if !std::mem::replace(&mut self.in_step, false) {
            return Err(ClientError::OutOfStep);
        }
        let exchange = exchange(&mut self.stream, request);
        let exchanged = match within {
            None => exchange.await,
            Some(within) => timeout(within, exchange)
                .await
                .map_err(|_| ClientError::Deadline { during, seconds: within.as_secs_f64() })?,
        };
        let answer = exchanged.map_err(|source| {
            if source.is_lost() {
                ClientError::Lost { during, source }
            } else {
                ClientError::Frame { during, source }
            }
        })?;
        self.in_step = true;
        match answer {
            Answer::Failed(failure) => Err(ClientError::Failed(failure)),
            answer => Ok(answer),
        }
    }
}

impl std::fmt::Debug for AgentClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AgentClient")
            .field("in_step", &self.in_step)
            .finish_non_exhaustive()
    }
}

async fn exchange(
    stream: &mut Box<dyn Transport>,
    request: &Request,
) -> Result<Answer, FrameError> {
    let frame = encode(request)?;
    let sent = async {
        stream.write_all(&frame).await?;
        stream.flush().await
    };
    // An agent that refuses and leaves may be gone before the request is written; what it
    // said is still there to be read.
    let sent = sent.await.map_err(FrameError::Stream);
    let answer = match request {
        Request::Hello(_) => first_answer(stream).await,
        _ => read_answer(stream).await,
    };
    match answer {
        Err(FrameError::Stream(_) | FrameError::Closed) if sent.is_err() => {
            sent.and(Err(FrameError::Closed))
        }
        answer => answer,
    }
}

async fn read_answer(stream: &mut Box<dyn Transport>) -> Result<Answer, FrameError> {
    let mut head = [0; 4];
    match stream.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(FrameError::Closed);
        }
        Err(error) => return Err(FrameError::Stream(error)),
    }
    let length = checked_length(head)?;
    let mut body = Vec::new();
    let count =
        stream.take(length.into()).read_to_end(&mut body).await.map_err(FrameError::Stream)?;
    if count < length as usize {
        return Err(FrameError::Stream(io::ErrorKind::UnexpectedEof.into()));
    }
    decode(&body)
}
