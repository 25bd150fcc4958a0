//! The first process of a guest: it makes the kernel ready for the agent, starts it, and ends
//! the guest with it.
//!
//! It loads modules, mounts what the agent reads, names the ports, brings up the network,
//! takes files from the host, collects every child that ends, and tells the host how the
//! agent ended. After the agent's start it sleeps, but for a look for files a few times a
//! second. Does not know what the agent does.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, WaitOptions, wait};
use rustix::system::{RebootCommand, finit_module, reboot};
use rustix::time::{ClockId, clock_gettime};
use weighbridge_experiment::{Ended, GuestStamps};

use super::{
    AGENT, AGENT_PORT, AGENT_VSOCK_PORT, Channel, DISK, ENDED_MARK, ENDED_PORT, FILES_PORT,
    FILES_VSOCK_PORT, GuestLaunch, MODULES, PORTS, Place, RUN, STDERR_PORT, files, network, vsock,
};
use crate::host_process::AGENT_ENVIRONMENT;

/// Devices appear a moment after their module was loaded.
const DEVICES_WITHIN: Duration = Duration::from_secs(10);
const DEVICES_PAUSE: Duration = Duration::from_millis(1);
/// Whoever started the guest sends its libraries at once, or is gone.
const LIBRARIES_WITHIN: Duration = Duration::from_secs(120);
const DISK_DEVICE: &str = "/dev/vda";

/// Whether this process is the first one of a guest: the kernel calls it by the name of the
/// archive's link.
#[must_use]
pub fn is_guest_init() -> bool {
    std::process::id() == 1 && std::env::args_os().next().is_some_and(|name| name == "/init")
}

/// Plays the first process of a guest, to the guest's end.
pub fn guest_init() {
    if let Err(reason) = run() {
        // The console is the only place left where this is read.
        let _ = writeln!(io::stderr(), "weighbridge guest: {reason}");
    }
    rustix::fs::sync();
    // The host has been told to take a restart for the end.
    let _ = reboot(RebootCommand::Restart);
}

fn failed<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |error| format!("cannot {what}: {error}")
}

fn run() -> Result<(), String> {
    let began = boot_clock();
    mount_kernel_file_systems()?;
    let line = fs::read_to_string("/proc/cmdline").map_err(failed("read /proc/cmdline"))?;
    let launch = GuestLaunch::from_command_line(&line)?;
    load_modules(&launch)?;
    let channel = Opened::channel(&launch)?;
    if let Err(error) = network::bring_up(launch.network.as_ref()) {
        // What needs no network works without.
        let _ = writeln!(io::stderr(), "weighbridge guest: no network: {error}");
    }
    if launch.disk {
        mount_disk()?;
    }
    let libraries = take_files(channel.files);
    wait_for_libraries(&libraries, launch.libraries)?;
    leave_stamps(began);
    let agent = start_agent(&launch, channel.agent)?;
    let ended = wait_for(agent);
    tell(launch.channel, &ended);
    Ok(())
}

/// Nanoseconds since the kernel began.
fn boot_clock() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The agent tells the host of them.
fn leave_stamps(began: u64) {
    let stamps =
        GuestStamps { init_began_nanoseconds: began, agent_started_nanoseconds: boot_clock() };
    let text = serde_json::to_vec(&stamps).unwrap_or_default();
    // Without them a phase is missing, nothing else.
    let _ = fs::write(Path::new(RUN).join(GuestStamps::FILE), text);
}

/// What host and guest talk over, ready to be used.
struct Opened {
    /// `None` where it is a port, which the agent opens itself.
    agent: Option<OwnedFd>,
    files: Option<OwnedFd>,
}

impl Opened {
    fn channel(launch: &GuestLaunch) -> Result<Self, String> {
        match launch.channel {
            Channel::Ports => {
                name_ports()?;
                Ok(Self { agent: None, files: None })
            }
            Channel::Vsock => {
                let listen = |port| {
                    vsock::listen(port).map_err(failed(format!("listen on vsock port {port}")))
                };
                Ok(Self {
                    agent: Some(listen(AGENT_VSOCK_PORT)?),
                    files: Some(listen(FILES_VSOCK_PORT)?),
                })
            }
        }
    }
}

fn mount_kernel_file_systems() -> Result<(), String> {
    let mounts = [
        ("devtmpfs", "/dev", MountFlags::NOSUID),
        ("proc", "/proc", MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV),
        ("sysfs", "/sys", MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV),
    ];
    for (kind, target, flags) in mounts {
        match mount(kind, target, kind, flags, None) {
            // Some kernels mount the devices themselves.
            Ok(()) | Err(rustix::io::Errno::BUSY) => {}
            Err(error) => return Err(format!("cannot mount {target}: {error}")),
        }
    }
    Ok(())
}

fn load_modules(launch: &GuestLaunch) -> Result<(), String> {
    let mut paths: Vec<PathBuf> = fs::read_dir(MODULES)
        .map_err(failed(format!("read {MODULES}")))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    for path in paths.into_iter().filter(|path| launch.needs(module_name(path))) {
        let file = File::open(&path).map_err(failed(format!("open {}", path.display())))?;
        match finit_module(&file, c"", 0) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            // One for hardware that is not there; what is missing shows soon.
            Err(error) => {
                let _ = writeln!(io::stderr(), "weighbridge guest: {}: {error}", path.display());
            }
        }
    }
    Ok(())
}

/// The name behind the number in `NUMBER-NAME.ko`.
fn module_name(path: &Path) -> &str {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem.split_once('-').map_or(stem, |(_, name)| name)
}

