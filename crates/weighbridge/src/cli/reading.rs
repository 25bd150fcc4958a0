//! Commands that read the registry: `runs`, `report`, `figure`, `compare`.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use weighbridge_experiment::{Money, ResolvedPrice, RunRecord};
use weighbridge_registry::{RunSummary, Runs};
use weighbridge_report::render::{Align, Grid};
use weighbridge_report::{CrossReport, Report, figure, render};

use super::arguments::{
    CompareArguments, FigureArguments, Format, ReportArguments, ReportFormat, RunsArguments,
};
use super::{Outcome, UsageError, campaigns, output, weigh};

/// A table of words as every listing prints it, as wide as the terminal.
pub(super) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let columns: Vec<_> = header.iter().map(|title| (*title, Align::Left)).collect();
    let mut grid = Grid::new(&columns);
    for row in rows {
        grid.row(row);
    }
    grid.render(output::width(), output::coloured_stdout())
}

/// The same as comma-separated values.
pub(super) fn csv(header: &[&str], rows: &[Vec<String>]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// The report of a record, priced by the price that the record keeps.
pub(super) fn build(record: &RunRecord) -> Report {
    weighbridge_report::build(record, &cost_of_time)
}

/// Equation 2 of the CLABO cost paper for one instance: price of an hour times time. A time that cannot be
/// priced has no cost, and the report says why.
pub(super) fn cost_of_time(price: &ResolvedPrice, seconds: f64) -> Result<Money, String> {
    weighbridge_price::cost_of_inferences(&price.hourly, seconds, 1)
        .map_err(|error| error.to_string())
}

#[derive(Serialize)]
struct RunList {
    format: &'static str,
    runs: Vec<RunSummary>,
}

/// `weighbridge runs`.
pub(super) async fn runs(arguments: &RunsArguments) -> anyhow::Result<Outcome> {
    let host = weigh::open_host().await?;
    let runs = host.registry.list().await?;
    match arguments.format {
        Format::Json => output::write_json(&RunList { format: "weighbridge.runs/1", runs })?,
        Format::Table if runs.is_empty() => {
            output::write_text("no runs yet; `weighbridge run` makes one")?;
        }
        Format::Table => output::write_text(&table(&RUNS_HEADER, run_rows(&runs)))?,
        Format::Csv => output::write_text(&csv(&RUNS_HEADER, &run_rows(&runs))?)?,
    }
    Ok(Outcome::Done)
}

const RUNS_HEADER: [&str; 6] = ["run", "started", "status", "trials", "environments", "workloads"];

fn run_rows(runs: &[RunSummary]) -> Vec<Vec<String>> {
    let row = |run: &RunSummary| {
        let failed = if run.trials_failed > 0 {
            format!(", {} failed", run.trials_failed)
        } else {
            String::new()
        };
        let resumed = if run.resumed { ", resumed" } else { "" };
        vec![
            run.id.to_string(),
            run.started.strftime("%Y-%m-%d %H:%MZ").to_string(),
            format!("{}{resumed}", run.status),
            format!("{}/{}{failed}", run.trials_done, run.trials_asked),
            run.environments.join(" "),
            run.workloads.join(" "),
        ]
    };
    runs.iter().map(row).collect()
}

async fn record(reference: &str) -> anyhow::Result<RunRecord> {
    let host = weigh::open_host().await?;
    let run = host.registry.find(reference).await?;
    Ok(host.registry.get(&run).await?)
}

pub(super) fn deliver(out: Option<&Path>, content: &[u8]) -> anyhow::Result<()> {
    match out {
        Some(path) => {
            fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
        }
        None => output::write_bytes(content),
    }
}

/// `weighbridge report RUN`.
pub(super) async fn report(arguments: &ReportArguments) -> anyhow::Result<Outcome> {
    let record = record(&arguments.run).await?;
    let report = build(&record);
    let mut text = match arguments.format {
        ReportFormat::Html => render::html(&report, &record),
        ReportFormat::Md => render::markdown(&report),
        ReportFormat::Csv => render::csv(&report)?,
        ReportFormat::Json => serde_json::to_string_pretty(&report).context("cannot write JSON")?,
        ReportFormat::Record => serde_json::to_string(&record).context("cannot write JSON")?,
        ReportFormat::Table => {
            let coloured = arguments.out.is_none() && output::coloured_stdout();
            render::table(&report, output::width(), coloured)
        }
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    deliver(arguments.out.as_deref(), text.as_bytes())?;
    Ok(Outcome::Done)
}

/// `weighbridge figure ID --run RUN`.
pub(super) async fn figure(arguments: &FigureArguments) -> anyhow::Result<Outcome> {
    let drawn = match (&arguments.campaign, &arguments.run) {
        (Some(campaign), _) => campaigns::figure(&arguments.id, campaign).await?,
        (None, Some(run)) => {
            let record = record(run).await?;
            figure::draw(&arguments.id, &record, &build(&record))?
        }
        (None, None) => {
            let figures = weighbridge_report::campaign::ids().join(", ");
            return Err(UsageError(format!(
                "say of which run: --run latest; or, for {figures}, of which campaign: --campaign latest"
            ))
            .into());
        }
    };
    let extension = arguments.out.as_deref().and_then(Path::extension).and_then(|e| e.to_str());
    let format = extension.map(str::to_ascii_lowercase);
    let content = figure_content(&drawn, format.as_deref())?;
    deliver(arguments.out.as_deref(), &content)?;
    Ok(Outcome::Done)
}

/// The figure in the format of a file extension; without one, SVG for a drawing and text
/// for a table.
fn figure_content(drawn: &figure::Figure, format: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let unfit = |offered: &str| {
        let given = format.unwrap_or_default();
        UsageError(format!("{} cannot be written as `.{given}`; use one of: {offered}", drawn.id))
    };
    Ok(match (&drawn.body, format) {
        (figure::FigureBody::Drawing(svg), None | Some("svg")) => svg.standalone().into_bytes(),
        (figure::FigureBody::Drawing(svg), Some("png")) => figure::png(svg, 2.0)?,
        (figure::FigureBody::Drawing(_), Some(_)) => return Err(unfit("svg, png").into()),
        (figure::FigureBody::Table(table), None | Some("txt")) => table.text().into_bytes(),
        (figure::FigureBody::Table(table), Some("csv")) => table.csv()?.into_bytes(),
        (figure::FigureBody::Table(table), Some("json")) => {
            (serde_json::to_string_pretty(&table.json())? + "\n").into_bytes()
        }
        (figure::FigureBody::Table(_), Some(_)) => return Err(unfit("txt, csv, json").into()),
    })
}

/// `weighbridge compare RUN RUN`.
pub(super) async fn compare(arguments: &CompareArguments) -> anyhow::Result<Outcome> {
    let a = record(&arguments.a).await?;
    let b = record(&arguments.b).await?;
    let comparison = weighbridge_report::compare_runs(&a, &b);
    match arguments.format {
        Format::Json => output::write_json(&comparison)?,
        Format::Table => output::write_text(&render::across_table(
            &comparison,
            output::width(),
            output::coloured_stdout(),
        ))?,
        Format::Csv => output::write_text(&across_csv(&comparison)?)?,
    }
    Ok(Outcome::Done)
}

fn across_csv(comparison: &CrossReport) -> anyhow::Result<String> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let rows: Vec<Vec<String>> = comparison
        .cells
        .iter()
        .map(|cell| {
            vec![
                cell.workload.clone(),
                cell.environment.clone(),
                cell.trials_a.to_string(),
                cell.trials_b.to_string(),
                number(cell.mean_seconds_a),
                number(cell.mean_seconds_b),
                number(cell.ratio),
                number(cell.ci95.map(|ends| ends[0])),
                number(cell.ci95.map(|ends| ends[1])),
                cell.detected.to_string(),
                std::iter::once(&comparison.label)
                    .chain(&cell.labels)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("; "),
            ]
        })
        .collect();
    let header = [
        "workload",
        "environment",
        "trials_a",
        "trials_b",
        "mean_seconds_a",
        "mean_seconds_b",
        "ratio",
        "ratio_ci95_low",
        "ratio_ci95_high",
        "detected",
        "label",
    ];
    csv(&header, &rows)
}
