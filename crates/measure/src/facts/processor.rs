use std::collections::BTreeSet;

use super::reader::{Found, Reader, field, text_of};

const CPUINFO: &str = "/proc/cpuinfo";
const CPU: &str = "/sys/devices/system/cpu";

/// Instruction sets on which the speed of inference depends, as x86 and Arm name them.
const INSTRUCTION_SETS: [&str; 17] = [
    "sse4_2",
    "avx",
    "avx2",
    "avx_vnni",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "fma",
    "f16c",
    "amx_tile",
    "asimd",
    "asimddp",
    "sve",
    "i8mm",
];

pub(super) fn read(reader: &mut Reader<'_>) {
    let cpuinfo = reader.text(CPUINFO);
    for (name, key) in [
        ("cpu_vendor", "vendor_id"),
        ("cpu_model", "model name"),
        ("cpu_family", "cpu family"),
        ("cpu_model_number", "model"),
        ("cpu_stepping", "stepping"),
        ("cpu_microcode", "microcode"),
    ] {
        reader.add(name, CPUINFO, of_cpuinfo(&cpuinfo, key));
    }
    reader.add("cpu_instruction_sets", CPUINFO, instruction_sets(&cpuinfo));
    topology(reader, &cpuinfo);
    frequency(reader, &cpuinfo);
    caches(reader);
    let mitigations = mitigations(reader);
    reader.add("cpu_mitigations", "/sys/devices/system/cpu/vulnerabilities", mitigations);
}

fn of_cpuinfo(cpuinfo: &Found, key: &str) -> Found {
    let text = text_of(cpuinfo)?;
    field(text, key)
        .map(str::to_owned)
        .ok_or_else(|| format!("no `{key}` in {CPUINFO}; this architecture does not print it"))
}

fn instruction_sets(cpuinfo: &Found) -> Found {
    let flags = of_cpuinfo(cpuinfo, "flags").or_else(|_| of_cpuinfo(cpuinfo, "Features"))?;
    let flags: BTreeSet<&str> = flags.split_ascii_whitespace().collect();
    let found: Vec<&str> =
        INSTRUCTION_SETS.into_iter().filter(|name| flags.contains(name)).collect();
    Ok(if found.is_empty() { "none of those looked for".to_owned() } else { found.join(" ") })
}

fn topology(reader: &mut Reader<'_>, cpuinfo: &Found) {
    let logical = text_of(cpuinfo).and_then(|text| {
        let count = text
            .lines()
            .filter(|line| line.split(':').next().is_some_and(|key| key.trim() == "processor"))
            .count();
        if count > 0 { Ok(count) } else { Err(format!("no `processor` in {CPUINFO}")) }
    });
    let physical = text_of(cpuinfo).and_then(|text| {
        let cores: BTreeSet<(&str, &str)> = text
            .split("\n\n")
            .filter_map(|block| Some((field(block, "physical id")?, field(block, "core id")?)))
            .collect();
        if cores.is_empty() { Err(format!("no `core id` in {CPUINFO}")) } else { Ok(cores.len()) }
    });
    let per_core = match (&logical, &physical) {
        (Ok(logical), Ok(physical)) => Ok(format!("{}", *logical as f64 / *physical as f64)),
        (Err(reason), _) | (_, Err(reason)) => Err(reason.clone()),
    };
    reader.add("cpu_logical_count", CPUINFO, logical.map(|count| count.to_string()));
    reader.add("cpu_physical_cores", CPUINFO, physical.map(|count| count.to_string()));
    reader.add("cpu_threads_per_core", CPUINFO, per_core);
    reader.add_file("cpu_online", "/sys/devices/system/cpu/online");
    reader.add_file("cpu_smt", "/sys/devices/system/cpu/smt/control");
    let usable = std::thread::available_parallelism();
    let usable = usable.map(|count| count.to_string()).map_err(|error| error.to_string());
    reader.add("cpu_usable_by_this_process", "sched_getaffinity and the cgroup's quota", usable);
}

fn frequency(reader: &mut Reader<'_>, cpuinfo: &Found) {
    let now = text_of(cpuinfo).and_then(|text| {
        let each = text.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "cpu MHz").then(|| value.trim().parse::<f64>().ok())?
        });
        let (low, high) =
            each.fold((f64::INFINITY, 0.0_f64), |(low, high), mhz| (low.min(mhz), high.max(mhz)));
        if high > 0.0 {
            Ok(format!("{low} to {high}"))
        } else {
            Err(format!("no `cpu MHz` in {CPUINFO}"))
        }
    });
    reader.add("cpu_mhz_now", CPUINFO, now);
    for (name, path) in [
        ("cpu_base_mhz", "/sys/devices/system/cpu/cpu0/cpufreq/base_frequency"),
        ("cpu_minimum_mhz", "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq"),
        ("cpu_maximum_mhz", "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"),
    ] {
        let megahertz = reader.text(path).and_then(|text| {
            let kilohertz: u64 =
                text.trim().parse().map_err(|_| format!("{path} is not a number"))?;
            Ok((kilohertz / 1000).to_string())
        });
        reader.add(name, path, megahertz);
    }
    reader.add_file("cpu_scaling_driver", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver");
    reader
        .add_file("cpu_scaling_governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let turbo = turbo(reader);
    reader.add("cpu_turbo", "/sys/devices/system/cpu/{intel_pstate/no_turbo,cpufreq/boost}", turbo);
    reader.add_file("cpu_idle_driver", "/sys/devices/system/cpu/cpuidle/current_driver");
}

fn turbo(reader: &Reader<'_>) -> Found {
    let on = |on: bool| Ok(if on { "on" } else { "off" }.to_owned());
    if let Ok(text) = reader.text(&format!("{CPU}/intel_pstate/no_turbo")) {
        return on(text.trim() == "0");
    }
    reader.text(&format!("{CPU}/cpufreq/boost")).and_then(|text| on(text.trim() == "1"))
}

fn caches(reader: &mut Reader<'_>) {
    for (name, level, kind) in [
        ("cpu_cache_l1_data", "1", "Data"),
        ("cpu_cache_l1_instruction", "1", "Instruction"),
        ("cpu_cache_l2", "2", "Unified"),
        ("cpu_cache_l3", "3", "Unified"),
    ] {
        let found = cache(reader, level, kind);
        reader.add(name, "/sys/devices/system/cpu/cpu0/cache", found);
    }
}

fn cache(reader: &Reader<'_>, level: &str, kind: &str) -> Found {
    let base = format!("{CPU}/cpu0/cache");
    for index in reader.names(&base)?.iter().filter(|name| name.starts_with("index")) {
        let of = |file: &str| {
            reader.text(&format!("{base}/{index}/{file}")).map(|text| text.trim().to_owned())
        };
        if of("level").as_deref() == Ok(level) && of("type").as_deref() == Ok(kind) {
            let shared = of("shared_cpu_list")
                .map(|list| format!(", shared by CPUs {list}"))
                .unwrap_or_default();
            return of("size").map(|size| size + &shared);
        }
    }
    Err(format!("no such cache in {base}"))
}

fn mitigations(reader: &Reader<'_>) -> Found {
    let base = format!("{CPU}/vulnerabilities");
    let each: Vec<String> = reader
        .names(&base)?
        .iter()
        .filter_map(|name| {
            Some(format!("{name}: {}", reader.text(&format!("{base}/{name}")).ok()?.trim()))
        })
        .collect();
    Ok(each.join("; "))
}
