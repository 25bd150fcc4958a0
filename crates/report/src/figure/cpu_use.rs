//! `edge.fig4`: processor use in each environment, 100 % = one core.
//!
//! The paper's mean takes only samples of at least 100 %; the mean of all time stands beside
//! it, from the same instrument. Where a run was told to, it also has what the paper's own tool
//! for each kind of environment showed, as a bar of its own: never in the place of the others.

use weighbridge_experiment::RunRecord;

use super::frame::{
    BODY, MARGIN, TickWords, WIDTH, by_workload, counts, instruments, row_name, series,
    workload_heading,
};
use super::palette::Ink;
use super::rows::{Columns, PanelText, RowText, panel};
use super::scale::{Scale, round_end};
use super::svg::{Anchor, Look, Stroke, Svg};
use super::{Drawn, FigureBody};
use crate::analysis::{Cell, PaperCpuPercent, Report};
use crate::quantity::percent;

const ROW: f64 = 44.0;
/// Height of a row with a third bar.
const ROW_WITH_PAPER: f64 = 62.0;
const BAR: f64 = 12.0;

pub(super) fn draw(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    if report.cells.iter().all(|cell| cell.cpu_percent.is_none()) {
        let reason = report.cells.iter().find_map(|cell| cell.cpu_percent_reason.clone());
        return Err(format!(
            "no cell has processor use: {}",
            reason.unwrap_or_else(|| "no cell".to_owned())
        ));
    }
    let names: Vec<String> = report.cells.iter().map(row_name).collect();
    let columns = Columns::for_names(names.iter().map(String::as_str));
    let mut svg = Svg::new(WIDTH, 0.0);
    legend(&mut svg);
    let with_paper = report.cells.iter().any(|cell| paper(cell).is_some());
    let mut top = 34.0;
    if with_paper {
        paper_legend(&mut svg);
        top += 20.0;
    }
    for (_, cells) in by_workload(report) {
        top = workload(&mut svg, top, columns, &cells, record);
    }
    svg.set_height(top);
    let meters = instruments(
        report.cells.iter().filter_map(|cell| Some(cell.instruments.as_ref()?.cpu.as_str())),
    );
    Ok(Drawn {
        title: "Processor use by application and environment".to_owned(),
        caption: format!(
            "Per cent of one core, read from outside. All time: processor time over time of whole trials. Active: \
             mean of the intervals at 10 Hz of at least 100 %, the edge paper's way, which leaves out all waiting. \
             {}. Instrument: {meters}.{}",
            counts(report.cells.iter()),
            if with_paper { paper_words(report) } else { String::new() }
        ),
        body: FigureBody::Drawing(svg),
    })
}

fn legend(svg: &mut Svg) {
    let y = 14.0;
    svg.rectangle((MARGIN, y - 10.0), (22.0, BAR), 0.0, Look::filled(Ink::Muted));
    svg.text((MARGIN + 30.0, y), Anchor::Start, BODY, Ink::Text, "all time");
    svg.rectangle((MARGIN + 120.0, y - 10.0), (22.0, BAR), 0.0, Look::outlined(Ink::Muted, 1.4));
    svg.text(
        (MARGIN + 150.0, y),
        Anchor::Start,
        BODY,
        Ink::Text,
        "active: intervals of 100 % and more",
    );
    svg.line(
        (MARGIN + 420.0, y - 11.0),
        (MARGIN + 420.0, y + 3.0),
        Stroke::dashed(Ink::Threshold, 1.6),
    );
    svg.text((MARGIN + 430.0, y), Anchor::Start, BODY, Ink::Text, "allotted CPU");
}

/// What the edge paper's tool showed of a cell.
fn paper(cell: &Cell) -> Option<&PaperCpuPercent> {
    cell.cpu_percent.as_ref()?.paper.as_ref()
}

