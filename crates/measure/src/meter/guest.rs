//! What the program that runs a virtual machine counts of its disk and network.
//!
//! QEMU is asked over its machine protocol (`query-blockstats`, `docs/interop/qmp-spec` and
//! `qapi/block-core.json` of its source), Firecracker writes a line of JSON when it is told to
//! (`FlushMetrics`), in which each counter is what was added since the line before
//! (Firecracker, `docs/metrics.md`). Does not know what runs in the guest.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use serde::Deserialize;
use serde_json::Value;
use weighbridge_experiment::GuestCounters;

/// Both answer within milliseconds; this is for a host that is out of breath.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// A line of counters is some kilobytes.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Sums since the guest was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GuestTotals {
    /// Requests that the guest made of its disk: reads and writes.
    pub(super) requests: Option<(u64, u64)>,
    /// What the guest received and sent, in bytes and packets.
    pub(super) network: Option<Traffic>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) receive_bytes: u64,
    pub(super) receive_packets: u64,
    pub(super) transmit_bytes: u64,
    pub(super) transmit_packets: u64,
}

/// Reads these counters again and again.
#[derive(Debug)]
pub(super) struct GuestMeter {
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// QEMU takes one client at a time, so each reading is a connection of its own.
    Qemu {
        socket: PathBuf,
    },
    Firecracker {
        socket: PathBuf,
        metrics: File,
        read: u64,
        sums: Sums,
    },
}

impl GuestMeter {
    /// Opens the meter and reads once; the error says why nothing is counted.
    pub(super) fn open(counters: &GuestCounters) -> Result<(Self, GuestTotals), String> {
        let source = match counters {
            GuestCounters::Qemu { socket } => Source::Qemu { socket: socket.clone() },
            GuestCounters::Firecracker { socket, metrics } => Source::Firecracker {
                socket: socket.clone(),
                metrics: File::open(metrics)
                    .map_err(|error| format!("{}: {error}", metrics.display()))?,
                read: 0,
                sums: Sums::default(),
            },
        };
        let mut meter = Self { source };
        let totals = meter.read().map_err(|error| format!("{}: {error}", meter.name()))?;
        Ok((meter, totals))
    }

    /// The program that counts.
    pub(super) const fn name(&self) -> &'static str {
        match self.source {
            Source::Qemu { .. } => "QEMU",
            Source::Firecracker { .. } => "Firecracker",
        }
    }

    pub(super) fn read(&mut self) -> io::Result<GuestTotals> {
        match &mut self.source {
            Source::Qemu { socket } => {
                Ok(GuestTotals { requests: block_requests(&mut connect(socket)?)?, network: None })
            }
            Source::Firecracker { socket, metrics, read, sums } => {
                flush(&mut connect(socket)?)?;
                *read += sums.add_lines(metrics, *read)?;
                Ok(sums.totals())
            }
        }
    }
}

/// Over the opened directory where the path is longer than the kernel takes.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let stream = match (path.parent(), path.file_name()) {
        (Some(parent), Some(file)) if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let opened = rustix::fs::open(parent, flags, Mode::empty())?;
            UnixStream::connect(
                PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())).join(file),
            )?
        }
        _ => UnixStream::connect(path)?,
    };
    stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
    stream.set_write_timeout(Some(ANSWERED_WITHIN))?;
    Ok(stream)
}

/// Requests of all disks of the guest together; `None` where it has none.
fn block_requests(stream: &mut UnixStream) -> io::Result<Option<(u64, u64)>> {
    let mut reader = BufReader::new(stream);
    qmp_answer(&mut reader, |line| line.get("QMP").is_some())?;
    let mut answer = Value::Null;
    for command in ["qmp_capabilities", "query-blockstats"] {
        writeln!(reader.get_mut(), "{{\"execute\": \"{command}\"}}")?;
        answer = qmp_answer(&mut reader, |line| line.get("return").is_some())?;
    }
    let disks = answer["return"].as_array().cloned().unwrap_or_default();
    let sum = |name: &str| disks.iter().filter_map(|disk| disk["stats"][name].as_u64()).sum();
    Ok((!disks.is_empty()).then(|| (sum("rd_operations"), sum("wr_operations"))))
}

/// The next line of that kind; events in between are passed over.
fn qmp_answer(reader: &mut impl BufRead, wanted: impl Fn(&Value) -> bool) -> io::Result<Value> {
    loop {
        let mut text = String::new();
        if Read::take(&mut *reader, LINE_BYTES_MAX).read_line(&mut text)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line: Value = serde_json::from_str(&text)?;
        if let Some(refused) = line.get("error") {
            return Err(io::Error::other(refused["desc"].to_string()));
        }
        if wanted(&line) {
            return Ok(line);
        }
    }
}

