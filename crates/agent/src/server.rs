mod device;
mod inherited;
mod options;

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;
use rustix::process::{Signal, set_parent_process_death_signal, umask};
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use weighbridge_experiment::{Fact, GuestBoot, GuestStamps, HostFacts, Sha256Digest};
use weighbridge_measure::host_facts;

use crate::wire::{
    Answer, Failure, FrameError, Hello, PROTOCOL, Request, SOCKET_NAME, Stage, TOKEN_NAME, Welcome,
    read_frame, write_frame,
};
use crate::work::Work;

pub use options::{AgentError, AgentOptions};

/// Runs an agent in `options.directory`, on its own socket there, for one connection, until
/// that ends; or on the device or the inherited socket that the options name, for one client
/// after the other. Changes the working directory and, for a moment, the file mode mask of the
/// whole process.
///
/// # Errors
///
/// As the variants of [`AgentError`] say. A client that leaves is no error.
pub fn serve(options: &AgentOptions) -> Result<(), AgentError> {
    if options.die_with_parent {
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| AgentError::DieWithParent(error.into()))?;
    }
    let directory = &options.directory;
    std::env::set_current_dir(directory)
        .map_err(|source| AgentError::Directory { path: directory.clone(), source })?;
    if let Some(device) = &options.device {
        return device::serve(device, options.simulate, options.accept_within);
    }
    if options.listening_stdin {
        return inherited::serve(options.simulate, options.accept_within);
    }
    let listener =
        listen().map_err(|source| AgentError::Listen { directory: directory.clone(), source })?;
    let stream = accept(&listener, options.accept_within)?;
    // One connection only: a second one is refused by the kernel, not left waiting.
    drop(listener);
    // The socket's file is of no use any more; where it stays, it goes with the directory.
    let _ = fs::remove_file(SOCKET_NAME);
    serve_stream(stream, Path::new("."), options.simulate)
}

/// The path is relative because that of a socket is limited to 107 bytes, and that of the
/// directory is not.
fn listen() -> io::Result<UnixListener> {
    if fs::symlink_metadata(SOCKET_NAME).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        fs::remove_file(SOCKET_NAME)?;
    }
    let before = umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(SOCKET_NAME);
    umask(before);
    listener
}

fn accept(listener: &UnixListener, within: Duration) -> Result<UnixStream, AgentError> {
    wait_for_client(listener, within)?;
    listener.accept().map(|(stream, _)| stream).map_err(AgentError::Accept)
}

fn wait_for_client(listener: impl AsFd, within: Duration) -> Result<(), AgentError> {
    let began = Instant::now();
    loop {
        let left = within.saturating_sub(began.elapsed());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&listener, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(AgentError::NobodyConnected { seconds: within.as_secs() }),
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(AgentError::Accept(error.into())),
        }
    }
}

/// Serves one connection over any stream, for files below `base`, until it ends or the agent
/// is told to.
///
/// # Errors
///
/// The client is refused, or the connection fails within a message.
pub fn serve_stream(
    stream: impl Read + Write,
    base: &Path,
    simulate: Option<u64>,
) -> Result<(), AgentError> {
    converse(stream, base, simulate).map(drop)
}

/// How a conversation ended that did not fail.
enum Parting {
    /// The client left.
    Left,
    /// The client told the agent to end.
    Told,
}

fn converse(
    mut stream: impl Read + Write,
    base: &Path,
    simulate: Option<u64>,
) -> Result<Parting, AgentError> {
    let mut agent = Agent { base, simulate, work: None };
    if !agent.greet(&mut stream)? {
        return Ok(Parting::Left);
    }
    loop {
        let answer = match read_frame(&mut stream) {
            Ok(request) => agent.answer_safely(request),
            Err(FrameError::Closed) => return Ok(Parting::Left),
            Err(error @ FrameError::Decode { .. }) => {
                Answer::Failed(Failure::from_error(Stage::Wire, &error))
            }
            Err(error) => return Err(refuse(&mut stream, error)),
        };
        match write_frame(&mut stream, &answer) {
            Ok(()) => {}
            // The answer itself is too long, and nothing of it was sent.
            Err(error @ (FrameError::TooLong { .. } | FrameError::Encode { .. })) => {
                write_frame(
                    &mut stream,
                    &Answer::Failed(Failure::from_error(Stage::Wire, &error)),
                )?;
            }
            Err(error) => return Err(error.into()),
        }
        if answer == Answer::Bye {
            return Ok(Parting::Told);
        }
    }
}

/// Says why before the connection ends; what cannot be said is in the error anyway.
fn refuse(stream: &mut impl Write, error: FrameError) -> AgentError {
    if !error.is_lost() {
        let _ = write_frame(stream, &Answer::Failed(Failure::from_error(Stage::Wire, &error)));
    }
    AgentError::Wire(error)
}

/// How the guest began, as its first process left it in the agent's directory.
fn guest_boot(base: &Path) -> Option<GuestBoot> {
    let stamps = fs::read(base.join(GuestStamps::FILE)).ok()?;
    let stamps: GuestStamps = serde_json::from_slice(&stamps).ok()?;
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).ok()?;
    let now = seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).ok()?;
    Some(stamps.phases(now))
}

