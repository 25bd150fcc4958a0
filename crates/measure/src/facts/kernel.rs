use rustix::time::{ClockId, clock_getres};

use super::reader::{Found, Reader};

/// Words of the kernel's command line that change timing. The others may hold secrets and
/// are not read out.
const ISOLATION: [&str; 9] = [
    "isolcpus",
    "nohz",
    "nohz_full",
    "rcu_nocbs",
    "mitigations",
    "idle",
    "processor.max_cstate",
    "intel_idle.max_cstate",
    "preempt",
];

pub(super) fn read(reader: &mut Reader<'_>) {
    let names = rustix::system::uname();
    let text = |name: &std::ffi::CStr| Ok(name.to_string_lossy().into_owned());
    reader.add("kernel_release", "uname", text(names.release()));
    reader.add("kernel_version", "uname", text(names.version()));
    reader.add("architecture", "uname", text(names.machine()));
    let system = system_name(reader);
    reader.add("operating_system", "/etc/os-release", system);
    let isolation = reader.text("/proc/cmdline").map(|line| isolation(&line));
    reader.add("kernel_isolation_options", "/proc/cmdline, words of timing only", isolation);
    const ISOLATED: &str = "/sys/devices/system/cpu/isolated";
    let isolated = reader.text(ISOLATED);
    let isolated =
        isolated.map(|list| if list.trim().is_empty() { "none".to_owned() } else { list });
    reader.add("cpu_isolated", ISOLATED, isolated);
    const CLOCK: &str = "/sys/devices/system/clocksource/clocksource0";
    reader.add_file("clock_source", &format!("{CLOCK}/current_clocksource"));
    reader.add_file("clock_sources_available", &format!("{CLOCK}/available_clocksource"));
    let resolution = clock_getres(ClockId::Monotonic);
    reader.add(
        "clock_resolution_nanoseconds",
        "clock_getres CLOCK_MONOTONIC",
        Ok(format!("{}", resolution.tv_sec * 1_000_000_000 + resolution.tv_nsec)),
    );
    reader.add(
        "clock_ticks_per_second",
        "sysconf _SC_CLK_TCK",
        Ok(rustix::param::clock_ticks_per_second().to_string()),
    );
    reader.add_file("scheduler_autogroup", "/proc/sys/kernel/sched_autogroup_enabled");
    reader.add_file(
        "scheduler_bandwidth_slice_microseconds",
        "/proc/sys/kernel/sched_cfs_bandwidth_slice_us",
    );
    reader.add_file("address_space_randomisation", "/proc/sys/kernel/randomize_va_space");
    let uptime = reader
        .text("/proc/uptime")
        .map(|text| text.split_ascii_whitespace().next().unwrap_or_default().to_owned());
    reader.add("uptime_seconds", "/proc/uptime", uptime);
    let load = reader
        .text("/proc/loadavg")
        .map(|text| text.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" "));
    reader.add("load_average_1_5_15_minutes", "/proc/loadavg", load);
    let steal = reader.text("/proc/stat").and_then(|text| steal_seconds(&text));
    reader.add("steal_since_boot_seconds", "/proc/stat", steal);
}

fn system_name(reader: &Reader<'_>) -> Found {
    let text = reader.text("/etc/os-release")?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map(|name| name.trim_matches('"').to_owned())
        .ok_or_else(|| "no `PRETTY_NAME` in /etc/os-release".to_owned())
}

fn isolation(line: &str) -> String {
    let words = line
        .split_ascii_whitespace()
        .filter(|word| ISOLATION.contains(&word.split('=').next().unwrap_or_default()));
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn steal_seconds(text: &str) -> Found {
    let ticks = text.lines().find_map(|line| {
        line.strip_prefix("cpu ")?.split_ascii_whitespace().nth(7)?.parse::<u64>().ok()
    });
    let ticks = ticks.ok_or("no steal time in /proc/stat")?;
    Ok(format!("{}", ticks as f64 / rustix::param::clock_ticks_per_second().max(1) as f64))
}