/// Has Firecracker write a line of counters.
fn flush(stream: &mut UnixStream) -> io::Result<()> {
    const BODY: &str = r#"{"action_type":"FlushMetrics"}"#;
    let request = format!(
        "PUT /actions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut status = String::new();
    Read::take(BufReader::new(stream), LINE_BYTES_MAX).read_line(&mut status)?;
    match status.split_whitespace().nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(io::Error::other(format!("FlushMetrics was answered `{}`", status.trim()))),
    }
}

/// What one line of Firecracker's says, as far as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Counted {
    block: Block,
    net: Net,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Block {
    read_count: u64,
    write_count: u64,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Net {
    rx_bytes_count: u64,
    rx_packets_count: u64,
    tx_bytes_count: u64,
    tx_packets_count: u64,
}

#[derive(Debug, Default)]
struct Sums {
    block: Block,
    net: Net,
}

impl Sums {
    /// Adds the whole lines from `begin` on; returns their length. Whoever else had a line
    /// written has not taken it away: the file holds them all.
    fn add_lines(&mut self, file: &mut File, begin: u64) -> io::Result<u64> {
        file.seek(SeekFrom::Start(begin))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Counted { block, net } = serde_json::from_slice(line)?;
            self.block.read_count += block.read_count;
            self.block.write_count += block.write_count;
            self.net.rx_bytes_count += net.rx_bytes_count;
            self.net.rx_packets_count += net.rx_packets_count;
            self.net.tx_bytes_count += net.tx_bytes_count;
            self.net.tx_packets_count += net.tx_packets_count;
        }
        Ok(whole as u64)
    }

    fn totals(&self) -> GuestTotals {
        let Self { block, net } = self;
        GuestTotals {
            requests: Some((block.read_count, block.write_count)),
            network: Some(Traffic {
                receive_bytes: net.rx_bytes_count,
                receive_packets: net.rx_packets_count,
                transmit_bytes: net.tx_bytes_count,
                transmit_packets: net.tx_packets_count,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;
    use std::thread;

    use super::*;

    #[test]
    fn requests_are_those_of_all_disks_and_missing_without_one() {
        let asked = |answer: &'static str| {
            let (mut near, far) = UnixStream::pair().unwrap();
            let qemu = thread::spawn(move || {
                let mut reader = BufReader::new(&far);
                writeln!(&far, r#"{{"QMP": {{"version": {{}}}}}}"#).unwrap();
                for answer in [r#"{"return": {}}"#, answer] {
                    reader.read_line(&mut String::new()).unwrap();
                    writeln!(&far, r#"{{"event": "RESUME"}}"#).unwrap();
                    writeln!(&far, "{answer}").unwrap();
                }
            });
            let requests = block_requests(&mut near);
            qemu.join().unwrap();
            requests
        };
        let two = r#"{"return": [{"device": "disk", "stats": {"rd_operations": 3, "wr_operations": 4}}, {"stats": {"rd_operations": 10, "wr_operations": 20}}]}"#;
        assert_eq!(asked(two).unwrap(), Some((13, 24)));
        assert_eq!(asked(r#"{"return": []}"#).unwrap(), None);
        let refused = asked(r#"{"error": {"desc": "no such command"}}"#).unwrap_err();
        assert!(refused.to_string().contains("no such command"));
    }

    /// A stand-in for Firecracker that adds a line for each flush.
    #[test]
    fn lines_of_firecracker_are_added_up_whoever_had_them_written() {
        let place = tempfile::tempdir().unwrap();
        let (socket, metrics) = (place.path().join("api.sock"), place.path().join("metrics"));
        // One that somebody else had written before.
        let line = |reads: u64, sent: u64| {
            format!(
                "{{\"utc_timestamp_ms\": 1, \"block\": {{\"read_count\": {reads}, \"write_count\": 1, \"flush_count\": 2}}, \"net\": {{\"tx_bytes_count\": {sent}}}}}\n"
            )
        };
        std::fs::write(&metrics, line(5, 100)).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let file = metrics.clone();
        let firecracker = thread::spawn(move || {
            for reads in [7, 0] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 512];
                let count = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..count]).into_owned();
                assert!(request.starts_with("PUT /actions HTTP/1.1\r\n"), "{request}");
                assert!(request.ends_with("{\"action_type\":\"FlushMetrics\"}"), "{request}");
                let mut file = File::options().append(true).open(&file).unwrap();
                file.write_all(line(reads, 10).as_bytes()).unwrap();
                stream.write_all(b"HTTP/1.1 204 \r\n\r\n").unwrap();
            }
        });
        let counters = GuestCounters::Firecracker { socket, metrics };
        let (mut meter, first) = GuestMeter::open(&counters).unwrap();
        assert_eq!(first.requests, Some((12, 2)));
        assert_eq!(first.network.unwrap().transmit_bytes, 110);
        assert_eq!(meter.read().unwrap().requests, Some((12, 3)));
        firecracker.join().unwrap();
        assert!(meter.read().is_err(), "nobody is there any more");
    }
}
