//! The machine protocol of QEMU (`docs/interop/qmp-spec` of its source): one JSON object a
//! line over a unix socket. A greeting, one command that agrees on nothing, then a command and
//! its answer at a time; events that come in between are passed over.
//!
//! Knows the few commands that an environment needs, and nothing of instances.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

/// QEMU answers within milliseconds; this is for a host that is out of breath.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// A line is a few hundred bytes; the longest, of block devices, some kilobytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Why QEMU did not do what it was told.
#[derive(Debug, Error)]
pub(crate) enum QmpError {
    #[error("QEMU's control socket failed")]
    Stream(#[from] io::Error),
    #[error("QEMU's control socket said what is not understood: {line}")]
    Line { line: String, source: serde_json::Error },
    #[error("QEMU refused `{command}`: {reason}")]
    Refused { command: &'static str, reason: String },
}

impl QmpError {
    /// Whether nobody listens: QEMU is not there yet, or not any more.
    pub(crate) fn is_absent(&self) -> bool {
        let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
        matches!(self, Self::Stream(error) if absent.contains(&error.kind()))
    }
}

/// A line from QEMU.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Greeting {
        #[serde(rename = "QMP")]
        greeting: Greeting,
    },
    Done {
        #[serde(rename = "return")]
        value: Value,
    },
    Refused {
        error: Refusal,
    },
    Event {
        #[serde(rename = "event")]
        _name: String,
    },
}

#[derive(Debug, Deserialize)]
struct Greeting {
    version: VersionRecord,
}

#[derive(Debug, Deserialize)]
struct VersionRecord {
    qemu: Version,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    desc: String,
}

/// The version of QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    micro: u32,
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// What QEMU says of the guest's processors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Processor {
    /// The thread of the host on which it runs.
    pub(crate) thread_id: u32,
}

/// Whether KVM is there, and whether it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Kvm {
    pub(crate) enabled: bool,
}

#[derive(Debug, Deserialize)]
struct Status {
    running: bool,
}

/// A connection to one QEMU.
pub(crate) struct Qmp {
    reader: BufReader<UnixStream>,
    version: Version,
}

impl Qmp {
    /// Connects, and agrees on the plain protocol. QEMU takes one client at a time.
    pub(crate) fn connect(socket: &Path) -> Result<Self, QmpError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        stream.set_write_timeout(Some(ANSWERED_WITHIN))?;
        let mut reader = BufReader::new(stream);
        let version = loop {
            if let Line::Greeting { greeting } = line(&mut reader)? {
                break greeting.version.qemu;
            }
        };
        let mut qmp = Self { reader, version };
        qmp.command::<Value>("qmp_capabilities", None)?;
        Ok(qmp)
    }

    pub(crate) const fn version(&self) -> Version {
        self.version
    }

    fn command<T: DeserializeOwned>(
        &mut self,
        command: &'static str,
        arguments: Option<Value>,
    ) -> Result<T, QmpError> {
        let mut request = json!({ "execute": command });
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        let stream = self.reader.get_mut();
        stream.write_all(format!("{request}\n").as_bytes())?;
        loop {
            match line(&mut self.reader)? {
                Line::Done { value } => {
                    let text = value.to_string();
                    return serde_json::from_value(value)
                        .map_err(|source| QmpError::Line { line: text, source });
                }
                Line::Refused { error } => {
                    return Err(QmpError::Refused { command, reason: error.desc });
                }
                Line::Event { .. } | Line::Greeting { .. } => {}
            }
        }
    }

    /// Whether the guest's processors run.
    pub(crate) fn is_running(&mut self) -> Result<bool, QmpError> {
        self.command("query-status", None).map(|status: Status| status.running)
    }

    /// Stops the guest's processors, or lets them go on. Repeating it changes nothing.
    pub(crate) fn set_running(&mut self, running: bool) -> Result<(), QmpError> {
        self.command::<Value>(if running { "cont" } else { "stop" }, None).map(drop)
    }

    pub(crate) fn processors(&mut self) -> Result<Vec<Processor>, QmpError> {
        self.command("query-cpus-fast", None)
    }

    pub(crate) fn kvm(&mut self) -> Result<Kvm, QmpError> {
        self.command("query-kvm", None)
    }

    /// Has QEMU end at once, its guest with it.
    pub(crate) fn quit(mut self) -> Result<(), QmpError> {
        self.command::<Value>("quit", None).map(drop)
    }
}

