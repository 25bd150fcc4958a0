//! `fio` in place of our own requests, with the same parameters, on the same files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use weighbridge_experiment::SyncPolicy;

use super::BenchmarkError;
use super::fileio::{Figures, Part};
use super::latency::Latencies;

/// Programs are looked for here where the environment names no directories.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The program, where the environment has it.
pub(super) fn find() -> Option<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&directories)
        .map(|directory| directory.join("fio"))
        .find(|path| path.is_file())
}

/// What it calls itself, such as `fio-3.33`.
pub(super) fn version(program: &Path) -> Result<String, BenchmarkError> {
    let done = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(BenchmarkError::file("start", program))?;
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// How a job of fio ended.
pub(super) enum Outcome {
    Done(Figures),
    Failed(String),
}

/// The job of a part.
fn arguments(part: Part, directory: &Path, each: u64, threads: u32) -> Vec<String> {
    let order = if part.mode.random() { "rand" } else { "" };
    let direction = if part.mode.writes() { "write" } else { "read" };
    let mut arguments = vec![
        "--name=weighbridge".to_owned(),
        format!("--directory={}", directory.display()),
        "--filename_format=$jobnum".to_owned(),
        format!("--rw={order}{direction}"),
        format!("--bs={}", part.block.bytes()),
        format!("--size={each}"),
        format!("--numjobs={threads}"),
        format!("--direct={}", u8::from(part.direct)),
        "--thread".to_owned(),
        "--group_reporting".to_owned(),
        "--ioengine=psync".to_owned(),
        "--norandommap".to_owned(),
        "--overwrite=1".to_owned(),
        "--output-format=json+".to_owned(),
    ];
    if part.mode.writes() {
        match part.sync {
            SyncPolicy::Never => {}
            SyncPolicy::End => arguments.push("--end_fsync=1".to_owned()),
            SyncPolicy::Each => arguments.push("--fsync=1".to_owned()),
        }
    }
    if let Some(seconds) = part.seconds {
        let milliseconds = (seconds * 1000.0).ceil() as u64;
        arguments.push(format!("--runtime={milliseconds}ms"));
        arguments.push("--time_based".to_owned());
    }
    arguments
}

/// Has fio do a part.
pub(super) fn run(
    program: &Path,
    part: Part,
    directory: &Path,
    each: u64,
    threads: u32,
) -> Result<Outcome, BenchmarkError> {
    let done = Command::new(program)
        .args(arguments(part, directory, each, threads))
        // It keeps state files where it is started.
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(BenchmarkError::file("start", program))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        let first = said.lines().next().unwrap_or("it said nothing").to_owned();
        return Ok(Outcome::Failed(first));
    }
    read(&String::from_utf8_lossy(&done.stdout), part.mode.writes()).map(Outcome::Done)
}

/// The figures in what fio writes as `json+`; lines before the document are its warnings.
fn read(text: &str, writes: bool) -> Result<Figures, BenchmarkError> {
    let wrong = |reason: String| BenchmarkError::Output { tool: "fio", reason };
    let start = text.find('{').ok_or_else(|| wrong("it holds no JSON".to_owned()))?;
    let document: Value =
        serde_json::from_str(&text[start..]).map_err(|error| wrong(error.to_string()))?;
    let side = &document["jobs"][0][if writes { "write" } else { "read" }];
    let number = |key: &str| {
        side[key].as_u64().ok_or_else(|| wrong(format!("its first job has no `{key}`")))
    };
    let mut latencies = Latencies::new();
    for (nanoseconds, count) in side["clat_ns"]["bins"].as_object().into_iter().flatten() {
        if let (Ok(nanoseconds), Some(count)) = (nanoseconds.parse(), count.as_u64()) {
            latencies.record_many(nanoseconds, count);
        }
    }
    Ok(Figures {
        bytes: number("io_bytes")?,
        requests: number("total_ios")?,
        seconds: number("runtime")? as f64 / 1e3,
        latencies,
    })
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{ByteSize, FileioMode};

    use super::*;

    #[test]
    fn a_part_is_the_job_that_it_says() {
        let part = Part {
            mode: FileioMode::RandomWrite,
            block: ByteSize(4096),
            direct: true,
            sync: SyncPolicy::Each,
            seconds: Some(0.5),
        };
        let job = arguments(part, Path::new("/d"), 1 << 20, 2).join(" ");
        for expected in [
            "--rw=randwrite",
            "--bs=4096",
            "--size=1048576",
            "--numjobs=2",
            "--direct=1",
            "--fsync=1",
            "--runtime=500ms --time_based",
        ] {
            assert!(job.contains(expected), "{expected} in {job}");
        }
        let whole = Part { seconds: None, sync: SyncPolicy::End, ..part };
        let job = arguments(whole, Path::new("/d"), 1 << 20, 2).join(" ");
        assert!(job.contains("--end_fsync=1") && !job.contains("--runtime"), "{job}");
    }

    #[test]
    fn figures_are_read_behind_warnings() {
        let text = r#"fio: note
            {"jobs": [{"read": {"io_bytes": 8192, "total_ios": 2, "runtime": 4,
             "clat_ns": {"bins": {"1000": 1, "2000": 1}}}, "write": {}}]}"#;
        let figures = read(text, false).expect("figures");
        assert_eq!((figures.bytes, figures.requests, figures.seconds), (8192, 2, 0.004));
        assert_eq!(figures.latencies.pairs().len(), 2);
        assert!(read(text, true).is_err());
        assert!(read("nothing", false).is_err());
    }
}
