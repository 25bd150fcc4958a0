//! `weighbridge campaign`: start one, go on with one, look at one.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use weighbridge_experiment::file::asked::write;
use weighbridge_experiment::file::parse;
use weighbridge_experiment::{
    CAMPAIGN_FORMAT, CampaignHeader, CampaignRecord, RunId, RunRecord, SlotEventKind, SlotState,
};
use weighbridge_registry::{Campaigns, RegistryError, Runs};
use weighbridge_report::figure::{Figure, FigureBody};
use weighbridge_report::{CampaignReport, SlotRun, build_campaign, render};

use super::arguments::Format;
use super::{Outcome, UsageError, output, reading, weigh};
use crate::campaign::{self, HostTime, Lock, Progress, RunSlots, Time, Told, conduct, slot_times};
use crate::interrupt::Interrupt;
use crate::run::{self, Asked, Ending, Host, Options, Waiting};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  weighbridge campaign start week.toml        run every slot, in the foreground
  weighbridge campaign start week.toml --register
  weighbridge campaign unit latest            … and leave it to systemd
  weighbridge campaign show latest            how far it is, what was missed
  weighbridge campaign report latest          response times beside price

The file says when: [schedule] with every = \"6h\" or cron = \"0 */6 * * *\",
and count = 28. A slot that cannot begin in time is written down as missed and
never made up. Exit status 3: over, and some slot is missing.")]
pub(crate) struct CampaignArguments {
    #[command(subcommand)]
    command: CampaignCommand,
}

#[derive(Debug, Subcommand)]
enum CampaignCommand {
    /// Begin a campaign and run its slots until the last one is over
    Start {
        /// Experiment file with a table [schedule]
        file: PathBuf,
        /// Only write it down; `campaign continue` or the unit of `campaign unit` runs it
        #[arg(long)]
        register: bool,
    },
    /// Go on with a campaign after Ctrl-C, a kill or a reboot
    Continue {
        /// An id, a unique prefix, or `latest`
        #[arg(default_value = "latest")]
        campaign: String,
    },
    /// List the campaigns
    List {
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Say what became of each slot, and when the next one is due
    Show {
        /// An id, a unique prefix, or `latest`
        #[arg(default_value = "latest")]
        campaign: String,
        /// How it is printed
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Response times and cost of every platform over all slots, side by side
    Report {
        /// An id, a unique prefix, or `latest`
        #[arg(default_value = "latest")]
        campaign: String,
        /// What to render
        #[arg(long, value_enum, default_value_t)]
        format: CampaignFormat,
        /// Write to this file instead of standard output
        #[arg(long, value_name = "PATH")]
        out: Option<PathBuf>,
    },
    /// Print a systemd unit that takes the campaign up again after every boot
    Unit {
        /// An id, a unique prefix, or `latest`
        #[arg(default_value = "latest")]
        campaign: String,
    },
}

/// How a report on a campaign is rendered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum CampaignFormat {
    /// For people
    #[default]
    Table,
    /// One self-contained page
    Html,
    /// weighbridge.campaign-report/1
    Json,
    /// Response times, one row a platform
    Csv,
}

pub(super) async fn campaign(arguments: CampaignArguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        CampaignCommand::Start { file, register } => start(&file, register).await,
        CampaignCommand::Continue { campaign } => go_on(&campaign).await,
        CampaignCommand::List { format } => list(format).await,
        CampaignCommand::Show { campaign, format } => show(&campaign, format).await,
        CampaignCommand::Report { campaign, format, out } => {
            report(&campaign, format, out.as_deref()).await
        }
        CampaignCommand::Unit { campaign } => unit(&campaign).await,
    }
}

