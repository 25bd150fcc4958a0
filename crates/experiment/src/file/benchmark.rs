//! What a `[[workload]]` that is a system benchmark asks, checked, and written again.

use jiff::SignedDuration;

use super::asked::Problems;
use super::fileio::{FILEIO_THREADS, fileio};
use super::workload::application;
use super::written::WorkloadTable;
use crate::{
    ApplicationName, Benchmark, ByteSize, CpuBenchmark, DensityBenchmark, MemoryBenchmark,
    StartupBenchmark, TaskSpec, TransferBenchmark,
};

/// A benchmark runs for seconds whatever the speed, and its events are many: the fewest trials
/// that a verdict needs do.
pub(super) const DEFAULT_BENCHMARK_TRIALS: u32 = 6;
const SECONDS: (f64, f64) = (0.01, 3600.0);
const ARRAY_LEAST: u64 = 64 << 10;

/// Threads where none are given; `None` leaves them to the environment's CPUs.
pub(super) const fn default_threads(task: &TaskSpec) -> Option<u32> {
    match task {
        TaskSpec::Benchmark(Benchmark::Fileio(_)) => Some(FILEIO_THREADS),
        _ => None,
    }
}

/// The benchmark of this kind.
pub(super) fn check(
    path: &str,
    kind: &str,
    table: &WorkloadTable,
    problems: &mut Problems,
) -> Option<Benchmark> {
    let before = problems.0.len();
    seconds(path, table, problems);
    let benchmark = match kind {
        "cpu" => Benchmark::Cpu(cpu(path, table, problems)),
        "memory" => Benchmark::Memory(memory(path, table, problems)),
        "fileio" => Benchmark::Fileio(fileio(path, table, problems)),
        "startup" => {
            one_cold_start(path, table, problems);
            let application = started(path, table, problems);
            Benchmark::Startup(StartupBenchmark { application })
        }
        "transfer" => Benchmark::Transfer(transfer(path, table, problems)),
        "density" => {
            one_cold_start(path, table, problems);
            Benchmark::Density(density(path, table, problems))
        }
        _ => return None,
    };
    (problems.0.len() == before).then_some(benchmark)
}

fn seconds(path: &str, table: &WorkloadTable, problems: &mut Problems) {
    let (least, most) = SECONDS;
    if let Some(seconds) = table.seconds.filter(|seconds| !(least..=most).contains(seconds)) {
        problems.add(
            &format!("{path}.seconds"),
            format!("`seconds = {seconds}` is out of range"),
            format!("give a number from {least} to {most}"),
        );
    }
}

fn cpu(path: &str, table: &WorkloadTable, problems: &mut Problems) -> CpuBenchmark {
    let default = CpuBenchmark::default();
    let max_prime = table.max_prime.unwrap_or(default.max_prime);
    problems.within(path, "max_prime", max_prime, 3, 100_000_000);
    CpuBenchmark { max_prime, seconds: table.seconds.unwrap_or(default.seconds) }
}

fn memory(path: &str, table: &WorkloadTable, problems: &mut Problems) -> MemoryBenchmark {
    if let Some(array) = table.array {
        sized(path, "array", array, (ARRAY_LEAST, 1 << 40), problems);
    }
    let seconds = table.seconds.unwrap_or(MemoryBenchmark::default().seconds);
    MemoryBenchmark { array: table.array, seconds }
}

pub(super) fn sized(
    path: &str,
    key: &str,
    size: ByteSize,
    range: (u64, u64),
    problems: &mut Problems,
) {
    if !(range.0..=range.1).contains(&size.bytes()) {
        problems.add(
            &format!("{path}.{key}"),
            format!("`{key}` of {size} is out of range"),
            format!("give a size from {} to {}", ByteSize(range.0), ByteSize(range.1)),
        );
    }
}

/// What instances of `startup` and `density` load.
fn started(path: &str, table: &WorkloadTable, problems: &mut Problems) -> ApplicationName {
    let default = StartupBenchmark::default().application;
    let Some(name) = &table.application else { return default };
    application(name).unwrap_or_else(|problem| {
        problems.0.push(problem.under(&format!("{path}.application")));
        default
    })
}

/// A warm-up would be the first inference that is to be measured.
fn one_cold_start(path: &str, table: &WorkloadTable, problems: &mut Problems) {
    if table.warmup.is_some_and(|warmup| warmup > 0) {
        problems.add(
            &format!("{path}.warmup"),
            "a cold start has no warm-up".to_owned(),
            "remove the key",
        );
    }
}