fn line(reader: &mut BufReader<UnixStream>) -> Result<Line, QmpError> {
    let mut text = String::new();
    if io::Read::take(&mut *reader, LINE_BYTES_MAX).read_line(&mut text)? == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    serde_json::from_str(&text).map_err(|source| {
        let line: String = text.chars().take(200).collect();
        QmpError::Line { line: line.trim_end().to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread::{self, JoinHandle};

    use proptest::prelude::*;

    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}"#;
    const DONE: &str = r#"{"return": {}}"#;

    /// A stand-in for QEMU that says these lines, each after a command but for the greeting,
    /// and returns the commands.
    fn stand_in(lines: &'static [&'static str]) -> (tempfile::TempDir, JoinHandle<Vec<Value>>) {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("qmp.sock")).unwrap();
        let qemu = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut commands = Vec::new();
            writeln!(&stream, "{GREETING}").unwrap();
            for answer in [DONE].iter().chain(lines) {
                let mut command = String::new();
                reader.read_line(&mut command).unwrap();
                commands.push(serde_json::from_str(&command).unwrap());
                writeln!(&stream, "{answer}").unwrap();
            }
            commands
        });
        (directory, qemu)
    }

    #[test]
    fn commands_are_answered_in_turn_and_events_passed_over() {
        let (directory, qemu) = stand_in(&[
            "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}\n{\"return\": {}}",
            r#"{"return": {"running": false, "status": "paused", "singlestep": false}}"#,
            r#"{"return": [{"thread-id": 7, "cpu-index": 0, "target": "x86_64"}]}"#,
            r#"{"return": {"enabled": false, "present": true}}"#,
        ]);
        let mut qmp = Qmp::connect(&directory.path().join("qmp.sock")).unwrap();
        assert_eq!(qmp.version().to_string(), "7.2.22");
        qmp.set_running(false).unwrap();
        assert!(!qmp.is_running().unwrap());
        assert_eq!(qmp.processors().unwrap(), [Processor { thread_id: 7 }]);
        assert!(!qmp.kvm().unwrap().enabled);
        let commands: Vec<_> = qemu
            .join()
            .unwrap()
            .iter()
            .map(|c| c["execute"].as_str().unwrap().to_owned())
            .collect();
        let expected = ["qmp_capabilities", "stop", "query-status", "query-cpus-fast", "query-kvm"];
        assert_eq!(commands, expected);
    }

    #[test]
    fn a_refusal_carries_its_reason_and_nonsense_is_shown() {
        const REFUSAL: &str = r#"{"error": {"class": "GenericError", "desc": "not now"}}"#;
        let (directory, qemu) = stand_in(&[REFUSAL, "hello"]);
        let mut qmp = Qmp::connect(&directory.path().join("qmp.sock")).unwrap();
        let refused = qmp.set_running(true).unwrap_err();
        assert_eq!(refused.to_string(), "QEMU refused `cont`: not now");
        let nonsense = qmp.set_running(true).unwrap_err();
        assert!(nonsense.to_string().contains("hello"), "{nonsense}");
        qemu.join().unwrap();
    }

    #[test]
    fn nobody_there_is_told_from_other_failures() {
        let directory = tempfile::tempdir().unwrap();
        let absent = Qmp::connect(&directory.path().join("qmp.sock")).err().unwrap();
        assert!(absent.is_absent(), "{absent}");
    }

    proptest! {
        #[test]
        fn no_line_panics(text in "\\PC{0,60}") {
            let _ = serde_json::from_str::<Line>(&text);
        }
    }
}