async fn start(file: &std::path::Path, register: bool) -> anyhow::Result<Outcome> {
    let asked = run::experiment(Some(file), &Options::default())?;
    let schedule = asked.experiment.schedule.clone().ok_or_else(|| {
        UsageError(format!(
            "{} has no table [schedule]; add one with every = \"6h\" and count = 28, or run it once \
             with `weighbridge run`",
            file.display()
        ))
    })?;
    let host = weigh::open_host().await?;
    let started = HostTime.now();
    let slots = slot_times(&schedule, started).map_err(|error| UsageError(with_source(&error)))?;
    let header = CampaignHeader {
        format: CAMPAIGN_FORMAT.to_owned(),
        id: RunId::from_random(rand::random()),
        started,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        name: asked.experiment.name.clone(),
        // Paths are absolute by now: the process that goes on may start elsewhere.
        asked: write(&asked.experiment),
        executable_sha256: host.executable_sha256.clone(),
        late_seconds: schedule.late_seconds(&slots),
        schedule,
        slots,
    };
    host.registry.begin_campaign(&header).await?;
    output::note(&format!(
        "campaign {} of {}: {} slots, {}; the last is due {}",
        header.id,
        header.name,
        header.slots.len(),
        header.schedule.rule,
        header.slots.last().map(second).unwrap_or_default()
    ));
    if register {
        output::note(&format!("run it with: weighbridge campaign continue {}", header.id));
        output::write_text(header.id.as_str())?;
        return Ok(Outcome::Done);
    }
    conduct_all(&host, CampaignRecord { header, events: Vec::new() }).await
}

/// The error and its cause in one line, for messages that have no chain.
fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error} ({source})"))
}

async fn go_on(reference: &str) -> anyhow::Result<Outcome> {
    let host = weigh::open_host().await?;
    let record = record(&host, reference).await?;
    if record.header.executable_sha256 != host.executable_sha256 {
        return Err(UsageError(format!(
            "campaign {} was begun by another executable ({} instead of {}): its slots could not be \
             compared with new ones; start a new campaign, or go on with the executable that began it",
            record.header.id,
            record.header.executable_sha256.short(),
            host.executable_sha256.short()
        ))
        .into());
    }
    conduct_all(&host, record).await
}

async fn record(host: &Host, reference: &str) -> anyhow::Result<CampaignRecord> {
    let id = host.registry.find_campaign(reference).await?;
    Ok(host.registry.get_campaign(&id).await?)
}

async fn conduct_all(host: &Host, mut record: CampaignRecord) -> anyhow::Result<Outcome> {
    let id = record.header.id.clone();
    let _lock = Lock::take(&host.data, &id)?;
    let text = record.header.asked.clone();
    let experiment = parse(&text, &format!("the file of campaign {id}"))?;
    let asked = Asked { experiment, text };
    let mut interrupt = Interrupt::install().context("cannot listen for Ctrl-C")?;
    let mut slots = RunSlots::new(host, &asked, &record, &mut interrupt);
    let mut told = Spoken { count: record.header.slots.len(), waiting: None };
    let ending = conduct(&host.registry, &mut record, &mut HostTime, &mut slots, &mut told).await?;
    drop(told);
    if ending == Ending::Interrupted {
        output::note(&format!(
            "stopped; what was measured is kept\ngo on with: weighbridge campaign continue {id}"
        ));
        return Ok(Outcome::Interrupted);
    }
    output::write_text(&summary(&record))?;
    output::note(&format!("look at it with: weighbridge campaign report {id}"));
    let complete = record.states().iter().all(|state| matches!(state, SlotState::Finished { .. }));
    Ok(if complete { Outcome::Done } else { Outcome::Incomplete })
}

/// How a campaign goes, on standard error: a line for each event, a sign of life between.
struct Spoken {
    count: usize,
    waiting: Option<Waiting>,
}