struct Agent<'a> {
    base: &'a Path,
    simulate: Option<u64>,
    work: Option<Work>,
}

impl Agent<'_> {
    /// `false` where the client left without a word.
    fn greet(&self, stream: &mut (impl Read + Write)) -> Result<bool, AgentError> {
        let hello = match read_frame(stream) {
            Ok(Request::Hello(hello)) => hello,
            Ok(_) => return Err(refused(stream, "the first request was not `hello`")),
            Err(FrameError::Closed) => return Ok(false),
            Err(error) => return Err(refuse(stream, error)),
        };
        if hello.protocol != PROTOCOL {
            write_frame(
                stream,
                &Answer::VersionRefused { protocol: PROTOCOL, asked: hello.protocol },
            )?;
            let reason = format!("it speaks protocol {}, this agent {PROTOCOL}", hello.protocol);
            return Err(AgentError::Refused { reason });
        }
        if !self.token_is_right(&hello)? {
            return Err(refused(stream, "its token is not that of this agent"));
        }
        let welcome = Welcome {
            protocol: PROTOCOL,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            process: std::process::id(),
            simulated: self.simulate.is_some(),
            guest: guest_boot(self.base),
        };
        write_frame(stream, &Answer::Welcome(welcome))?;
        Ok(true)
    }

    fn token_is_right(&self, hello: &Hello) -> Result<bool, AgentError> {
        let path = self.base.join(TOKEN_NAME);
        let expected = match fs::read(&path) {
            Ok(expected) => expected,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(source) => return Err(AgentError::Token { path, source }),
        };
        let given = hello.token.as_deref().unwrap_or_default();
        Ok(expected.trim_ascii_end().ct_eq(given.as_bytes()).into())
    }

    /// A panic, wherever it comes from, is an answer as well. What was loaded is then given
    /// up, for its state is unknown.
    fn answer_safely(&mut self, request: Request) -> Answer {
        let stage = stage_of(&request);
        catch_unwind(AssertUnwindSafe(|| self.answer(request))).unwrap_or_else(|panic| {
            self.work = None;
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let text = text.unwrap_or("no message");
            Answer::Failed(Failure::new(
                stage,
                format!("the agent met a bug in itself and gave up what was loaded: {text}"),
            ))
        })
    }

    fn answer(&mut self, request: Request) -> Answer {
        let answer = match request {
            Request::Hello(_) => Err(Failure::new(Stage::Hello, "it is the first request only")),
            Request::Describe => Ok(Answer::Described { facts: facts() }),
            Request::Prepare(prepare) => {
                // The former model goes first: two at once may not fit the memory limit.
                self.work = None;
                Work::prepare(self.base, &prepare, self.simulate).map(|(work, ready)| {
                    self.work = Some(work);
                    Answer::Ready(ready)
                })
            }
            Request::Warmup(pass) => {
                self.work(Stage::Warmup, |work| work.warmup(pass).map(Answer::WarmupDone))
            }
            Request::Trial(trial) => self.work(Stage::Trial, |work| {
                work.trial(trial).map(|done| Answer::TrialDone(Box::new(done)))
            }),
            Request::Digest(pass) => self.work(Stage::Digest, |work| {
                work.digest(pass).map(|output_sha256| Answer::Digested { output_sha256 })
            }),
            Request::Shutdown => Ok(Answer::Bye),
        };
        answer.unwrap_or_else(Answer::Failed)
    }

    fn work(
        &mut self,
        stage: Stage,
        act: impl FnOnce(&mut Work) -> Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let nothing = || Failure::new(stage, "nothing was prepared; ask for `prepare` first");
        act(self.work.as_mut().ok_or_else(nothing)?)
    }
}

fn refused(stream: &mut impl Write, reason: &str) -> AgentError {
    // Whether the client still hears it changes nothing.
    let _ = write_frame(stream, &Answer::Failed(Failure::new(Stage::Hello, reason)));
    AgentError::Refused { reason: reason.to_owned() }
}

const fn stage_of(request: &Request) -> Stage {
    match request {
        Request::Hello(_) => Stage::Hello,
        Request::Describe => Stage::Describe,
        Request::Prepare(_) => Stage::Prepare,
        Request::Warmup(_) => Stage::Warmup,
        Request::Trial(_) => Stage::Trial,
        Request::Digest(_) => Stage::Digest,
        Request::Shutdown => Stage::Wire,
    }
}

/// The facts of where the agent runs, and of the agent itself. Hashing the executable takes
/// a tenth of a second, so it is not part of starting.
fn facts() -> HostFacts {
    const NAME: &str = "agent_executable_sha256";
    const PATH: &str = "/proc/self/exe";
    let mut facts = host_facts();
    facts.0.push(match digest_of_file(PATH) {
        Ok(digest) => Fact::known(NAME, digest.to_string(), PATH),
        Err(error) => Fact::missing(NAME, format!("cannot read {PATH}: {error}"), PATH),
    });
    facts
}

/// In small pieces: read whole, the executable would be the agent's memory peak.
fn digest_of_file(path: &str) -> io::Result<Sha256Digest> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Sha256Digest::finish(hasher)),
            Ok(count) => hasher.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
