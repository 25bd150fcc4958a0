//! The command line of QEMU for one guest, as a pure function of what was decided.
//!
//! Every path of the instance is relative to its `run` directory, in which QEMU is started: a
//! socket's path may have 107 bytes at most.

use std::path::Path;

use weighbridge_experiment::{DiskCache, QemuMachine};

use crate::guest::{AGENT_PORT, ENDED_PORT, FILES_PORT, STDERR_PORT};

/// The socket of QEMU's machine protocol, in `run`.
pub(super) const QMP_SOCKET: &str = "qmp.sock";
/// The socket behind which files go into the guest, in `run`.
pub(super) const FILES_SOCKET: &str = "files.sock";

/// Everything that QEMU can emulate, but for fast copying of strings of bytes: that is one
/// instruction which it emulates byte by byte, and by which a kernel would do all its copying.
const EMULATED_PROCESSOR: &str = "max,-erms,-fsrm";

/// Everything that one command line says.
pub(super) struct CommandLine<'a> {
    pub(super) name: &'a str,
    pub(super) machine: QemuMachine,
    pub(super) kvm: bool,
    pub(super) processors: u32,
    pub(super) memory_mebibytes: u64,
    pub(super) kernel: &'a Path,
    pub(super) image: &'a Path,
    /// For the guest's first process.
    pub(super) launch_parameter: &'a str,
    /// Frequency of the host's time stamp counter, which an emulated guest shares.
    pub(super) tsc_kilohertz: Option<u64>,
    /// Ports of the host's loopback, and of the guest, to which they lead.
    pub(super) forwards: &'a [(u16, u16)],
    pub(super) disk: Option<DiskCache>,
}

impl CommandLine<'_> {
    /// The arguments, without the name of the program.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |words: &[&str]| arguments.extend(words.iter().map(ToString::to_string));
        // Nothing but what is named here, and nothing of the user's or the distribution's
        // configuration.
        add(&["-nodefaults", "-no-user-config", "-display", "none"]);
        // A guest that restarts has ended: so does its kernel after a panic, too.
        add(&["-no-reboot"]);
        add(&["-name", self.name, "-machine", self.machine_words()]);
        let (accelerator, processor) =
            if self.kvm { ("kvm", "host") } else { ("tcg,thread=multi", EMULATED_PROCESSOR) };
        add(&["-accel", accelerator, "-cpu", processor]);
        add(&["-smp", &self.processors.to_string(), "-m", &self.memory_mebibytes.to_string()]);
        add(&["-kernel", &self.kernel.to_string_lossy()]);
        add(&["-initrd", &self.image.to_string_lossy(), "-append", &self.kernel_line()]);
        add(&["-chardev", "file,id=console,path=../console.log", "-serial", "chardev:console"]);
        add(&["-chardev", &socket("qmp", QMP_SOCKET), "-mon", "chardev=qmp,mode=control"]);
        add(&["-device", &self.device("virtio-serial")]);
        let ports = [
            ("agent", AGENT_PORT, socket("agent", "agent.sock")),
            ("files", FILES_PORT, socket("files", FILES_SOCKET)),
            ("stderr", STDERR_PORT, "file,id=stderr,path=../stderr.log".to_owned()),
            ("ended", ENDED_PORT, "file,id=ended,path=../ended.json".to_owned()),
        ];
        for (id, name, backend) in ports {
            add(&["-chardev", &backend]);
            add(&["-device", &format!("virtserialport,chardev={id},name={name}")]);
        }
        let mut network = "user,id=network".to_owned();
        for (host, guest) in self.forwards {
            network.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
        }
        // Nothing is booted from the network, so its firmware is not needed.
        let firmware = if self.machine == QemuMachine::Q35 { ",romfile=" } else { "" };
        let card = format!("{},netdev=network{firmware}", self.device("virtio-net"));
        add(&["-netdev", &network, "-device", &card]);
        if let Some(cache) = self.disk {
            let cache = cache.as_str();
            let drive = format!("if=none,id=disk,format=raw,file=../disk.img,cache={cache}");
            add(&["-drive", &drive]);
            add(&["-device", &format!("{},drive=disk", self.device("virtio-blk"))]);
        }
        arguments
    }

    const fn machine_words(&self) -> &'static str {
        match self.machine {
            QemuMachine::Q35 => "q35",
            // By ACPI the kernels of distributions find its devices; they do not look for them
            // on their command line. The old timer is the only one that an emulated one has.
            QemuMachine::Microvm => "microvm,acpi=on,pit=on,pic=on,rtc=on",
        }
    }

    fn device(&self, family: &str) -> String {
        let bus = match self.machine {
            QemuMachine::Q35 => "pci",
            QemuMachine::Microvm => "device",
        };
        format!("{family}-{bus}")
    }

    /// What the kernel is told. It ends on a panic, which ends QEMU. Its tests of its own
    /// cryptography take an emulated processor half a second and change nothing afterwards;
    /// without a random place for the kernel each start is like the other; its test of
    /// the timer fails, and ends it, where a busy host lets an emulated processor wait.
    fn kernel_line(&self) -> String {
        let mut words = vec![
            "console=ttyS0 quiet panic=-1 reboot=t nokaslr no_timer_check cryptomgr.notests"
                .to_owned(),
        ];
        // An emulated counter runs at the host's speed, and the guest's own measurement of it
        // is wrong by up to a factor of three. Where the host is busy it would hold the counter
        // against its own late timer, find it wrong, and keep time by that timer from then on.
        if let Some(frequency) = self.tsc_kilohertz {
            words.push(format!("tsc_early_khz={frequency} tsc=reliable"));
        }
        words.push(self.launch_parameter.to_owned());
        words.join(" ")
    }
}

fn socket(id: &str, path: &str) -> String {
    format!("socket,id={id},path={path},server=on,wait=off")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(machine: QemuMachine, kvm: bool) -> String {
        let line = CommandLine {
            name: "run-1",
            machine,
            kvm,
            processors: 2,
            memory_mebibytes: 512,
            kernel: Path::new("/store/a,b/vmlinuz"),
            image: Path::new("/store/image.cpio"),
            launch_parameter: "weighbridge.launch=7b7d",
            tsc_kilohertz: (!kvm).then_some(2_596_000),
            forwards: &[(40_001, 8080)],
            disk: Some(DiskCache::None),
        };
        line.arguments().join(" ")
    }

    #[test]
    fn an_emulated_machine_is_told_its_counter_and_has_pci() {
        let line = example(QemuMachine::Q35, false);
        for part in [
            "-machine q35 -accel tcg,thread=multi -cpu max,-erms,-fsrm -smp 2 -m 512 ",
            "-kernel /store/a,b/vmlinuz ",
            " tsc_early_khz=2596000 tsc=reliable weighbridge.launch=7b7d ",
            "-device virtio-serial-pci ",
            "virtserialport,chardev=agent,name=weighbridge.agent",
            "hostfwd=tcp:127.0.0.1:40001-:8080",
            "virtio-net-pci,netdev=network,romfile=",
            "file=../disk.img,cache=none",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_small_machine_has_no_pci_and_kvm_keeps_its_own_time() {
        let line = example(QemuMachine::Microvm, true);
        assert!(line.contains("-accel kvm -cpu host"), "{line}");
        assert!(line.contains("microvm,acpi=on"), "{line}");
        assert!(line.contains("virtio-blk-device,drive=disk"), "{line}");
        assert!(!line.contains("pci") && !line.contains("tsc_early_khz"), "{line}");
    }
}