impl Progress for Spoken {
    fn tell(&mut self, told: &Told<'_>) {
        self.waiting = None;
        match told {
            Told::Waiting { slot, until } => {
                let what = format!(
                    "slot {} of {} is due {}; waiting",
                    slot + 1,
                    self.count,
                    second(until)
                );
                self.waiting = Some(Waiting::on(&what));
            }
            Told::Event(event) => {
                let what = match &event.kind {
                    SlotEventKind::Begun { run } => format!("begun as run {run}"),
                    SlotEventKind::Resumed => "resumed".to_owned(),
                    SlotEventKind::Finished => "finished".to_owned(),
                    SlotEventKind::CutShort { reason } => format!("cut short: {reason}"),
                    SlotEventKind::Missed { reason } => format!("missed: {reason}"),
                };
                output::note(&format!(
                    "{} slot {} of {} {what}",
                    second(&event.at),
                    event.slot + 1,
                    self.count
                ));
            }
        }
    }
}

/// To the second: slots may be closer than a minute.
fn second(time: &Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// One line on a campaign.
fn summary(record: &CampaignRecord) -> String {
    let header = &record.header;
    let states = record.states();
    let count = |is: fn(&SlotState) -> bool| states.iter().filter(|state| is(state)).count();
    let mut words = vec![format!(
        "{} of {} slots finished",
        count(|state| matches!(state, SlotState::Finished { .. })),
        states.len()
    )];
    for (number, what) in [
        (count(|state| matches!(state, SlotState::Missed { .. })), "missed"),
        (count(|state| matches!(state, SlotState::CutShort { .. })), "cut short"),
        (count(|state| matches!(state, SlotState::Begun { .. })), "at work"),
    ] {
        if number > 0 {
            words.push(format!("{number} {what}"));
        }
    }
    let next = states.iter().position(|state| *state == SlotState::Waiting);
    if let Some(due) = next.and_then(|index| header.slots.get(index)) {
        words.push(format!("the next is due {}", second(due)));
    }
    format!("campaign {} of {}: {}", header.id, header.name, words.join(", "))
}

async fn list(format: Format) -> anyhow::Result<Outcome> {
    #[derive(Serialize)]
    struct CampaignList {
        format: &'static str,
        campaigns: Vec<CampaignRecord>,
    }
    const HEADER: [&str; 5] = ["campaign", "name", "started", "schedule", "slots"];
    let host = weigh::open_host().await?;
    let campaigns = host.registry.list_campaigns().await?;
    let row = |record: &CampaignRecord| {
        let finished = record.states();
        let finished =
            finished.iter().filter(|state| matches!(state, SlotState::Finished { .. })).count();
        let header = &record.header;
        vec![
            header.id.to_string(),
            header.name.clone(),
            second(&header.started),
            header.schedule.rule.to_string(),
            format!("{finished}/{}", header.slots.len()),
        ]
    };
    let rows: Vec<Vec<String>> = campaigns.iter().map(row).collect();
    match format {
        Format::Json => {
            output::write_json(&CampaignList { format: "weighbridge.campaigns/1", campaigns })?;
        }
        Format::Table if rows.is_empty() => {
            output::write_text("no campaigns yet; `weighbridge campaign start FILE` makes one")?;
        }
        Format::Table => output::write_text(&reading::table(&HEADER, rows))?,
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows)?)?,
    }
    Ok(Outcome::Done)
}

async fn show(reference: &str, format: Format) -> anyhow::Result<Outcome> {
    const HEADER: [&str; 5] = ["slot", "due", "state", "run", "why"];
    let host = weigh::open_host().await?;
    let record = record(&host, reference).await?;
    let states = record.states();
    let row = |(index, (state, due)): (usize, (&SlotState, &Timestamp))| {
        let (word, why) = match state {
            SlotState::Waiting => ("waiting", ""),
            SlotState::Begun { .. } => ("begun", ""),
            SlotState::Finished { .. } => ("finished", ""),
            SlotState::CutShort { reason, .. } => ("cut short", reason.as_str()),
            SlotState::Missed { reason } => ("missed", reason.as_str()),
        };
        vec![
            (index + 1).to_string(),
            second(due),
            word.to_owned(),
            state.run().map(ToString::to_string).unwrap_or_default(),
            why.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> =
        states.iter().zip(&record.header.slots).enumerate().map(row).collect();
    match format {
        Format::Json => output::write_json(&record)?,
        Format::Table => output::write_text(&format!(
            "{}\n\n{}",
            summary(&record),
            reading::table(&HEADER, rows)
        ))?,
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows)?)?,
    }
    Ok(Outcome::Done)
}

