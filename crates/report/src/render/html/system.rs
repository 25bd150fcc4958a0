//! The table of system benchmarks of the HTML report.

use maud::{Markup, html as markup};

use crate::analysis::Report;
use crate::render::system::{figure, groups, interval, percentiles, remarks, without_rows};

const COLUMNS: usize = 8;

pub(super) fn section(report: &Report) -> Markup {
    let groups = groups(report);
    let without = without_rows(report);
    if groups.is_empty() && without.is_empty() {
        return markup! {};
    }
    markup! {
        section aria-labelledby="system" {
            h2 id="system" { "System benchmarks" }
            div.scroll { table.cells {
                caption {
                    "Means over trials; ± is half of the 95 % interval of the mean. Percentiles are of single events or "
                    "requests, over all samples. MB is 10⁶ bytes."
                }
                thead { tr {
                    th scope="col" { "environment" } th.number scope="col" { "trials" }
                    th.number scope="col" { "mean" } th.number scope="col" { "95 %" }
                    th.number scope="col" { "p50" } th.number scope="col" { "p95" }
                    th.number scope="col" { "p99" } th.number scope="col" { "samples" }
                } }
                @for group in &groups {
                    tbody {
                        tr { th.group scope="rowgroup" colspan=(COLUMNS) { (group.heading) } }
                        @for line in &group.lines {
                            @let [p50, p95, p99] = percentiles(line.row);
                            tr {
                                th scope="row" { (line.cell.environment) }
                                td.number { (line.row.trials) }
                                td.number {
                                    @if line.row.quantities.is_empty() { "–" }
                                    @for (index, quantity) in line.row.quantities.iter().enumerate() {
                                        @if index > 0 { ", " }
                                        (figure(quantity))
                                    }
                                }
                                td.number { (line.row.quantities.first().and_then(interval).unwrap_or_else(|| "–".to_owned())) }
                                td.number { (p50) } td.number { (p95) } td.number { (p99) }
                                td.number { (line.row.operations) }
                            }
                            @for remark in remarks(line) {
                                tr { td.small colspan=(COLUMNS) { (remark) } }
                            }
                            tr { td.small colspan=(COLUMNS) { "read with: " (line.row.instrument) } }
                        }
                    }
                }
            } }
            @for words in &without { p.missing { (words) } }
        }
    }
}
