//! Processor use as the edge paper's tools read it, beside the common instrument.

use weighbridge_experiment::*;
use weighbridge_report::figure::{self, FigureBody};

use crate::fixture::*;

fn weighed() -> RunRecord {
    let places = [
        Place::new("native", EnvironmentKind::Native, 1.0),
        Place::new("docker", EnvironmentKind::Docker, 1.0),
    ];
    run(&places, &[Work::new("derain", ApplicationName::Derain, 1.0, 1)], 3)
}

/// Title and caption of a figure, and its drawing as text.
fn drawn(id: &str, record: &RunRecord) -> (String, String) {
    let figure = figure::draw(id, record, &report(record)).expect("a figure");
    let FigureBody::Drawing(svg) = figure.body else { panic!("no drawing") };
    (figure.caption, svg.standalone())
}

#[test]
fn both_ways_of_reading_stand_side_by_side_and_neither_changes_the_other() {
    let plain = report(&weighed());
    let twice = report(&as_the_paper_read(weighed()));
    let used = |report: &weighbridge_report::Report, index: usize| {
        report.cells[index].cpu_percent.clone().expect("processor use")
    };
    assert_eq!(used(&plain, 1).paper, None);
    assert_eq!(used(&plain, 1).mean_all, used(&twice, 1).mean_all);
    let paper = used(&twice, 1).paper.expect("the paper's");
    assert_eq!((paper.mean_all, paper.mean_active, paper.figures), (Some(101.5), Some(163.0), 6));
    assert!(paper.instrument.contains("docker stats"));
    let missing = used(&twice, 0).paper.expect("a reason");
    assert_eq!((missing.mean_all, missing.mean_active), (None, None));
    assert!(missing.mean_active_reason.is_some_and(|reason| reason.contains("without walls")));
}

#[test]
fn a_tool_that_never_showed_a_core_says_so() {
    let mut record = as_the_paper_read(weighed());
    for trial in &mut record.trials {
        if let TrialOutcome::Ok(measurement) = &mut trial.outcome
            && let Some(paper) = &mut measurement.paper_cpu
        {
            paper.percents.truncate(1);
        }
    }
    let found = report(&record).cells[1].cpu_percent.clone().and_then(|used| used.paper);
    let reason = found.and_then(|paper| paper.mean_active_reason).expect("a reason");
    assert_eq!(reason, "none of its 3 figures reached 100 %");
}

#[test]
fn the_figure_names_the_tools_and_shows_their_mean() {
    let (caption, svg) = drawn("edge.fig4", &as_the_paper_read(weighed()));
    assert!(caption.contains("Paper's tools") && caption.contains("docker stats"), "{caption}");
    assert!(svg.contains("163 %") && svg.contains("paper's: missing"), "{svg}");
    assert!(!drawn("edge.fig4", &weighed()).0.contains("Paper's tools"));
}

#[test]
fn a_micro_vm_is_drawn_apart_from_other_virtual_machines() {
    let places = ["pc", "small"].map(|name| Place::new(name, EnvironmentKind::Qemu, 1.0));
    let mut record = run(&places, &[Work::new("derain", ApplicationName::Derain, 1.0, 1)], 3);
    let machines = [QemuMachine::Q35, QemuMachine::Microvm];
    for (environment, machine) in record.header.plan.environments.iter_mut().zip(machines) {
        environment.settings =
            EnvironmentSettings::Qemu(QemuSettings { machine, ..QemuSettings::default() });
    }
    let holds = |id: &str, name: &str| drawn(id, &record).1.contains(name);
    assert!(holds("edge.fig6", "derain in small") && !holds("edge.fig6", "derain in pc"));
    assert!(holds("edge.fig7", "derain in pc") && !holds("edge.fig7", "derain in small"));
    assert!(figure::ids_of(&record).contains(&"edge.fig6"));
}
