//! Two runs side by side, for a terminal.

use super::grid::{Align, Grid, wrap};
use crate::analysis::CrossReport;
use crate::quantity::seconds;

/// The comparison of two runs in at most `width` columns.
#[must_use]
pub fn across_table(report: &CrossReport, width: usize, colour: bool) -> String {
    use Align::{Left, Right};
    let width = width.max(40);
    let mut grid = Grid::new(&[
        ("environment", Left),
        (report.a.as_str(), Right),
        (report.b.as_str(), Right),
        ("trials", Right),
        ("verdict on the second run", Left),
    ]);
    let mut workload = "";
    for cell in &report.cells {
        if cell.workload != workload {
            workload = &cell.workload;
            grid.heading(workload);
        }
        let time = |mean: Option<f64>| mean.map_or_else(|| "–".to_owned(), seconds);
        grid.row(vec![
            cell.environment.clone(),
            time(cell.mean_seconds_a),
            time(cell.mean_seconds_b),
            format!("{}, {}", cell.trials_a, cell.trials_b),
            cell.verdict.clone(),
        ]);
        if !cell.labels.is_empty() {
            grid.remark(cell.labels.join(", "));
        }
    }
    let mut out = grid.render(width, colour);
    let lines =
        std::iter::once(&report.label).chain(&report.only_in_one).chain(&report.differences);
    for (index, line) in lines.enumerate() {
        if index < 2 {
            out.push('\n');
        }
        for piece in wrap(line, width - 2) {
            out.push_str(&format!("  {piece}\n"));
        }
    }
    out
}
