use weighbridge_experiment::{GuestCounters, Instrument, Instruments, MeterTarget, Usage};

use super::cgroup::{Cgroup, Version};
use super::gpu;
use super::guest::{GuestMeter, GuestTotals};
use super::network::{self, parse_network};
use super::pinned::PinnedFile;
use super::process::{ProcessSet, nanoseconds_of_ticks};
use super::tree::descendants;
use super::{Meter, MeterError};
use crate::Roots;

/// Reads what one instance used, from the host. Keeps its files open: a reading is a few
/// system calls.
#[derive(Debug)]
pub struct OutsideMeter {
    source: Source,
    memory: Memory,
    processes: ProcessSet,
    members: Vec<u32>,
    network: Option<PinnedFile>,
    guest: Option<GuestMeter>,
    roots: Roots,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Source {
    Cgroup(Cgroup),
    Tree(u32),
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    OfProcesses,
    OfCgroup,
    Missing,
}

impl OutsideMeter {
    /// Opens the meter of an instance on this host, and says what it reads.
    ///
    /// A target with nothing to read gives a meter whose every counter is missing.
    ///
    /// # Errors
    ///
    /// The cgroup or the process is not there.
    pub fn open(target: &MeterTarget) -> Result<(Self, Instruments), MeterError> {
        Self::open_at(target, Roots::default())
    }

    /// The same on other mount points.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_at(target: &MeterTarget, roots: Roots) -> Result<(Self, Instruments), MeterError> {
        let mut meter = Self {
            source: Source::Nothing,
            memory: Memory::Missing,
            processes: ProcessSet::new(roots.clone()),
            members: Vec::new(),
            network: None,
            guest: None,
            roots,
            buffer: Vec::new(),
        };
        let (process, cpu) = match target {
            MeterTarget::Nothing { reason } => return Ok((meter, nothing(reason))),
            MeterTarget::Guest { host, counters } => {
                let (mut meter, mut instruments) = Self::open_at(host, meter.roots)?;
                meter.add_guest(counters, &mut instruments);
                return Ok((meter, instruments));
            }
            MeterTarget::Cgroup { path, process } => {
                let cgroup = Cgroup::open(&meter.roots, path)?;
                cgroup.cpu_nanoseconds(&mut meter.buffer)?;
                let instrument = cgroup.cpu_instrument();
                meter.source = Source::Cgroup(cgroup);
                (*process, instrument)
            }
            MeterTarget::ProcessTree { process, reason } => {
                let path = meter.roots.process(*process).join("stat");
                PinnedFile::open(path.clone()).map_err(|source| MeterError::Process {
                    process: *process,
                    path,
                    source,
                })?;
                meter.source = Source::Tree(*process);
                (
                    *process,
                    format!(
                        "/proc/PID/stat of the process and its descendants, ticks of 10 ms, read from outside; no cgroup: {reason}"
                    ),
                )
            }
        };
        let memory = meter.choose_memory();
        let storage = meter.storage_instrument();
        let network = match network::open_own_namespace(
            &meter.roots,
            &process.to_string(),
            "self",
            "the host's",
        ) {
            Ok(file) => {
                meter.network = Some(file);
                Instrument::Present("/proc/PID/net/dev of the instance's own network namespace, all interfaces but lo, read from outside".to_owned())
            }
            Err(reason) => Instrument::Missing(reason),
        };
        let time = Instrument::Present("CLOCK_MONOTONIC of the host".to_owned());
        let (cpu, gpu) = (Instrument::Present(cpu), gpu::instrument());
        Ok((meter, Instruments { cpu, memory, storage, network, time, gpu }))
    }

