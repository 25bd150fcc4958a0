//! Writes pictures and pages for a person to look at, where `WEIGHBRIDGE_PICTURES` names a
//! directory; otherwise checks only that all of them can be made.

use std::path::PathBuf;

use weighbridge_experiment::*;
use weighbridge_report::figure::{self, FigureBody, FigureError};
use weighbridge_report::render;

use crate::fixture::*;

/// Many environments of very different speed, and a single trial of several minutes.
fn extremes() -> Vec<(&'static str, RunRecord)> {
    let place = |index: usize| {
        let name = format!("environment-with-a-long-name_number-{index}.x");
        Place::new(&name, EnvironmentKind::ALL[index % 2], 10_f64.powf(index as f64 / 3.0))
    };
    let work = |index: i32| {
        let seconds = 0.002 * 30_f64.powi(index);
        Work::new(&format!("workload-{index}"), ApplicationName::Derain, seconds, 3)
    };
    let many =
        run(&(0..8).map(place).collect::<Vec<_>>(), &(0..3).map(work).collect::<Vec<_>>(), 50);
    let container = Place::new("c", EnvironmentKind::Container, 1.0);
    let one = run(&[container], &[Work::new("derain", ApplicationName::Derain, 200.0, 1)], 1);
    let paper = as_the_paper_read(mixed());
    vec![
        ("mixed", mixed()),
        ("paper", paper),
        ("many", many),
        ("one", one),
        ("files", files_run(5)),
    ]
}

/// What a run of applications, or of files only, cannot show.
fn absent(name: &str, id: &str) -> bool {
    let files = ["edge.fig8", "edge.fig9"].contains(&id);
    let others = ["edge.fig6", "edge.fig7", "edge.table1", "edge.table2"].contains(&id);
    others || files != (name == "files") || (name == "one" && id == "edge.appendix1")
}

#[test]
fn every_picture_and_page_can_be_made() {
    let directory = std::env::var_os("WEIGHBRIDGE_PICTURES").map(PathBuf::from);
    let write = |name: &str, bytes: &[u8]| {
        if let Some(directory) = &directory {
            std::fs::write(directory.join(name), bytes).expect("written");
        }
    };
    for (name, record) in extremes() {
        let report = report(&record);
        for id in figure::ids() {
            match figure::draw(id, &record, &report).map(|figure| figure.body) {
                Ok(FigureBody::Drawing(svg)) => {
                    let picture = figure::png(&svg, 1.0).expect("a picture");
                    write(&format!("{name}-{id}.png"), &picture);
                    write(&format!("{name}-{id}.svg"), svg.standalone().as_bytes());
                }
                Ok(FigureBody::Table(table)) => {
                    write(&format!("{name}-{id}.txt"), table.text().as_bytes());
                }
                Err(FigureError::NotInRun { reason, .. }) => {
                    assert!(absent(name, id), "{name} {id}: {reason}");
                }
                Err(error) => panic!("{error}"),
            }
        }
        write(&format!("{name}.html"), render::html(&report, &record).as_bytes());
        write(&format!("{name}.txt"), render::table(&report, 100, false).as_bytes());
    }
}
