//! Facts of the host and of every environment, side by side, in the HTML report.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html as markup};

use crate::analysis::{FactValue, Report};

type Facts = BTreeMap<String, FactValue>;

pub(super) fn section(report: &Report) -> Markup {
    let environments = environments(report);
    let names: BTreeSet<&String> =
        environments.iter().flat_map(|(_, facts)| facts.keys()).collect();
    markup! {
        section aria-labelledby="hosts" {
            h2 id="hosts" { "Host and environments" }
            h3 { "Host" }
            @if report.run.host.is_empty() { p.missing { "No fact of the host was recorded." } }
            @else { (host(&report.run.host)) }
            h3 { "Inside each environment" }
            @if names.is_empty() {
                p.missing { "No fact was recorded inside any environment." }
            } @else {
                div.scroll { table.facts {
                    caption { "Values that differ from those of the first environment are set in bold." }
                    thead { tr {
                        th scope="col" { "fact" }
                        @for (name, _) in &environments { th scope="col" { (name) } }
                    } }
                    tbody {
                        @for name in names {
                            tr {
                                th scope="row" { (name) }
                                @for (_, facts) in &environments {
                                    td class=[differs(&environments, facts, name)] { (value(facts.get(name))) }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn environments(report: &Report) -> Vec<(&str, &Facts)> {
    let mut environments: Vec<(&str, &Facts)> = Vec::new();
    for cell in &report.cells {
        if environments.iter().all(|(name, _)| *name != cell.environment) {
            environments.push((&cell.environment, &cell.host));
        }
    }
    environments
}

/// The class of a value that is not the first environment's.
fn differs(environments: &[(&str, &Facts)], facts: &Facts, name: &str) -> Option<&'static str> {
    let value = |facts: &Facts| facts.get(name).and_then(|fact| fact.value.clone());
    let (_, first) = environments.first()?;
    (value(first) != value(facts)).then_some("differs")
}

fn host(facts: &Facts) -> Markup {
    markup! {
        div.scroll { table.facts.sources {
            thead { tr {
                th scope="col" { "fact" } th scope="col" { "value" } th scope="col" { "read from" }
            } }
            tbody {
                @for (name, fact) in facts {
                    tr { th scope="row" { (name) } td { (value(Some(fact))) } td.small { (fact.instrument) } }
                }
            }
        } }
    }
}

fn value(fact: Option<&FactValue>) -> Markup {
    markup! {
        @match fact {
            Some(FactValue { value: Some(value), .. }) => (value),
            Some(FactValue { reason: Some(reason), .. }) => span.missing { "missing: " (reason) },
            _ => span.missing { "not recorded" },
        }
    }
}