    /// One reading.
    ///
    /// # Errors
    ///
    /// The processor counter is gone: the instance is. Any other counter that cannot be read
    /// is `None`.
    pub fn read(&mut self) -> Result<Usage, MeterError> {
        let mut usage = Usage::default();
        // Processor time first: it belongs to the moment that the sampler writes down.
        match &self.source {
            Source::Nothing => return Ok(usage),
            Source::Cgroup(cgroup) => {
                usage.cpu_nanoseconds = Some(cgroup.cpu_nanoseconds(&mut self.buffer)?);
            }
            Source::Tree(_) => {}
        }
        self.list_members()?;
        let totals = self.processes.read(&self.members, &mut self.buffer);
        match &self.source {
            Source::Tree(process) if totals.processes == 0 => {
                let path = self.roots.process(*process).join("stat");
                return Err(MeterError::Process {
                    process: *process,
                    path,
                    source: std::io::ErrorKind::NotFound.into(),
                });
            }
            Source::Tree(_) => usage.cpu_nanoseconds = Some(nanoseconds_of_ticks(totals.ticks)),
            Source::Cgroup(cgroup) => {
                if let Some((reads, writes)) = cgroup.requests(&mut self.buffer) {
                    usage.storage_read_requests = Some(reads);
                    usage.storage_write_requests = Some(writes);
                }
                if self.memory == Memory::OfCgroup {
                    usage.memory_resident_bytes = cgroup.memory_resident(&mut self.buffer);
                    usage.memory_peak_bytes = cgroup.memory_peak_with_cache(&mut self.buffer);
                }
            }
            Source::Nothing => {}
        }
        if self.memory == Memory::OfProcesses {
            usage.memory_resident_bytes = totals.resident_bytes;
            usage.memory_peak_bytes = totals.peak_bytes;
        }
        usage.storage_read_bytes = totals.storage.map(|(read, _)| read);
        usage.storage_write_bytes = totals.storage.map(|(_, write)| write);
        self.read_network(&mut usage);
        self.read_guest(&mut usage);
        if let Some((utilization, memory)) = gpu::read() {
            usage.gpu_utilization_percent = utilization;
            usage.gpu_memory_bytes = memory;
        }
        Ok(usage)
    }

    /// Names the instruments as what they are, and reads what the guest's program counts.
    fn add_guest(&mut self, counters: &GuestCounters, instruments: &mut Instruments) {
        let program = match counters {
            GuestCounters::Qemu { .. } => "QEMU",
            GuestCounters::Firecracker { .. } => "Firecracker",
        };
        for instrument in [&mut instruments.cpu, &mut instruments.memory] {
            if let Instrument::Present(text) = instrument {
                *text = format!("of {program}, its guest and its own threads together: {text}");
            }
        }
        let opened = GuestMeter::open(counters);
        let requests = match &opened {
            Ok((_, GuestTotals { requests: Some(_), .. })) => {
                format!("requests of the guest's disk: counted by {program}")
            }
            Ok(_) => "missing requests: the guest has no disk".to_owned(),
            Err(reason) => format!("missing requests: {reason}"),
        };
        if let Instrument::Present(text) = &mut instruments.storage {
            let bytes = text.split("; ").next().unwrap_or_default();
            *text = format!("of {program}: {bytes}; {requests}");
        }
        let Ok((meter, totals)) = opened else { return };
        if totals.network.is_some() {
            instruments.network =
                Instrument::Present(format!("the guest's interface, counted by {program}"));
        }
        // Asking costs the program time, so it is asked only for what there is.
        if totals.requests.is_some() || totals.network.is_some() {
            self.guest = Some(meter);
        }
    }

    fn read_guest(&mut self, usage: &mut Usage) {
        let Some(totals) = self.guest.as_mut().and_then(|guest| guest.read().ok()) else { return };
        if let Some((reads, writes)) = totals.requests {
            usage.storage_read_requests = Some(reads);
            usage.storage_write_requests = Some(writes);
        }
        if let Some(traffic) = totals.network {
            usage.network_receive_bytes = Some(traffic.receive_bytes);
            usage.network_transmit_bytes = Some(traffic.transmit_bytes);
            usage.network_receive_packets = Some(traffic.receive_packets);
            usage.network_transmit_packets = Some(traffic.transmit_packets);
        }
    }

    fn list_members(&mut self) -> Result<(), MeterError> {
        match &self.source {
            Source::Cgroup(cgroup) => cgroup.members(&mut self.members, &mut self.buffer),
            Source::Tree(process) => {
                self.members = descendants(&self.roots, *process)
                    .map_err(|source| MeterError::Read { path: self.roots.proc.clone(), source })?;
            }
            Source::Nothing => {}
        }
        Ok(())
    }

