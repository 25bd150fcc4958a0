//! `edge.fig1`: the environments of this run, drawn from its record: hardware and kernel of
//! the host below, a stack for each environment above.

use weighbridge_experiment::{EnvironmentKind, EnvironmentPlan, RunRecord, TaskPlan, WorkloadPlan};

use super::frame::{BODY, HEADING, MARGIN, SMALL, WIDTH, mark, series};
use super::palette::Ink;
use super::svg::{Anchor, Look, Stroke, Svg};
use super::{Drawn, FigureBody, text};
use crate::analysis::{Cell, Report};
use crate::quantity::bytes;

const MOST_COLUMNS: usize = 4;
const GAP: f64 = 14.0;
const LINE: f64 = 15.0;
const PAD: f64 = 10.0;

pub(super) fn draw(record: &RunRecord, report: &Report) -> Result<Drawn, String> {
    let environments = &record.header.plan.environments;
    if environments.is_empty() {
        return Err("the run has no environment".to_owned());
    }
    let mut svg = Svg::new(WIDTH, 0.0);
    let columns = environments.len().min(MOST_COLUMNS);
    let inner = WIDTH - 2.0 * (MARGIN + PAD + 4.0);
    let width = (inner - GAP * (columns - 1) as f64) / columns as f64;
    // Heights come first: the host's frame lies behind everything, so it is drawn first.
    let stacks: Vec<Stack> = environments
        .iter()
        .map(|environment| Stack::of(record, report, environment, width))
        .collect();
    let layers = host_layers(report, inner);
    let rows: Vec<f64> = stacks
        .chunks(columns)
        .map(|row| row.iter().map(Stack::height).fold(0.0, f64::max) + GAP)
        .collect();
    let height =
        34.0 + rows.iter().sum::<f64>() + layers.iter().map(Layer::height).sum::<f64>() + PAD;
    let frame = Look { fill: Some(Ink::Panel), stroke: Some(Stroke::solid(Ink::Grid, 1.2)) };
    svg.rectangle((MARGIN, 4.0), (WIDTH - 2.0 * MARGIN, height), 8.0, frame);
    let left = MARGIN + PAD + 4.0;
    svg.text((left, 26.0), Anchor::Start, BODY, Ink::Muted, "host");
    let mut y = 38.0;
    for (row, row_height) in stacks.chunks(columns).zip(&rows) {
        for (index, stack) in row.iter().enumerate() {
            stack.draw(&mut svg, (left + index as f64 * (width + GAP), y), width, row_height - GAP);
        }
        y += row_height;
    }
    for layer in &layers {
        layer.draw(&mut svg, (left, y), inner);
        y += layer.height();
    }
    svg.set_height(height + 12.0);
    Ok(Drawn {
        title: format!("Environments of the run “{}”", report.run.name),
        caption: format!(
            "Every environment runs the same executable, SHA-256 {}, as its agent.",
            record.header.plan.executable_sha256.short()
        ),
        body: FigureBody::Drawing(svg),
    })
}

/// A bar of the host below all environments.
struct Layer {
    lines: Vec<String>,
}

impl Layer {
    fn height(&self) -> f64 {
        self.lines.len() as f64 * LINE + 22.0
    }

    fn draw(&self, svg: &mut Svg, (x, y): (f64, f64), width: f64) {
        let look = Look { fill: Some(Ink::Paper), stroke: Some(Stroke::solid(Ink::Grid, 1.2)) };
        svg.rectangle((x, y), (width, self.height() - 8.0), 4.0, look);
        for (index, line) in self.lines.iter().enumerate() {
            let at = (x + width / 2.0, y + 18.0 + index as f64 * LINE);
            svg.text(at, Anchor::Middle, BODY, Ink::Text, line.clone());
        }
    }
}

fn host_layers(report: &Report, width: f64) -> Vec<Layer> {
    let fact = |names: &[&str]| fact_value(report, names);
    let kernel = fact(&["kernel_release"]).unwrap_or("release unknown");
    let cgroup = fact(&["cgroup_version"])
        .map(|version| format!(", cgroup {}", version.trim_start_matches("cgroup ")));
    let processor = fact(&["cpu_model"]).unwrap_or("processor unknown");
    let cores = fact(&["cpu_logical_count"]).map(|count| format!(", {count} CPUs"));
    let memory = fact(&["memory_total_bytes"])
        .and_then(|total| total.parse().ok())
        .map(|total| format!(", {} memory", bytes(total)));
    let virtual_machine = fact(&["hypervisor_present"]) == Some("yes");
    let hypervisor = virtual_machine.then(|| ", itself a virtual machine".to_owned());
    let words = |parts: [Option<String>; 3]| parts.into_iter().flatten().collect::<String>();
    [
        format!("kernel of the host: {kernel}{}", cgroup.unwrap_or_default()),
        format!("hardware: {processor}{}", words([cores, memory, hypervisor])),
    ]
    .iter()
    .map(|line| Layer { lines: text::wrap(line, width - 2.0 * PAD, BODY) })
    .collect()
}

