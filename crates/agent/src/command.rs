//! A program, run and timed from its start to its end.
//!
//! It is started without a shell, through its own dynamic linker and from the libraries that
//! came with it, so that every environment runs the same bytes. What it prints is thrown away
//! but for the last of its standard error, which tells why it failed. What it leaves running is
//! ended with it: it would disturb the next run.

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use weighbridge_experiment::{EngineIdentity, InferenceTiming, Sha256Digest};

use crate::files::verified_path;
use crate::wire::{CommandTask, Failure, Stage};

/// As much of standard error as fits a line or two of a report.
const LAST_WORDS_BYTES: usize = 1024;

/// A program that can be run again and again.
pub(crate) struct CommandRunner {
    name: String,
    program: PathBuf,
    linker: Option<PathBuf>,
    /// Where the linker looks.
    libraries: Option<PathBuf>,
    arguments: Vec<String>,
    directory: PathBuf,
    timeout: Duration,
    digest: Sha256Digest,
}

impl CommandRunner {
    /// Looks at everything that the program needs; nothing is started yet.
    pub(crate) fn prepare(base: &Path, task: &CommandTask) -> Result<Self, Failure> {
        let program = verified_path(base, "program", &task.program)?;
        let linker = task.linker.as_ref();
        let linker = linker.map(|file| verified_path(base, "dynamic linker", file)).transpose()?;
        for library in &task.libraries {
            verified_path(base, "library", library)?;
        }
        for file in &task.files {
            verified_path(base, "file", file)?;
        }
        let directory = base.join("work").canonicalize().map_err(|error| {
            Failure::new(
                Stage::Prepare,
                format!("the directory of its files is not there: {error}"),
            )
        })?;
        // What a command prints may hold the time of day; what it was asked is all that two
        // cells can be held to, besides that it worked.
        let asked = format!("{} {:?} exit code 0", task.program.sha256, task.arguments);
        Ok(Self {
            name: task.name.clone(),
            libraries: program.parent().map(Path::to_owned),
            program,
            linker,
            arguments: task.arguments.clone(),
            directory,
            timeout: Duration::from_secs(task.timeout_seconds),
            digest: Sha256Digest::of(asked.as_bytes()),
        })
    }

    /// No engine runs a command.
    pub(crate) fn engine(threads: u32) -> EngineIdentity {
        EngineIdentity {
            name: "none".to_owned(),
            version: String::new(),
            instruction_set: "its own".to_owned(),
            threads,
        }
    }

    /// The digest of a run that worked.
    pub(crate) const fn digest(&self) -> &Sha256Digest {
        &self.digest
    }

    /// The program through its own linker, as words, for one who starts it himself.
    pub(crate) fn words(&self) -> Vec<OsString> {
        let Some(linker) = &self.linker else { return vec![self.program.clone().into()] };
        let mut words: Vec<OsString> = vec![linker.clone().into()];
        if let Some(libraries) = &self.libraries {
            words.extend(["--library-path".into(), libraries.clone().into()]);
        }
        words.extend(["--argv0".into(), self.name.clone().into(), self.program.clone().into()]);
        words
    }

    fn command(&self) -> Command {
        let mut command = match &self.linker {
            Some(linker) => {
                let mut command = Command::new(linker);
                if let Some(libraries) = &self.libraries {
                    command.arg("--library-path").arg(libraries);
                }
                command.arg("--argv0").arg(&self.name).arg(&self.program);
                command
            }
            None => {
                let mut command = Command::new(&self.program);
                command.arg0(&self.name);
                command
            }
        };
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A group of its own, so that all of it can be ended.
            .process_group(0);
        command
    }

    /// Runs it once.
    pub(crate) fn run(&self, stage: Stage) -> Result<InferenceTiming, Failure> {
        let mut command = self.command();
        let began = Instant::now();
        let mut child = command.spawn().map_err(|error| {
            Failure::new(stage, format!("the command `{}` cannot be started: {error}", self.name))
        })?;
        let mut words = LastWords::of(child.stderr.take());
        let in_time = self.wait(&child, &mut words, began + self.timeout);
        let ended = end(&mut child);
        let whole = began.elapsed();
        words.drain();
        let failed = |why: String| {
            Failure::new(stage, format!("the command `{}` {why}{}", self.name, words.said()))
        };
        let in_time = in_time.map_err(|error| failed(format!("cannot be watched: {error}")))?;
        let status = ended.map_err(|error| failed(format!("cannot be waited for: {error}")))?;
        if !in_time {
            let seconds = self.timeout.as_secs();
            return Err(failed(format!(
                "did not end within {seconds} s and was ended; give it a longer `timeout`"
            )));
        }
        if !status.success() {
            let failure = failed(how(status));
            return Err(Failure { command_exit_code: status.code(), ..failure });
        }
        let infer_nanoseconds = u64::try_from(whole.as_nanos()).unwrap_or(u64::MAX);
        Ok(InferenceTiming { infer_nanoseconds, ..InferenceTiming::default() })
    }

    /// Waits until the program has ended, reading what it says; `false` when its time is up.
    fn wait(&self, child: &Child, words: &mut LastWords, deadline: Instant) -> io::Result<bool> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it has no process number"))?;
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let limit = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut events = vec![PollFd::new(&process, PollFlags::IN)];
            if let Some(stderr) = &words.stderr {
                events.push(PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::IN));
            }
            match poll(&mut events, Some(&limit)) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let ended = !events[0].revents().is_empty();
            drop(events);
            if ended {
                return Ok(true);
            }
            words.drain();
        }
    }
}

/// Ends what still runs of the program's group, then takes its exit status: while that is not
/// taken, its number cannot be another's.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // There is nobody left to end where all of it has ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait()
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended without an exit code".to_owned(),
    }
}

/// The last of what a program writes to its standard error.
struct LastWords {
    stderr: Option<ChildStderr>,
    words: Vec<u8>,
}

impl LastWords {
    fn of(stderr: Option<ChildStderr>) -> Self {
        // Reading must never wait: what still holds the other end may say nothing.
        let stderr = stderr.filter(|stderr| {
            fcntl_getfl(stderr)
                .and_then(|flags| fcntl_setfl(stderr, flags | OFlags::NONBLOCK))
                .is_ok()
        });
        Self { stderr, words: Vec::new() }
    }

    fn drain(&mut self) {
        let mut piece = [0; 4096];
        while let Some(stderr) = &mut self.stderr {
            match stderr.read(&mut piece) {
                Ok(0) => self.stderr = None,
                Ok(length) => {
                    self.words.extend_from_slice(&piece[..length]);
                    let excess = self.words.len().saturating_sub(LAST_WORDS_BYTES);
                    self.words.drain(..excess);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// As the end of a sentence.
    fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.words);
        match text.trim() {
            "" => ", saying nothing".to_owned(),
            words => format!(", saying: {words}"),
        }
    }
}