    fn read_network(&mut self, usage: &mut Usage) {
        let Some(totals) =
            self.network.as_ref().and_then(|file| parse_network(file.read(&mut self.buffer).ok()?))
        else {
            return;
        };
        usage.network_receive_bytes = Some(totals.receive_bytes);
        usage.network_transmit_bytes = Some(totals.transmit_bytes);
        usage.network_receive_packets = Some(totals.receive_packets);
        usage.network_transmit_packets = Some(totals.transmit_packets);
    }

    fn choose_memory(&mut self) -> Instrument {
        let readable = self.list_members().is_ok()
            && self.processes.read(&self.members, &mut self.buffer).resident_bytes.is_some();
        if readable {
            self.memory = Memory::OfProcesses;
            return Instrument::Present(
                "VmRSS and VmHWM of /proc/PID/status, summed over the instance's processes (peak exact for one process, an upper bound for more), read from outside".to_owned(),
            );
        }
        match &self.source {
            Source::Cgroup(cgroup) if cgroup.memory_resident(&mut self.buffer).is_some() => {
                self.memory = Memory::OfCgroup;
                Instrument::Present(match cgroup.version {
                    Version::One => "cgroup v1 memory.stat total_rss + total_mapped_file; peak memory.max_usage_in_bytes, which counts page cache too; processes could not be read",
                    Version::Two => "cgroup v2 memory.stat anon + file_mapped; peak memory.peak, which counts page cache too; processes could not be read",
                }.to_owned())
            }
            _ => Instrument::Missing(
                "/proc/PID/status of the instance's processes cannot be read".to_owned(),
            ),
        }
    }

    fn storage_instrument(&mut self) -> Instrument {
        if self.processes.read(&self.members, &mut self.buffer).storage.is_none() {
            return Instrument::Missing("/proc/PID/io of the instance's processes cannot be read; it takes the same user or root".to_owned());
        }
        let requests = match &self.source {
            Source::Cgroup(Cgroup { requests: Ok(file), .. }) => {
                format!("requests: {}", file.path().display())
            }
            Source::Cgroup(Cgroup { requests: Err(reason), .. }) => format!("missing {reason}"),
            _ => "missing requests: only cgroups count them".to_owned(),
        };
        Instrument::Present(format!(
            "bytes: read_bytes and write_bytes of /proc/PID/io, summed over the instance's processes, read from outside; {requests}"
        ))
    }
}

impl Meter for OutsideMeter {
    fn usage(&mut self) -> Usage {
        self.read().unwrap_or_default()
    }
}

fn nothing(reason: &str) -> Instruments {
    let missing = || Instrument::Missing(reason.to_owned());
    Instruments {
        cpu: missing(),
        memory: missing(),
        storage: missing(),
        network: missing(),
        time: missing(),
        gpu: missing(),
    }
}

/// Processor time of an instance by the ticks of `/proc/PID/stat`: its living processes and
/// the children that they waited for. An instrument of its own beside the cgroup's counter,
/// to check one by the other; a tick is 10 ms.
///
/// # Errors
///
/// The instance is not there, or has no process on this host.
pub fn process_cpu_nanoseconds(target: &MeterTarget) -> Result<Option<u64>, MeterError> {
    process_cpu_nanoseconds_at(target, Roots::default())
}

/// The same on other mount points.
///
/// # Errors
///
/// As [`process_cpu_nanoseconds`].
pub fn process_cpu_nanoseconds_at(
    target: &MeterTarget,
    roots: Roots,
) -> Result<Option<u64>, MeterError> {
    if matches!(target, MeterTarget::Nothing { .. }) {
        return Ok(None);
    }
    let (mut meter, _) = OutsideMeter::open_at(target, roots)?;
    meter.list_members()?;
    let totals = meter.processes.read(&meter.members, &mut meter.buffer);
    Ok((totals.processes > 0).then(|| nanoseconds_of_ticks(totals.ticks)))
}
