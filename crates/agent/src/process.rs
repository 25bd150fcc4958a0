//! A process for each trial: start, load the model, infer, exit, and the time of all of it.
//!
//! This is how a program is used that somebody starts for each job, and how the edge paper
//! (002) timed its applications, so its curves hold the start as well. Each process is the
//! agent's own executable again, and is asked in the agent's own protocol over a pair of
//! sockets: what it does is the same as in a trial of one long-lived agent, stage for stage.
//! Hashing results is left to untimed processes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, set_parent_process_death_signal};
use weighbridge_experiment::Sha256Digest;
use weighbridge_measure::OwnProcessMeter;

use crate::measured::metered;
use crate::server::{AgentError, serve_stream};
use crate::wire::{
    Answer, Failure, FrameError, Hello, PROTOCOL, Pass, Prepare, Ready, Request, Stage, TOKEN_NAME,
    Trial, TrialDone, WarmupDone, read_frame, write_frame,
};

/// First argument of an executable that is to serve one connection on its standard input:
/// every executable that can be an agent must know it.
pub const PROCESS_ROLE: &str = "agent-process";

/// Inside the process nobody looks at samples: the agent outside of it takes them.
const INNER_SAMPLE_HERTZ: f64 = 1.0;

/// Serves the connection on standard input, in the current directory, until it ends. What
/// [`PROCESS_ROLE`] asks for.
///
/// # Errors
///
/// As the variants of [`AgentError`] say.
pub fn serve_process() -> Result<(), AgentError> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| AgentError::DieWithParent(error.into()))?;
    let standard_input = io::stdin().as_fd().try_clone_to_owned().map_err(AgentError::Accept)?;
    serve_stream(UnixStream::from(standard_input), Path::new("."), None)
}

/// A task of which every trial is a process of its own.
pub(crate) struct ProcessWork {
    base: PathBuf,
    request: Box<Prepare>,
    /// Of the passes whose results are known, by first input and count.
    digests: BTreeMap<(u32, u32), Sha256Digest>,
}

impl ProcessWork {
    /// Tries the task once, in a process, so that what cannot be loaded is said now.
    pub(crate) fn prepare(base: &Path, request: &Prepare) -> Result<(Self, Ready), Failure> {
        let mut request = Box::new(request.clone());
        request.process = false;
        let work = Self { base: base.to_owned(), request, digests: BTreeMap::new() };
        let mut process = Process::start(&work.base, Stage::Prepare)?;
        let ready = process.prepare(&work.request, Stage::Prepare)?;
        process.end(Stage::Prepare)?;
        Ok((work, ready))
    }

    pub(crate) fn warmup(&mut self, pass: Pass) -> Result<WarmupDone, Failure> {
        match self.once(&Request::Warmup(pass), Stage::Warmup)? {
            Answer::WarmupDone(done) => {
                self.digests.insert(key(pass), done.output_sha256.clone());
                Ok(done)
            }
            other => Err(unexpected(Stage::Warmup, &other)),
        }
    }

    pub(crate) fn digest(&mut self, pass: Pass) -> Result<Sha256Digest, Failure> {
        if let Some(known) = self.digests.get(&key(pass)) {
            return Ok(known.clone());
        }
        match self.once(&Request::Digest(pass), Stage::Digest)? {
            Answer::Digested { output_sha256 } => {
                self.digests.insert(key(pass), output_sha256.clone());
                Ok(output_sha256)
            }
            other => Err(unexpected(Stage::Digest, &other)),
        }
    }

