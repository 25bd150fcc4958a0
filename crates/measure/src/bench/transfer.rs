//! Files sent to an ssh server by the SFTP protocol, which `scp` and `sftp` speak as well.
//!
//! The connection is that of an `ssh` program that was given with the benchmark; what goes
//! through it is written here, so that the same requests are sent from everywhere. One connection
//! a file is what a script that calls `scp` for each does; one for all is what it could do.

mod route;
mod sftp;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use weighbridge_experiment::{
    AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, Measured, Quantity,
    TransferBenchmark,
};

use self::sftp::{Session, SftpError};
use super::Extent;
use super::fileio::Random;
use super::latency::Latencies;

const EACH: &str = "a connection a file";
const ONE: &str = "one connection";
/// What an ssh client says where there is no way to the server.
const NO_ROUTE: [&str; 4] = [
    "Network is unreachable",
    "No route to host",
    "Could not resolve hostname",
    "Temporary failure in name resolution",
];

/// The ssh client of a transfer, as it is called where the benchmark runs.
#[derive(Debug, Clone)]
pub struct SshClient {
    /// The program and what comes before its own arguments, such as a dynamic linker's.
    pub program: Vec<OsString>,
    /// The private key; the client's own where there is none.
    pub identity: Option<PathBuf>,
    /// The only file in which the server's key may stand.
    pub known_hosts: PathBuf,
}

/// A connection that has said hello.
struct Connection {
    child: Child,
    session: Session<ChildStdout, ChildStdin>,
}

