//! `weighbridge load`: sends requests to a service and says how long they took.
//!
//! Puts together what the engine measures and what the report writes; decides nothing about
//! either.

mod ask;
mod live;
mod machines;
mod progress;

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use tokio::sync::mpsc;
use weighbridge_experiment::load::{LoadPlan, LoadRecord};
use weighbridge_measure::load::{LoadControl, LoadOptions, LoadSnapshot, run_load};
use weighbridge_report::load::{LoadFormat, LoadSummary, files, summarise, table};

use super::{Outcome, UsageError, output};
use crate::clock::{Clock as _, SystemClock};
use crate::interrupt::Interrupt;

pub(crate) use ask::LoadArguments;

/// How a load is printed or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: weighbridge.load/1
    Json,
    /// Locust's four CSV files
    Locust,
    /// k6's summary export
    K6,
    /// HdrHistogram's percentile distribution
    Hgrm,
    /// HdrHistogram's interval log
    Hlog,
    /// MLPerf LoadGen's logs, for --mlperf
    Mlperf,
    /// A page with figures
    Html,
}

impl Format {
    /// The format of files it stands for; `None` where it is printed.
    fn of_files(self) -> Option<LoadFormat> {
        match self {
            Self::Table | Self::Json => None,
            Self::Locust => Some(LoadFormat::Locust),
            Self::K6 => Some(LoadFormat::K6),
            Self::Hgrm => Some(LoadFormat::Hgrm),
            Self::Hlog => Some(LoadFormat::Hlog),
            Self::Mlperf => Some(LoadFormat::Mlperf),
            Self::Html => Some(LoadFormat::Html),
        }
    }
}

/// Answers `weighbridge load`.
pub(super) async fn load(mut arguments: LoadArguments) -> anyhow::Result<Outcome> {
    // With huge pages each user would take the memory of its neighbourhood, which is not used.
    // A kernel without the switch has no huge pages either.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    if let Some(machines::LoadCommand::Worker(worker)) = arguments.command.take() {
        return machines::worker(worker).await;
    }
    let (plan, options) = arguments.plan()?;
    arguments.output.check()?;
    let record = carry_out(plan, options, &arguments.coordinator).await?;
    conclude(&record, &arguments.output)
}

#[derive(Debug, Args)]
struct Output {
    /// Beginning of the names of files that are written
    #[arg(long, value_name = "PREFIX")]
    out: Option<String>,
    /// How the result is printed, or with --out written; several by commas
    #[arg(long, value_enum, value_delimiter = ',', default_value = "table", value_name = "FORMAT")]
    format: Vec<Format>,
}

impl Output {
    fn check(&self) -> anyhow::Result<()> {
        let files = self.format.iter().find(|format| format.of_files().is_some());
        if let (Some(format), None) = (files, &self.out) {
            let name = format
                .to_possible_value()
                .map_or_else(String::new, |value| value.get_name().to_owned());
            let words = format!("--format {name} writes files; say where with --out PREFIX");
            return Err(UsageError(words).into());
        }
        if let Some(directory) = self.out.as_ref().and_then(|prefix| Path::new(prefix).parent())
            && !directory.as_os_str().is_empty()
        {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        Ok(())
    }
}

/// Runs the engine, or leads workers, beside whatever looks on, until the load ends or the
/// user stops it.
async fn carry_out(
    plan: LoadPlan,
    mut options: LoadOptions,
    coordinator: &machines::CoordinatorArguments,
) -> anyhow::Result<LoadRecord> {
    let mut interrupt = Interrupt::install().context("cannot take over Ctrl-C")?;
    let control = LoadControl::default();
    let stopping = control.clone();
    let (seen, mut snapshots) = mpsc::unbounded_channel::<LoadSnapshot>();
    // Whoever looks on may have left.
    let mut observe = move |snapshot: &LoadSnapshot| drop(seen.send(snapshot.clone()));
    let mut view = progress::View::new(&plan, coordinator.workers.is_none());
    options.started_unix_milliseconds =
        u64::try_from(SystemClock.now().as_millisecond()).unwrap_or_default();
    let engine = async {
        if coordinator.workers.is_some() {
            return machines::lead(coordinator, &plan, &control, &mut observe).await;
        }
        let engine =
            tokio::task::spawn_blocking(move || run_load(&plan, &options, &control, &mut observe));
        Ok(engine.await.context("the load engine ended before its load did")??)
    };
    let mut engine = std::pin::pin!(engine);
    let record = loop {
        tokio::select! {
            done = &mut engine => break done,
            () = interrupt.wait(), if !stopping.is_stopped() => stopping.stop(),
            Some(snapshot) = snapshots.recv() => view.show(&snapshot),
        }
    };
    // The terminal is given back before anything is printed on it.
    drop(view);
    record
}

/// Prints and writes a record, and says what the command came to.
fn conclude(record: &LoadRecord, asked: &Output) -> anyhow::Result<Outcome> {
    let summary = summarise(record)?;
    if asked.format.contains(&Format::Json) {
        output::write_json(&summary)?;
    } else {
        output::write_text(&table(record, &summary))?;
    }
    if let Some(prefix) = &asked.out {
        for format in asked.format.iter().filter_map(|format| format.of_files()) {
            for file in files(record, format)? {
                write(&format!("{prefix}{}", file.suffix), &file.bytes)?;
            }
        }
        if asked.format.contains(&Format::Json) {
            let text = serde_json::to_string_pretty(&summary).context("cannot write JSON")?;
            write(&format!("{prefix}.json"), format!("{text}\n").as_bytes())?;
        }
    }
    outcome(&summary)
}

fn write(path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("cannot write {path}"))?;
    output::note(&format!("wrote {path}"));
    Ok(())
}

fn outcome(summary: &LoadSummary) -> anyhow::Result<Outcome> {
    if summary.details.interrupted {
        return Ok(Outcome::Interrupted);
    }
    if !summary.valid {
        return Ok(Outcome::Incomplete);
    }
    let broken: Vec<&str> = summary
        .details
        .thresholds
        .iter()
        .filter(|result| !result.passed)
        .map(|result| result.threshold.as_str())
        .collect();
    anyhow::ensure!(
        broken.is_empty(),
        "{} of {} thresholds do not hold: {}",
        broken.len(),
        summary.details.thresholds.len(),
        broken.join(", ")
    );
    anyhow::ensure!(
        summary.requests == 0 || summary.failures < summary.requests,
        "no request succeeded: {}",
        summary.details.errors.first().map_or("", |error| error.error.as_str())
    );
    Ok(Outcome::Done)
}