/// Makes a link by its name to each port, as a full user space would do.
fn name_ports() -> Result<(), String> {
    fs::create_dir_all(PORTS).map_err(failed(format!("create {PORTS}")))?;
    let wanted = [AGENT_PORT, FILES_PORT, STDERR_PORT, ENDED_PORT];
    let began = Instant::now();
    let mut named = Vec::new();
    while named.len() < wanted.len() {
        let entries = fs::read_dir("/sys/class/virtio-ports").into_iter().flatten().flatten();
        for entry in entries {
            let device = Path::new("/dev").join(entry.file_name());
            let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            let Some(name) = wanted.iter().find(|wanted| **wanted == name.trim()) else { continue };
            if !named.contains(name) && device.exists() {
                let link = Path::new(PORTS).join(name);
                std::os::unix::fs::symlink(&device, &link)
                    .map_err(failed(format!("link {}", link.display())))?;
                named.push(name);
            }
        }
        if began.elapsed() > DEVICES_WITHIN {
            return Err(format!(
                "of the ports {wanted:?} only {named:?} appeared within {} s",
                DEVICES_WITHIN.as_secs()
            ));
        }
        if named.len() < wanted.len() {
            thread::sleep(DEVICES_PAUSE);
        }
    }
    Ok(())
}

fn mount_disk() -> Result<(), String> {
    let began = Instant::now();
    while !Path::new(DISK_DEVICE).exists() {
        if began.elapsed() > DEVICES_WITHIN {
            return Err(format!("{DISK_DEVICE} did not appear"));
        }
        thread::sleep(DEVICES_PAUSE);
    }
    fs::create_dir_all(DISK).map_err(failed(format!("create {DISK}")))?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    mount(DISK_DEVICE, DISK, "ext4", flags, None).map_err(failed(format!("mount {DISK_DEVICE}")))
}

/// Takes files from the host on a thread of its own; tells of each library.
fn take_files(listener: Option<OwnedFd>) -> Receiver<()> {
    let (told, libraries) = channel();
    thread::spawn(move || {
        let received = |place| {
            if place == Place::Library {
                // Nobody counts them any more once the agent runs.
                let _ = told.send(());
            }
        };
        let over = match &listener {
            Some(listener) => files::receive_from_clients(listener, received),
            None => files::receive(&Path::new(PORTS).join(FILES_PORT), received),
        };
        if let Err(error) = over {
            let _ = writeln!(io::stderr(), "weighbridge guest: no more files: {error}");
        }
    });
    libraries
}

fn wait_for_libraries(libraries: &Receiver<()>, count: usize) -> Result<(), String> {
    for number in 0..count {
        libraries.recv_timeout(LIBRARIES_WITHIN).map_err(|_| {
            let seconds = LIBRARIES_WITHIN.as_secs();
            format!("{number} of {count} libraries came within {seconds} s")
        })?;
    }
    Ok(())
}

fn start_agent(launch: &GuestLaunch, listener: Option<OwnedFd>) -> Result<Pid, String> {
    let stderr = match launch.channel {
        Channel::Vsock => Stdio::inherit(),
        Channel::Ports => {
            let port = Path::new(PORTS).join(STDERR_PORT);
            let opened = File::options().write(true).open(&port);
            opened.map_err(failed(format!("open {}", port.display())))?.into()
        }
    };
    let mut arguments = launch.arguments.clone();
    if launch.serves {
        arguments.extend(match launch.channel {
            Channel::Vsock => vec!["--listening-stdin".to_owned()],
            Channel::Ports => vec!["--device".to_owned(), format!("{PORTS}/{AGENT_PORT}")],
        });
    }
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let child = Command::new(AGENT)
        .args(&arguments)
        .current_dir(RUN)
        .env_clear()
        .envs(AGENT_ENVIRONMENT)
        .stdin(listener.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::null())
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map_err(failed(format!("start {AGENT}")))?;
    Ok(Pid::from_child(&child))
}

/// Collects every child that ends, until the agent does.
fn wait_for(agent: Pid) -> Ended {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == agent => {
                return Ended {
                    exit_code: status.exit_status(),
                    signal: status.terminating_signal(),
                    oom_kills: oom_kills(&fs::read_to_string("/proc/vmstat").unwrap_or_default()),
                    last_words: String::new(),
                };
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Ended::default(),
        }
    }
}

/// Processes that the guest's kernel killed for want of memory.
fn oom_kills(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// The host keeps what is written to the port, and to the console.
fn tell(channel: Channel, ended: &Ended) {
    let written = serde_json::to_string(ended).map_err(io::Error::from).and_then(|text| {
        if channel == Channel::Vsock {
            return writeln!(io::stderr(), "{ENDED_MARK}{text}");
        }
        let mut port = File::options().write(true).open(Path::new(PORTS).join(ENDED_PORT))?;
        port.write_all(text.as_bytes())
    });
    if let Err(error) = written {
        let _ = writeln!(io::stderr(), "weighbridge guest: cannot tell how it ended: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kills_for_memory_are_read_where_the_kernel_counts_them() {
        assert_eq!(oom_kills("pgfault 7\noom_kill 2\noom_killer 9\n"), Some(2));
        assert_eq!(oom_kills("pgfault 7\n"), None);
    }

    #[test]
    fn a_module_is_known_without_its_number() {
        assert_eq!(module_name(Path::new("/modules/07-virtio_net.ko")), "virtio_net");
        assert_eq!(module_name(Path::new("odd")), "odd");
    }

    #[test]
    fn this_test_is_no_guest() {
        assert!(!is_guest_init());
    }
}