fn transfer(path: &str, table: &WorkloadTable, problems: &mut Problems) -> TransferBenchmark {
    for (key, value, help) in [
        ("destination", &table.destination, "give the ssh server, such as \"user@192.0.2.7\""),
        (
            "known_hosts",
            &table.known_hosts,
            "give the file in which the server's key stands, as `ssh-keyscan HOST` prints it",
        ),
    ] {
        let missing = value.as_ref().is_none_or(|value| value.trim().is_empty());
        if missing {
            let message = format!("a workload of kind \"transfer\" needs `{key}`");
            problems.add(path, message, help);
        }
    }
    let destination = table.destination.clone().unwrap_or_default();
    if destination.starts_with('-')
        || destination.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        problems.add(
            &format!("{path}.destination"),
            format!("`{destination}` is no ssh server"),
            "write \"host\" or \"user@host\"",
        );
    }
    let files = table.file_count.unwrap_or(300);
    problems.within(path, "file_count", files, 1, 1_000_000);
    let file_size = table.file_size.unwrap_or(ByteSize(48_000));
    sized(path, "file_size", file_size, (1, 1 << 30), problems);
    TransferBenchmark {
        destination,
        port: table.port,
        identity: table.identity.clone(),
        known_hosts: table.known_hosts.clone().unwrap_or_default(),
        files,
        file_size,
    }
}

fn density(path: &str, table: &WorkloadTable, problems: &mut Problems) -> DensityBenchmark {
    let default = DensityBenchmark::default();
    let memory_reserve = table.memory_reserve.unwrap_or(default.memory_reserve);
    sized(path, "memory_reserve", memory_reserve, (64 << 20, 1 << 46), problems);
    let instances_max = table.instances_max.unwrap_or(default.instances_max);
    problems.within(path, "instances_max", instances_max, 1, 10_000);
    let limit = table.latency_limit.as_deref().map(|written| {
        let time = written.parse::<SignedDuration>().ok().map(|time| time.as_secs_f64());
        let time = time.filter(|seconds| (0.001..=60.0).contains(seconds));
        if time.is_none() {
            problems.add(
                &format!("{path}.latency_limit"),
                format!("`latency_limit = \"{written}\"` is not a time from 1ms to 60s"),
                "write a number and a unit, such as \"500ms\" or \"2s\"",
            );
        }
        time.unwrap_or(default.latency_limit_seconds)
    });
    DensityBenchmark {
        application: started(path, table, problems),
        memory_reserve,
        latency_limit_seconds: limit.unwrap_or(default.latency_limit_seconds),
        instances_max,
    }
}

/// The benchmark written into a table again.
pub(super) fn table(benchmark: &Benchmark, common: WorkloadTable) -> WorkloadTable {
    match benchmark {
        Benchmark::Cpu(cpu) => {
            WorkloadTable { max_prime: Some(cpu.max_prime), seconds: Some(cpu.seconds), ..common }
        }
        Benchmark::Memory(memory) => {
            WorkloadTable { array: memory.array, seconds: Some(memory.seconds), ..common }
        }
        Benchmark::Fileio(fileio) => WorkloadTable {
            modes: Some(fileio.modes.iter().map(ToString::to_string).collect()),
            block_sizes: Some(fileio.block_sizes.clone()),
            size: Some(fileio.size),
            direct: Some(fileio.direct),
            sync: Some(fileio.sync.to_string()),
            seconds: fileio.seconds,
            whole_size: fileio.seconds.is_none().then_some(true),
            tool: Some(fileio.tool.to_string()),
            ..common
        },
        Benchmark::Startup(startup) => {
            WorkloadTable { application: Some(startup.application.to_string()), ..common }
        }
        Benchmark::Transfer(transfer) => WorkloadTable {
            destination: Some(transfer.destination.clone()),
            port: transfer.port,
            identity: transfer.identity.clone(),
            known_hosts: Some(transfer.known_hosts.clone()),
            file_count: Some(transfer.files),
            file_size: Some(transfer.file_size),
            threads: None,
            ..common
        },
        Benchmark::Density(density) => WorkloadTable {
            application: Some(density.application.to_string()),
            memory_reserve: Some(density.memory_reserve),
            latency_limit: Some(format!("{}ms", density.latency_limit_seconds * 1e3)),
            instances_max: Some(density.instances_max),
            ..common
        },
    }
}

#[cfg(test)]
mod tests {
    use crate::file::{asked, parse};
    use crate::{Benchmark, ByteSize, FileioMode, TaskSpec};

    fn complaint(text: &str) -> String {
        parse(&format!("[[workload]]\n{text}"), "f").expect_err("wrong").to_string()
    }

