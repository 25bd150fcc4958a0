use nix::sys::resource::{UsageWho, getrusage};
use weighbridge_experiment::{Instrument, Instruments, Usage};

use super::Meter;
use super::network::{self, parse_network};
use super::pinned::PinnedFile;
use super::process::{parse_io, parse_status};
use crate::Roots;

/// Reads what this process used, from within it: the inside half of "measured inside and
/// outside". Does not know whether the process is alone in its environment.
#[derive(Debug)]
pub struct OwnProcessMeter {
    status: Option<PinnedFile>,
    io: Option<PinnedFile>,
    network: Option<PinnedFile>,
    buffer: Vec<u8>,
    children: bool,
}

impl OwnProcessMeter {
    /// Opens what can be opened; `/proc` may be absent.
    #[must_use]
    pub fn open() -> (Self, Instruments) {
        Self::open_at(&Roots::default())
    }

    /// The same on other mount points.
    #[must_use]
    pub fn open_at(roots: &Roots) -> (Self, Instruments) {
        let own = roots.proc.join("self");
        // Process 1 of a pid namespace is the instance itself, so its network is its own.
        // (A container that shares the host's network is only seen from outside.)
        let network = if rustix::process::getpid().is_init() {
            network::open(roots, "self")
        } else {
            network::open_own_namespace(roots, "self", "1", "the init process's")
        };
        let meter = Self {
            status: PinnedFile::open(own.join("status")).ok(),
            io: PinnedFile::open(own.join("io")).ok(),
            network: None,
            buffer: Vec::new(),
            children: false,
        };
        let present = |text: &str| Instrument::Present(text.to_owned());
        let instruments = Instruments {
            cpu: present("getrusage of the agent, microseconds"),
            memory: if meter.status.is_some() {
                present("VmRSS and VmHWM of /proc/self/status")
            } else {
                present("peak only: ru_maxrss of getrusage; /proc is not there")
            },
            storage: if meter.io.is_some() {
                present(
                    "bytes: read_bytes and write_bytes of /proc/self/io; requests are not counted for a process",
                )
            } else {
                Instrument::Missing("/proc/self/io cannot be opened".to_owned())
            },
            network: match &network {
                Ok(_) => present("/proc/self/net/dev, all interfaces but lo"),
                Err(reason) => Instrument::Missing(reason.clone()),
            },
            time: present("CLOCK_MONOTONIC inside the environment"),
            gpu: Instrument::Missing("a GPU is read from outside only".to_owned()),
        };
        (Self { network: network.ok(), ..meter }, instruments)
    }

    /// Counts the children of this process too, as far as they have ended and were waited
    /// for: their processor time, and the peak of the largest of them.
    #[must_use]
    pub fn with_children(self) -> Self {
        Self { children: true, ..self }
    }

    fn memory(&mut self) -> Option<(u64, u64)> {
        parse_status(self.status.as_ref()?.read(&mut self.buffer).ok()?)
    }

    fn storage(&mut self) -> Option<(u64, u64)> {
        parse_io(self.io.as_ref()?.read(&mut self.buffer).ok()?)
    }
}

/// User and system time.
fn cpu(usage: &nix::sys::resource::Usage) -> Option<u64> {
    let nanoseconds = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        let microseconds = u64::try_from(time.tv_usec()).ok()?;
        Some(seconds * 1_000_000_000 + microseconds * 1000)
    };
    Some(nanoseconds(usage.user_time())? + nanoseconds(usage.system_time())?)
}

impl Meter for OwnProcessMeter {
    fn usage(&mut self) -> Usage {
        let own = getrusage(UsageWho::RUSAGE_SELF).ok();
        let children = if self.children { getrusage(UsageWho::RUSAGE_CHILDREN).ok() } else { None };
        let cpu_nanoseconds = match (&own, &children) {
            (Some(own), Some(children)) => cpu(own).zip(cpu(children)).map(|(a, b)| a + b),
            (Some(own), None) => cpu(own),
            (None, _) => None,
        };
        let memory = self.memory();
        let storage = self.storage();
        let network =
            self.network.as_ref().and_then(|file| parse_network(file.read(&mut self.buffer).ok()?));
        // ru_maxrss is in kibibytes.
        let peak_of = |usage: nix::sys::resource::Usage| {
            u64::try_from(usage.max_rss()).ok().map(|kibibytes| kibibytes * 1024)
        };
        let peak_own = memory.map(|(_, peak)| peak).or_else(|| own.and_then(peak_of));
        Usage {
            cpu_nanoseconds,
            memory_resident_bytes: memory.map(|(resident, _)| resident),
            memory_peak_bytes: peak_own.max(children.and_then(peak_of)),
            storage_read_bytes: storage.map(|(read, _)| read),
            storage_write_bytes: storage.map(|(_, write)| write),
            storage_read_requests: None,
            storage_write_requests: None,
            network_receive_bytes: network.map(|totals| totals.receive_bytes),
            network_transmit_bytes: network.map(|totals| totals.transmit_bytes),
            network_receive_packets: network.map(|totals| totals.receive_packets),
            network_transmit_packets: network.map(|totals| totals.transmit_packets),
            ..Usage::default()
        }
    }
}