    pub(crate) fn trial(&mut self, trial: Trial) -> Result<TrialDone, Failure> {
        let meter = OwnProcessMeter::open().0.with_children();
        let asked = Request::Trial(Trial { sample_hertz: INNER_SAMPLE_HERTZ, ..trial });
        let metered = metered(meter, trial.sample_hertz, || self.once(&asked, Stage::Trial))?;
        match metered.given {
            Answer::TrialDone(done) => Ok(TrialDone {
                total_nanoseconds: metered.total_nanoseconds,
                samples: metered.samples,
                agent_usage: metered.agent_usage,
                sampler_cost: metered.sampler_cost,
                output_sha256: self.digests.get(&key(trial.pass)).cloned(),
                ..*done
            }),
            other => Err(unexpected(Stage::Trial, &other)),
        }
    }

    /// One process from its start to its end.
    fn once(&self, request: &Request, stage: Stage) -> Result<Answer, Failure> {
        let mut process = Process::start(&self.base, stage)?;
        process.prepare(&self.request, stage)?;
        let answer = process.ask(request, stage)?;
        process.end(stage)?;
        Ok(answer)
    }
}

const fn key(pass: Pass) -> (u32, u32) {
    (pass.start_at, pass.inferences)
}

/// A process that was started for one job. Ended with its owner.
struct Process {
    child: Child,
    stream: UnixStream,
}

impl Process {
    fn start(base: &Path, stage: Stage) -> Result<Self, Failure> {
        let fail = |what: &str, error: &dyn std::error::Error| {
            Failure::new(stage, format!("{what} a process of its own failed: {error}"))
        };
        let (stream, theirs) =
            UnixStream::pair().map_err(|error| fail("making sockets for", &error))?;
        let child = Command::new("/proc/self/exe")
            .arg(PROCESS_ROLE)
            .current_dir(base)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| fail("starting", &error))?;
        let mut process = Self { child, stream };
        let token = match fs::read_to_string(base.join(TOKEN_NAME)) {
            Ok(token) => Some(token.trim_end().to_owned()),
            Err(_) => None,
        };
        match process.ask(&Request::Hello(Hello { protocol: PROTOCOL, token }), stage)? {
            Answer::Welcome(_) => Ok(process),
            other => Err(unexpected(stage, &other)),
        }
    }

    fn prepare(&mut self, request: &Prepare, stage: Stage) -> Result<Ready, Failure> {
        match self.ask(&Request::Prepare(Box::new(request.clone())), stage)? {
            Answer::Ready(ready) => Ok(ready),
            other => Err(unexpected(stage, &other)),
        }
    }

    fn ask(&mut self, request: &Request, stage: Stage) -> Result<Answer, Failure> {
        let answer: Result<Answer, FrameError> =
            write_frame(&mut self.stream, request).and_then(|()| read_frame(&mut self.stream));
        match answer {
            Ok(Answer::Failed(failure)) => Err(failure),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.lost(stage, &error)),
        }
    }

    /// Why a process no longer answers: how it ended says more than the broken connection.
    fn lost(&mut self, stage: Stage, error: &FrameError) -> Failure {
        let how = match self.child.wait() {
            Ok(status) => match status.signal() {
                Some(signal) => format!("was ended by signal {signal}"),
                None => format!("ended with exit code {}", status.code().unwrap_or(-1)),
            },
            Err(error) => format!("cannot be waited for: {error}"),
        };
        Failure::new(stage, format!("the trial's own process {how} before it answered ({error})"))
    }

    /// Tells it to end, and waits until it has: its memory is given back within the time.
    fn end(mut self, stage: Stage) -> Result<(), Failure> {
        match self.ask(&Request::Shutdown, stage)? {
            Answer::Bye => {}
            other => return Err(unexpected(stage, &other)),
        }
        let fail = |why: String| Failure::new(stage, format!("the trial's own process {why}"));
        let status =
            self.child.wait().map_err(|error| fail(format!("cannot be waited for: {error}")))?;
        if status.success() { Ok(()) } else { Err(fail(format!("ended with {status}"))) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both change nothing where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unexpected(stage: Stage, answer: &Answer) -> Failure {
    Failure::new(
        stage,
        format!("the trial's own process gave an answer to another request: {answer:?}"),
    )
}