    #[test]
    fn every_benchmark_is_read_and_written_again() {
        let text = "[[workload]]\nkind = \"cpu\"\nmax_prime = 500\nseconds = 0.5\nthreads = 3\n\
            [[workload]]\nkind = \"memory\"\narray = \"1MiB\"\n\
            [[workload]]\nkind = \"fileio\"\nmodes = [\"random-read\"]\nblock_sizes = [\"4KiB\"]\n\
            size = \"1MiB\"\ndirect = false\nsync = \"each\"\nwhole_size = true\ntool = \"fio\"\n";
        let text = format!(
            "{text}[[workload]]\nkind = \"startup\"\napplication = \"derain\"\n\
             [[workload]]\nkind = \"transfer\"\ndestination = \"me@192.0.2.1\"\n\
             known_hosts = \"known\"\nfile_count = 3\n\
             [[workload]]\nkind = \"density\"\nlatency_limit = \"250ms\"\n"
        );
        let experiment = parse(&text, "f").expect("valid");
        let tasks: Vec<_> = experiment.workloads.iter().map(|workload| &workload.task).collect();
        let TaskSpec::Benchmark(Benchmark::Fileio(fileio)) = tasks[2] else { panic!("{tasks:?}") };
        assert_eq!(
            (fileio.modes.as_slice(), fileio.seconds),
            (&[FileioMode::RandomRead][..], None)
        );
        assert_eq!(experiment.workloads[2].threads, Some(2));
        assert_eq!(experiment.workloads[0].threads, Some(3));
        assert_eq!((experiment.workloads[0].trials, experiment.workloads[0].warmup), (6, 0));
        let again = parse(&asked::write(&experiment), "again").expect("written");
        assert_eq!(again, experiment);
    }

    #[test]
    fn the_defaults_are_those_of_the_peers() {
        let text = "[[workload]]\nkind = \"cpu\"\n[[workload]]\nkind = \"fileio\"\n";
        let experiment = parse(text, "f").expect("valid");
        let TaskSpec::Benchmark(Benchmark::Cpu(cpu)) = experiment.workloads[0].task else {
            panic!("cpu")
        };
        assert_eq!((cpu.max_prime, cpu.seconds), (10_000, 10.0));
        let TaskSpec::Benchmark(Benchmark::Fileio(fileio)) = &experiment.workloads[1].task else {
            panic!("fileio")
        };
        assert_eq!(fileio.size, ByteSize(1_000_000_000));
        assert!(fileio.direct);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_where_it_stands() {
        let refused = [
            ("kind = \"cpu\"\nseconds = 0", "f:3:11: `seconds = 0` is out of range"),
            ("kind = \"cpu\"\nmax_prime = 2", "f:3:13: `max_prime = 2` is out of range"),
            ("kind = \"cpu\"\nsize = \"1GB\"", "f:3:8: `size` says nothing to a workload of kind"),
            ("kind = \"memory\"\narray = \"1B\"", "f:3:9: `array` of 1 B is out of range"),
            (
                "kind = \"fileio\"\nmodes = [\"random-raed\"]",
                "f:3:9: unknown word `random-raed` in `modes`; did you mean `random-read`?",
            ),
            ("kind = \"fileio\"\nmodes = []", "f:3:9: `modes` is empty"),
            (
                "kind = \"fileio\"\nblock_sizes = [\"4KiB\", \"4096B\"]",
                "f:3:15: `block_sizes` names one twice",
            ),
            ("kind = \"fileio\"\nblock_sizes = [\"1000B\"]", "f:3:15: blocks of 1000 B cannot be"),
            ("kind = \"fileio\"\nsize = \"1MiB\"", "f:3:8: `size` of 1 MiB is out of range"),
            ("kind = \"fileio\"\nsync = \"later\"", "f:3:8: unknown word `later` in `sync`"),
            ("kind = \"startup\"\nwarmup = 1", "f:3:10: a cold start has no warm-up"),
            ("kind = \"startup\"\napplication = \"a\"", "f:3:15: unknown application `a`"),
            ("kind = \"transfer\"\nknown_hosts = \"k\"", "f:1:1: a workload of kind \"transfer\""),
            (
                "kind = \"transfer\"\nknown_hosts = \"k\"\ndestination = \"-oProxyCommand=x\"",
                "f:4:15: `-oProxyCommand=x` is no ssh server",
            ),
            (
                "kind = \"density\"\nlatency_limit = \"1h\"",
                "f:3:17: `latency_limit = \"1h\"` is not a time",
            ),
            (
                "kind = \"fileio\"\nwhole_size = true\nseconds = 1.0",
                "f:3:14: `whole_size` and `seconds` both say",
            ),
        ];
        for (text, expected) in refused {
            let found = complaint(text);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
