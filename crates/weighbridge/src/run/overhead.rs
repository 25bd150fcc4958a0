//! What an environment costs the host in memory beyond what its workload uses: for a virtual
//! machine its kernel, its image and the hypervisor; for a container the process that watches
//! over it; for a process of the host nothing.

use std::fs;
use std::path::Path;

use weighbridge_experiment::{
    AbsenceKind, BenchmarkOutcome, BenchmarkRow, BenchmarkUnit, EnvironmentKind, Instrument,
    Measured, Quantity, Resource, Sample, TrialMeasurement,
};

const MODE: &str = "host memory beyond the workload's";

/// The row of one trial, taken while the instance still stands.
pub(crate) fn row(resource: &Resource, measured: &TrialMeasurement) -> BenchmarkRow {
    let beside = match resource.kind {
        EnvironmentKind::Container => anonymous_of_processes_in(&resource.directory),
        _ => 0,
    };
    let instrument = match resource.kind {
        EnvironmentKind::Container => {
            "highest VmRSS of the instance's processes on this host less the agent's own, and RssAnon of its monitor"
        }
        EnvironmentKind::Docker => {
            "highest VmRSS of the instance's processes on this host less the agent's own; what the daemon uses is not counted"
        }
        _ => "highest VmRSS of the instance's processes on this host less the agent's own",
    };
    let missing = |reason: String| {
        let instrument = instrument.to_owned();
        BenchmarkRow::missing(MODE.to_owned(), instrument, AbsenceKind::Failed, reason)
    };
    if let Instrument::Missing(reason) = &measured.instruments.memory {
        return missing(reason.clone());
    }
    let (Some(outside), Some(inside)) = (highest(&measured.outside), highest(&measured.inside))
    else {
        return missing("memory was not read on both sides".to_owned());
    };
    // Both sides are read ten times a second and not at the same moments.
    let bytes = outside.saturating_sub(inside) + beside;
    BenchmarkRow {
        mode: MODE.to_owned(),
        instrument: instrument.to_owned(),
        labels: Vec::new(),
        outcome: BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity {
                unit: BenchmarkUnit::Megabytes,
                value: bytes as f64 / 1e6,
            }],
            operations: measured.outside.len() as u64,
            seconds: measured.total_nanoseconds as f64 / 1e9,
            latency_nanoseconds: Vec::new(),
        }),
    }
}

fn highest(samples: &[Sample]) -> Option<u64> {
    samples.iter().filter_map(|sample| sample.usage.memory_resident_bytes).max()
}

/// Memory that processes working in a directory share with nobody: the monitor of a container
/// does, and its executable's pages are this command's as well.
fn anonymous_of_processes_in(directory: &Path) -> u64 {
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.into());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let there = processes.filter(|process| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|at| at == directory)
    });
    there
        .filter_map(|process| anonymous(&fs::read_to_string(process.path().join("status")).ok()?))
        .sum()
}

fn anonymous(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_monitor_is_what_it_shares_with_nobody() {
        assert_eq!(anonymous("VmRSS:\t 900 kB\nRssAnon:\t     120 kB\n"), Some(120 * 1024));
        assert_eq!(anonymous("Name:\tkthread\n"), None);
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(anonymous_of_processes_in(directory.path()), 0);
        let here = std::env::current_dir().expect("a directory");
        assert!(anonymous_of_processes_in(&here) > 0, "this test works here");
    }
}