fn paper_legend(svg: &mut Svg) {
    let y = 34.0;
    svg.rectangle((MARGIN, y - 10.0), (22.0, BAR), 0.0, paper_look(Ink::Muted));
    let words = "the edge paper's tool for the kind of environment: its figures of 100 % and more";
    svg.text((MARGIN + 30.0, y), Anchor::Start, BODY, Ink::Text, words);
}

fn paper_look(ink: Ink) -> Look {
    Look { fill: None, stroke: Some(Stroke::dashed(ink, 1.4)) }
}

fn paper_words(report: &Report) -> String {
    let tools = instruments(
        report.cells.iter().filter_map(|cell| paper(cell)).map(|paper| paper.instrument.as_str()),
    );
    format!(
        " Paper's tools, which differ from one environment to another and so do their figures also where the \
         environments do not: {tools}."
    )
}

fn workload(svg: &mut Svg, top: f64, columns: Columns, cells: &[&Cell], record: &RunRecord) -> f64 {
    let largest = cells.iter().flat_map(|cell| {
        let used = cell.cpu_percent.as_ref();
        let used = used.map(|used| used.mean_all.max(used.mean_active.unwrap_or(0.0)));
        let shown = paper(cell).and_then(|paper| paper.mean_active);
        [used.unwrap_or(0.0), shown.unwrap_or(0.0), cell.limits.cpus * 100.0]
    });
    let scale =
        Scale::new((0.0, round_end(largest.fold(0.0, f64::max))), (columns.left, columns.right));
    let content = PanelText {
        heading: workload_heading(cells),
        axis_title: "processor use, % of one core".to_owned(),
        rows: cells.iter().map(|cell| row(cell)).collect(),
    };
    let with_paper = cells.iter().any(|cell| paper(cell).is_some());
    let (height, shift) = if with_paper { (ROW_WITH_PAPER, 7.5) } else { (ROW, 0.0) };
    let placed = panel(svg, top, columns, height, &content, &scale, &TickWords::Factor(1.0));
    for (cell, (row_top, row_bottom)) in cells.iter().zip(&placed.rows) {
        let Some(used) = &cell.cpu_percent else { continue };
        let series = series(record, &cell.environment);
        let y = f64::midpoint(*row_top, *row_bottom) - shift;
        let bar = |value: f64| ((scale.at(value) - columns.left).max(0.5), BAR);
        svg.rectangle(
            (columns.left, y - BAR - 1.5),
            bar(used.mean_all),
            0.0,
            Look::filled(Ink::Series(series)),
        );
        if let Some(active) = used.mean_active {
            let look = Look {
                fill: Some(Ink::Pale(series)),
                stroke: Some(Stroke::solid(Ink::Series(series), 1.4)),
            };
            svg.rectangle((columns.left, y + 1.5), bar(active), 0.0, look);
        }
        if let Some(shown) = paper(cell).and_then(|paper| paper.mean_active) {
            let at = (columns.left, y + BAR + 4.5);
            svg.rectangle(at, bar(shown), 0.0, paper_look(Ink::Series(series)));
        }
        let limit = scale.at(cell.limits.cpus * 100.0);
        svg.line(
            (limit, row_top + 4.0),
            (limit, row_bottom - 4.0),
            Stroke::dashed(Ink::Threshold, 1.6),
        );
    }
    placed.bottom
}

fn row(cell: &Cell) -> RowText {
    let values = cell.cpu_percent.as_ref().map_or_else(Vec::new, |used| {
        let active = used.mean_active.map_or_else(|| "never at 100 %".to_owned(), percent);
        let mut lines =
            vec![format!("all time {}", percent(used.mean_all)), format!("active {active}")];
        lines.extend(used.paper.as_ref().map(|paper| match (paper.mean_active, paper.mean_all) {
            (Some(active), Some(all)) => {
                format!("paper's {}, all {}", percent(active), percent(all))
            }
            (_, Some(all)) => format!("paper's never, all {}", percent(all)),
            (_, None) => "paper's: missing".to_owned(),
        }));
        lines
    });
    RowText { name: row_name(cell), values, missing: cell.cpu_percent_reason.clone() }
}
