//! What is seen while a load runs: a live view on a terminal, a line now and then elsewhere.

use std::io::IsTerminal as _;

use weighbridge_experiment::load::LoadPlan;
use weighbridge_measure::load::LoadSnapshot;

use super::live::LiveView;
use crate::cli::output;

/// Seconds between two lines where there is no live view.
const PLAIN_SECONDS: f64 = 10.0;

/// Looks on at a load.
pub(super) struct View {
    live: Option<LiveView>,
    next_seconds: f64,
}

impl View {
    /// `may_be_live`: nothing else is written on the terminal meanwhile.
    pub(super) fn new(plan: &LoadPlan, may_be_live: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
        let live = if may_be_live && std::io::stderr().is_terminal() && !dumb {
            LiveView::open(plan.target.to_string(), output::colour_wanted())
        } else {
            None
        };
        Self { live, next_seconds: PLAIN_SECONDS }
    }

    /// Shows a moment of the load.
    pub(super) fn show(&mut self, snapshot: &LoadSnapshot) {
        if let Some(live) = &mut self.live {
            live.show(snapshot);
        } else if snapshot.elapsed_seconds >= self.next_seconds {
            self.next_seconds = snapshot.elapsed_seconds + PLAIN_SECONDS;
            output::note(&line(snapshot));
        }
    }
}

fn line(snapshot: &LoadSnapshot) -> String {
    let times = snapshot
        .response_milliseconds
        .map(|[p50, p95, ..]| format!(", p50 {p50:.1} ms, p95 {p95:.1} ms"))
        .unwrap_or_default();
    format!(
        "{:.0} of {:.0} s: {} users, {} requests, {} failed, {:.0}/s{times}",
        snapshot.elapsed_seconds,
        snapshot.planned_seconds,
        snapshot.users,
        snapshot.requests,
        snapshot.failures,
        snapshot.rps
    )
}