/// The report on a campaign, and its records, which figures need.
pub(super) struct Reported {
    pub(super) record: CampaignRecord,
    pub(super) runs: Vec<(u32, RunRecord)>,
    pub(super) report: CampaignReport,
}

pub(super) async fn reported(reference: &str) -> anyhow::Result<Reported> {
    let host = weigh::open_host().await?;
    let record = record(&host, reference).await?;
    let mut runs = Vec::new();
    for (slot, state) in (0_u32..).zip(record.states()) {
        let Some(run) = state.run() else { continue };
        match host.registry.get(run).await {
            Ok(run) => runs.push((slot, run)),
            // Begun, and killed before its header was written.
            Err(RegistryError::NoSuchRun { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let report = build_campaign(&record, &slot_runs(&runs), &reading::cost_of_time);
    Ok(Reported { record, runs, report })
}

fn slot_runs(runs: &[(u32, RunRecord)]) -> Vec<SlotRun<'_>> {
    runs.iter().map(|(slot, record)| SlotRun { slot: *slot, record }).collect()
}

/// One figure or table of a campaign; the trace is of its last finished slot.
pub(super) async fn figure(id: &str, reference: &str) -> anyhow::Result<Figure> {
    let Reported { record, runs, report } = reported(reference).await?;
    if id != "cloud.fig2" {
        return Ok(weighbridge_report::campaign::table(id, &report)?);
    }
    let states = record.states();
    let finished =
        |slot: u32| matches!(states.get(slot as usize), Some(SlotState::Finished { .. }));
    let (slot, run) = runs
        .iter()
        .rev()
        .find(|(slot, _)| finished(*slot))
        .ok_or_else(|| anyhow::anyhow!("no slot of campaign {} has finished", report.id))?;
    Ok(weighbridge_report::campaign::trace(&record, &SlotRun { slot: *slot, record: run })?)
}

async fn report(
    reference: &str,
    format: CampaignFormat,
    out: Option<&std::path::Path>,
) -> anyhow::Result<Outcome> {
    let Reported { record, runs, report } = reported(reference).await?;
    let mut text = match format {
        CampaignFormat::Table => {
            let coloured = out.is_none() && output::coloured_stdout();
            render::campaign_table(&report, output::width(), coloured)
        }
        CampaignFormat::Html => render::campaign_html(&report, &record, &slot_runs(&runs)),
        CampaignFormat::Json => serde_json::to_string_pretty(&report)?,
        CampaignFormat::Csv => {
            match weighbridge_report::campaign::table("cloud.table2", &report)?.body {
                FigureBody::Table(table) => table.csv()?,
                FigureBody::Drawing(_) => unreachable!("cloud.table2 is a table"),
            }
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    reading::deliver(out, text.as_bytes())?;
    Ok(Outcome::Done)
}

async fn unit(reference: &str) -> anyhow::Result<Outcome> {
    let host = weigh::open_host().await?;
    let record = record(&host, reference).await?;
    let header = &record.header;
    let unit = campaign::unit(&header.id, &header.name, &host.executable, host.data.path());
    output::write_text(&unit)?;
    output::note(&format!(
        "install it as root:\n  weighbridge campaign unit {id} > /etc/systemd/system/weighbridge-{id}.service\n  \
         systemctl daemon-reload && systemctl enable --now weighbridge-{id}",
        id = header.id
    ));
    Ok(Outcome::Done)
}
