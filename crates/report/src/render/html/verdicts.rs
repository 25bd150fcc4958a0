//! The verdicts of the HTML report: cards, or a table where there are many.

use maud::{Markup, html as markup};

use crate::analysis::{Comparison, Report};

/// More cards than these are a wall, not a summary.
const MOST_CARDS: usize = 6;

pub(super) fn section(report: &Report) -> Markup {
    let compared: Vec<&Comparison> =
        report.comparisons.iter().filter(|comparison| comparison.n > 0).collect();
    markup! {
        section aria-labelledby="verdicts" {
            h2 id="verdicts" { "Verdicts" }
            @if report.comparisons.is_empty() && report.not_compared.is_empty() {
                p.missing { "Nothing to compare: the run has one environment." }
            }
            @if compared.len() > MOST_CARDS {
                (table(&compared))
            } @else {
                ul.verdicts { @for comparison in &compared { (verdict(comparison)) } }
            }
            (without_verdict(report))
        }
    }
}

fn verdict(comparison: &Comparison) -> Markup {
    markup! {
        li class=[comparison.detected.then_some("detected")] {
            div.pair { (comparison.workload) ": " (comparison.b) " against " (comparison.a) }
            div.words { (comparison.verdict) }
            div.small {
                (comparison.n) " blocks"
                @if let Some(p) = comparison.p_value { ", p = " (format!("{p:.4}")) }
            }
            @for label in &comparison.labels { span.label { (label) } }
        }
    }
}

/// Pairs that may not be compared, and those that no block holds both of.
fn without_verdict(report: &Report) -> Markup {
    let empty: Vec<&Comparison> =
        report.comparisons.iter().filter(|comparison| comparison.n == 0).collect();
    markup! {
        @if !(empty.is_empty() && report.not_compared.is_empty()) {
            h3 { "Without a verdict" }
            ul.small {
                @for comparison in empty {
                    li {
                        (comparison.workload) ": " (comparison.b) " against " (comparison.a) " – "
                        (comparison.verdict)
                    }
                }
                @for words in report.not_compared_words() { li { (words) } }
            }
        }
    }
}

/// Many verdicts, one a row.
fn table(compared: &[&Comparison]) -> Markup {
    markup! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "workload" } th scope="col" { "against" }
                th scope="col" { "verdict" } th.number scope="col" { "blocks" }
            } }
            tbody {
                @for comparison in compared {
                    tr {
                        th scope="row" { (comparison.workload) }
                        td { (comparison.a) }
                        td {
                            @if !comparison.detected { (comparison.b) ": " }
                            (comparison.verdict) " "
                            @for label in &comparison.labels { span.label { (label) } }
                        }
                        td.number { (comparison.n) }
                    }
                }
            }
        } }
    }
}