impl SshClient {
    fn command(&self, transfer: &TransferBenchmark) -> Command {
        let (program, before) = self
            .program
            .split_first()
            .map_or((OsString::from("ssh"), &[][..]), |(first, rest)| (first.clone(), rest));
        let mut command = Command::new(program);
        command.args(before);
        // Nothing of the user's settings: they would differ from place to place.
        command.args(["-F", "none", "-T", "-x", "-a", "-oBatchMode=yes"]);
        command.args(["-oStrictHostKeyChecking=yes", "-oGlobalKnownHostsFile=none"]);
        command.arg(option("UserKnownHostsFile=", &self.known_hosts));
        command.args(["-oConnectTimeout=10", "-oServerAliveInterval=5"]);
        command.args(["-oControlPath=none", "-oCompression=no"]);
        if let Some(identity) = &self.identity {
            command.arg("-oIdentitiesOnly=yes").arg("-i").arg(identity);
        }
        if let Some(port) = transfer.port {
            command.arg("-p").arg(port.to_string());
        }
        command.args(["-s", "--", &transfer.destination, "sftp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn connect(&self, transfer: &TransferBenchmark) -> Result<Connection, Failed> {
        let mut child = self.command(transfer).spawn().map_err(Failed::Start)?;
        let (Some(output), Some(input)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(Failed::Start(io::ErrorKind::BrokenPipe.into()));
        };
        match Session::begin(output, input) {
            Ok(session) => Ok(Connection { child, session }),
            Err(error) => Err(Failed::Session(error, last_words(child))),
        }
    }
}

fn option(name: &str, path: &std::path::Path) -> OsString {
    let mut text = OsString::from(format!("-o{name}"));
    text.push(path);
    text
}

/// Why nothing could be sent.
enum Failed {
    Start(io::Error),
    Session(SftpError, String),
}

impl Failed {
    fn absence(&self) -> (AbsenceKind, String) {
        match self {
            Self::Start(error) => {
                (AbsenceKind::ToolMissing, format!("the ssh client cannot be started: {error}"))
            }
            Self::Session(error, words) => {
                let no_route = NO_ROUTE.iter().any(|known| words.contains(known));
                let kind = if no_route { AbsenceKind::NoRoute } else { AbsenceKind::Failed };
                let said =
                    if words.is_empty() { String::new() } else { format!("; ssh says: {words}") };
                (kind, format!("nothing can be sent to the server: {error}{said}"))
            }
        }
    }
}

impl Connection {
    /// Ends it; a server that has all files may take its time.
    fn end(self) {
        let Self { mut child, session } = self;
        drop(session);
        let _ = child.wait();
    }

    fn failed(self, error: SftpError) -> Failed {
        let Self { child, session } = self;
        drop(session);
        Failed::Session(error, last_words(child))
    }
}

/// The last line that the client wrote to its standard error, after it was ended.
fn last_words(mut child: Child) -> String {
    // It may be waiting for the server; what it has said is there.
    let _ = child.kill();
    let mut text = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.by_ref().take(4096).read_to_string(&mut text);
    }
    let _ = child.wait();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

/// What one way of sending came to.
struct Sent {
    files: u64,
    seconds: f64,
    latencies: Latencies,
}

pub(super) fn run(
    transfer: &TransferBenchmark,
    client: &SshClient,
    extent: Extent,
) -> Vec<BenchmarkRow> {
    let files = if extent == Extent::Whole { transfer.files } else { 1 };
    let bytes = transfer.file_size.bytes();
    let mut content = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    Random::new(0x7472).fill(&mut content);
    let instrument = format!("SFTP 3 through the system's ssh, {files} files, monotonic clock");
    let label = route::words(&transfer.destination);
    let rows = [(EACH, true), (ONE, false)].map(|(mode, each)| {
        match send_all(transfer, client, files, &content, each) {
            Ok(sent) => row(mode, &sent, bytes, &instrument, &label),
            Err(failed) => {
                let (kind, reason) = failed.absence();
                let mut row =
                    BenchmarkRow::missing(mode.to_owned(), instrument.clone(), kind, reason);
                row.labels.push(label.clone());
                row
            }
        }
    });
    rows.to_vec()
}

/// Makes a directory at the server, sends all files into it, and removes both.
fn send_all(
    transfer: &TransferBenchmark,
    client: &SshClient,
    files: u32,
    content: &[u8],
    each: bool,
) -> Result<Sent, Failed> {
    let mut keeper = client.connect(transfer)?;
    let directory = match keeper.session.make_directory("weighbridge-transfer") {
        Ok(directory) => directory,
        Err(error) => return Err(keeper.failed(error)),
    };
    let name = |number: u32| format!("{directory}/{number}");
    let sent = if each {
        one_by_one(transfer, client, files, content, &name)
    } else {
        through_one(transfer, client, files, content, &name)
    };
    for number in 0..files {
        // What was not sent is not there.
        let _ = keeper.session.remove(&name(number));
    }
    let removed = keeper.session.remove_directory(&directory);
    match (sent, removed) {
        (Err(failed), _) => {
            keeper.end();
            Err(failed)
        }
        (Ok(_), Err(error)) => Err(keeper.failed(error)),
        (Ok(sent), Ok(())) => {
            keeper.end();
            Ok(sent)
        }
    }
}

fn one_by_one(
    transfer: &TransferBenchmark,
    client: &SshClient,
    files: u32,
    content: &[u8],
    name: &dyn Fn(u32) -> String,
) -> Result<Sent, Failed> {
    let mut latencies = Latencies::new();
    let began = Instant::now();
    for number in 0..files {
        let before = Instant::now();
        let mut connection = client.connect(transfer)?;
        if let Err(error) = connection.session.put(&name(number), content) {
            return Err(connection.failed(error));
        }
        connection.end();
        latencies.record(before.elapsed());
    }
    Ok(Sent { files: u64::from(files), seconds: began.elapsed().as_secs_f64(), latencies })
}

fn through_one(
    transfer: &TransferBenchmark,
    client: &SshClient,
    files: u32,
    content: &[u8],
    name: &dyn Fn(u32) -> String,
) -> Result<Sent, Failed> {
    let mut latencies = Latencies::new();
    let began = Instant::now();
    let mut connection = client.connect(transfer)?;
    for number in 0..files {
        let before = Instant::now();
        if let Err(error) = connection.session.put(&name(number), content) {
            return Err(connection.failed(error));
        }
        latencies.record(before.elapsed());
    }
    let seconds = began.elapsed().as_secs_f64();
    connection.end();
    Ok(Sent { files: u64::from(files), seconds, latencies })
}

fn row(mode: &str, sent: &Sent, bytes: u64, instrument: &str, label: &str) -> BenchmarkRow {
    let seconds = sent.seconds.max(1e-9);
    let kilobytes = (sent.files * bytes) as f64 / 1e3 / seconds;
    let quantity = |unit, value| Quantity { unit, value };
    BenchmarkRow {
        mode: mode.to_owned(),
        instrument: instrument.to_owned(),
        labels: vec![label.to_owned()],
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![
                quantity(BenchmarkUnit::KilobytesPerSecond, kilobytes),
                quantity(BenchmarkUnit::Seconds, sent.seconds),
            ],
            operations: sent.files,
            seconds: sent.seconds,
            latency_nanoseconds: sent.latencies.pairs(),
        }),
    }
}
