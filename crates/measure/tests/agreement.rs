//! Independent instruments of processor time agree, on real processes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use weighbridge_experiment::MeterTarget;
use weighbridge_measure::{Meter, OutsideMeter, OwnProcessMeter, Sampler, process_cpu_nanoseconds};

const TICK_NANOSECONDS: u64 = 10_000_000;

/// A shell that burns one core, in a cgroup of its own; both go when this is dropped.
struct Burner {
    child: Child,
    directory: PathBuf,
    path: String,
}

impl Burner {
    /// `None` where cgroups are not permitted.
    fn start() -> Option<Self> {
        let path = format!("weighbridge-test-{}", std::process::id());
        let root = PathBuf::from("/sys/fs/cgroup");
        let mount = ["cpuacct", "cpu,cpuacct"]
            .iter()
            .map(|name| root.join(name))
            .find(|mount| mount.exists());
        let directory = mount.unwrap_or(root).join(&path);
        fs::create_dir(&directory).ok()?;
        let script =
            format!("echo $$ > {}/cgroup.procs && while :; do :; done", directory.display());
        let child = Command::new("/bin/sh")
            .args(["-c", &script])
            .stdin(Stdio::null())
            .spawn()
            .expect("a shell");
        Some(Self { child, directory, path })
    }

    fn target(&self) -> MeterTarget {
        MeterTarget::Cgroup { path: self.path.clone(), process: self.child.id() }
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited");
        // The kernel takes a moment to empty the cgroup.
        for _ in 0..200 {
            if fs::remove_dir(&self.directory).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[allow(clippy::print_stderr, reason = "what is left out must be seen")]
fn left_out(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "left out under CI: {what}");
    eprintln!("left out: {what}");
}

fn assert_near(one: u64, other: u64, ticks: u64) {
    let allowed = ticks * TICK_NANOSECONDS + one / 100;
    assert!(
        one.abs_diff(other) <= allowed,
        "{one} ns and {other} ns differ by more than {allowed} ns"
    );
}

#[test]
fn the_counter_of_a_cgroup_and_the_ticks_of_its_processes_agree() {
    let Some(burner) = Burner::start() else {
        return left_out("no permission to create a cgroup");
    };
    let target = burner.target();
    // The shell enters the cgroup by itself: until then there is nothing to compare.
    while process_cpu_nanoseconds(&target).expect("readable").is_none_or(|cpu| cpu < 200_000_000) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (mut meter, instruments) = OutsideMeter::open(&target).expect("opened");
    assert!(instruments.cpu.line().contains("cgroup v"), "{instruments:?}");
    assert!(instruments.network.line().contains("shares the host's"), "{instruments:?}");
    let first = meter.read().expect("read").cpu_nanoseconds.expect("counted");
    let first_ticks = process_cpu_nanoseconds(&target).expect("read").expect("there");
    let mut usage = meter.read().expect("read");
    while usage.cpu_nanoseconds.expect("counted") < first + 1_000_000_000 {
        std::thread::sleep(Duration::from_millis(20));
        usage = meter.read().expect("read");
    }
    let last_ticks = process_cpu_nanoseconds(&target).expect("read").expect("there");
    assert_near(usage.cpu_nanoseconds.expect("counted") - first, last_ticks - first_ticks, 3);
    let resident = usage.memory_resident_bytes.expect("read");
    assert!(resident > 100_000 && usage.memory_peak_bytes.expect("read") >= resident, "{usage:?}");

    let mut burner = burner;
    burner.child.kill().expect("killed");
    burner.child.wait().expect("waited");
    let after = meter.read().expect("the cgroup outlives its processes");
    assert!(after.cpu_nanoseconds >= usage.cpu_nanoseconds);
    assert_eq!(after.memory_resident_bytes, None, "no process, no memory: missing, not 0");
}

#[test]
fn getrusage_and_the_ticks_of_the_own_process_agree() {
    let target =
        MeterTarget::ProcessTree { process: std::process::id(), reason: "a test".to_owned() };
    let (mut own, _) = OwnProcessMeter::open();
    let (mut outside, instruments) = OutsideMeter::open(&target).expect("opened");
    assert!(instruments.cpu.line().contains("no cgroup: a test"), "{instruments:?}");
    let start = own.usage().cpu_nanoseconds.expect("read");
    let mut sum = 0_u64;
    while own.usage().cpu_nanoseconds.expect("read") < start + 500_000_000 {
        for number in 0..100_000_u64 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(number));
        }
    }
    // Children of the other test that were waited for count in the ticks: compare from here.
    let (by_rusage, by_ticks) = (own.usage(), outside.read().expect("read"));
    let rusage = by_rusage.cpu_nanoseconds.expect("read");
    assert!(
        by_ticks.cpu_nanoseconds.expect("read") + 3 * TICK_NANOSECONDS + rusage / 100 >= rusage
    );
    assert_eq!(by_rusage.memory_resident_bytes.is_some(), by_ticks.memory_resident_bytes.is_some());
}

#[test]
fn ten_samples_a_second_cost_less_than_half_a_per_cent_of_a_core() {
    let target =
        MeterTarget::ProcessTree { process: std::process::id(), reason: "a test".to_owned() };
    let (meter, _) = OutsideMeter::open(&target).expect("opened");
    let sampler = Sampler::start(meter, Duration::from_millis(5), std::time::Instant::now())
        .expect("started");
    std::thread::sleep(Duration::from_millis(500));
    let cost = sampler.stop().expect("stopped").cost;
    let each = cost.cpu_nanoseconds / u64::from(cost.samples);
    eprintln!("{each} ns of processor time for each of {} samples", cost.samples);
    assert!(
        each < 500_000,
        "{each} ns of processor time for each sample; 10 Hz × 0.5 ms is 0.5 % of a core"
    );
}

#[test]
fn a_target_with_nothing_to_read_gives_missing_counters_with_the_reason() {
    let target = MeterTarget::Nothing { reason: "simulated".to_owned() };
    let (mut meter, instruments) = OutsideMeter::open(&target).expect("opened");
    assert_eq!(meter.read().expect("read"), weighbridge_experiment::Usage::default());
    assert_eq!(instruments.cpu.line(), "missing: simulated");
    assert_eq!(process_cpu_nanoseconds(&target).expect("read"), None);
}

#[test]
fn a_process_that_is_not_there_is_an_error_that_names_it() {
    let target = MeterTarget::ProcessTree { process: 4_194_305, reason: "a test".to_owned() };
    let message = OutsideMeter::open(&target).expect_err("beyond the largest process").to_string();
    assert!(message.contains("/proc/4194305/stat"), "{message}");
}