/// The workload, what it runs, and what must be said next to its numbers.
fn workload_line(workload: &WorkloadPlan) -> String {
    let runs = match (&workload.task, &workload.model) {
        (TaskPlan::Command(command), _) => command.command.join(" "),
        (TaskPlan::Transfer(plan), _) => format!("files to {}", plan.transfer.destination),
        (TaskPlan::Benchmark(benchmark), _) => format!("{} benchmark", benchmark.kind()),
        (_, Some(model)) => model.name.clone(),
        (_, None) => "no model".to_owned(),
    };
    let labels = if workload.labels.is_empty() {
        String::new()
    } else {
        format!(" ({})", workload.labels.join(", "))
    };
    format!("{}: {runs}{labels}", workload.name)
}

fn fact_value<'a>(report: &'a Report, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| report.run.host.get(*name)?.value.as_deref())
}

/// One environment: a title over boxes, from the application down to what confines it.
struct Stack {
    series: usize,
    title: Vec<String>,
    boxes: Vec<Vec<String>>,
    confinement: Vec<String>,
}

impl Stack {
    fn of(record: &RunRecord, report: &Report, environment: &EnvironmentPlan, width: f64) -> Self {
        let cells: Vec<&Cell> =
            report.cells.iter().filter(|cell| cell.environment == environment.name).collect();
        let room = width - 4.0 * PAD;
        let wrapped = |lines: &[String]| -> Vec<String> {
            lines.iter().flat_map(|line| text::wrap(line, room, SMALL)).collect()
        };
        let applications: Vec<String> =
            record.header.plan.workloads.iter().map(workload_line).collect();
        let engine = cells.iter().find_map(|cell| cell.engine.as_ref()).map_or_else(
            || "engine unknown: no trial worked".to_owned(),
            |engine| {
                format!(
                    "engine {} {}, {}, {} thread{}",
                    engine.name,
                    engine.version,
                    engine.instruction_set,
                    engine.threads,
                    if engine.threads == 1 { "" } else { "s" }
                )
            },
        );
        Self {
            series: series(record, &environment.name),
            title: text::wrap(&environment.name, width - 2.0 * PAD - 20.0, HEADING),
            boxes: vec![
                wrapped(&applications),
                wrapped(&[engine]),
                wrapped(&["agent, over the wire protocol".to_owned()]),
            ],
            confinement: wrapped(&confinement(environment)),
        }
    }

    fn height(&self) -> f64 {
        let boxes: f64 = self.boxes.iter().map(|lines| box_height(lines)).sum();
        12.0 + self.title.len() as f64 * 18.0
            + boxes
            + self.confinement.len() as f64 * LINE
            + PAD
            + 6.0
    }

    fn draw(&self, svg: &mut Svg, (x, y): (f64, f64), width: f64, height: f64) {
        let look = Look {
            fill: Some(Ink::Pale(self.series)),
            stroke: Some(Stroke::solid(Ink::Series(self.series), 1.6)),
        };
        svg.rectangle((x, y), (width, height), 6.0, look);
        mark(svg, (x + PAD + 5.0, y + 19.0), self.series);
        let mut line_y = y + 24.0;
        for line in &self.title {
            svg.text((x + PAD + 18.0, line_y), Anchor::Start, HEADING, Ink::Text, line.clone());
            line_y += 18.0;
        }
        let mut top = line_y - 8.0;
        for lines in &self.boxes {
            let look = Look { fill: Some(Ink::Paper), stroke: Some(Stroke::solid(Ink::Grid, 1.0)) };
            svg.rectangle((x + PAD, top), (width - 2.0 * PAD, box_height(lines) - 6.0), 3.0, look);
            write_lines(svg, lines, (x + 2.0 * PAD, top + 16.0), Ink::Text);
            top += box_height(lines);
        }
        write_lines(svg, &self.confinement, (x + 2.0 * PAD, top + 12.0), Ink::Text);
    }
}

fn box_height(lines: &[String]) -> f64 {
    lines.len() as f64 * LINE + 16.0
}

fn write_lines(svg: &mut Svg, lines: &[String], (x, y): (f64, f64), ink: Ink) {
    for (index, line) in lines.iter().enumerate() {
        svg.text((x, y + index as f64 * LINE), Anchor::Start, SMALL, ink, line.clone());
    }
}

/// What lies between the agent and the host.
fn confinement(environment: &EnvironmentPlan) -> Vec<String> {
    let mut lines = match environment.kind {
        EnvironmentKind::Native => vec!["a process of the host".to_owned()],
        EnvironmentKind::Container => {
            vec!["own root file system; pid, mount, net, uts, ipc namespaces".to_owned()]
        }
        EnvironmentKind::Ssh => vec!["a process of another host, reached by ssh".to_owned()],
        EnvironmentKind::Docker => {
            vec!["own root file system and namespaces, made by a daemon".to_owned()]
        }
        EnvironmentKind::Qemu => {
            vec!["a virtual machine with a kernel of its own".to_owned()]
        }
        EnvironmentKind::Firecracker => {
            vec!["a small virtual machine with a kernel of its own".to_owned()]
        }
        EnvironmentKind::Simulated => {
            vec!["simulated: no measurement, times drawn from a seed".to_owned()]
        }
    };
    lines.extend(environment.version.clone());
    let memory = environment
        .limits
        .memory
        .map_or_else(|| "memory not limited".to_owned(), |size| format!("at most {size} memory"));
    let cpus = environment.limits.cpus;
    let unit = if cpus.count() == 1.0 { "CPU" } else { "CPUs" };
    lines.push(format!("{cpus} {unit}, {memory}"));
    if environment.emulated {
        lines.push("processor emulated".to_owned());
    }
    lines.extend(environment.restriction.clone());
    lines
}
