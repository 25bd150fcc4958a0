//! Progress of a run on a terminal: a bar for each cell, and the time left.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use weighbridge_experiment::{CellKey, TrialOutcome};

/// Bars on standard error; nothing where that is not a terminal.
///
/// Nothing is drawn while a trial runs: the bars move between trials only, since a redraw
/// would take CPU from what is being measured.
pub(crate) struct Progress {
    bars: BTreeMap<CellKey, ProgressBar>,
    total: ProgressBar,
}

impl Progress {
    /// Bars for these cells, each with the trials asked and those done already.
    pub(crate) fn new(cells: &[(CellKey, u64, u64)]) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        let widest = cells.iter().map(|(key, ..)| key.to_string().len()).max().unwrap_or(0);
        let cell_style =
            style(&format!("{{prefix:<{widest}}} {{bar:24}} {{pos:>4}}/{{len}} {{msg}}"));
        let bars = cells
            .iter()
            .map(|(key, asked, done)| {
                let bar = all.add(ProgressBar::new(*asked).with_style(cell_style.clone()));
                bar.set_prefix(key.to_string());
                bar.set_position(*done);
                (key.clone(), bar)
            })
            .collect();
        let (asked, done) =
            cells.iter().fold((0, 0), |(a, d), (_, asked, done)| (a + asked, d + done));
        let total = all.add(ProgressBar::new(asked).with_style(style(&format!(
            "{{prefix:<{widest}}} {{bar:24}} {{pos:>4}}/{{len}} {{eta}} left"
        ))));
        total.set_prefix("all trials");
        total.set_position(done);
        // What an earlier process did says nothing about this one's speed.
        total.reset_eta();
        Self { bars, total }
    }

    /// A trial of this cell begins.
    pub(crate) fn begin(&self, cell: &CellKey) {
        if let Some(bar) = self.bars.get(cell) {
            bar.set_message("running");
        }
    }

    /// It ended.
    pub(crate) fn end(&self, cell: &CellKey, outcome: &TrialOutcome) {
        if let Some(bar) = self.bars.get(cell) {
            bar.inc(1);
            bar.set_message(match outcome {
                TrialOutcome::Ok(measured) => {
                    seconds(Duration::from_nanos(measured.total_nanoseconds))
                }
                TrialOutcome::Failed(_) => "failed".to_owned(),
            });
        }
        self.total.inc(1);
    }

    /// Takes the bars away: the table says it all.
    pub(crate) fn finish(&self) {
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

/// A sign of life on a terminal while nothing is measured; gone when it is dropped.
pub(crate) struct Waiting(ProgressBar);

impl Waiting {
    /// Says what is being waited for.
    pub(crate) fn on(what: &str) -> Self {
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(8));
        let template = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
        let spinner = spinner
            .with_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()))
            .with_message(what.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(125));
        Self(spinner)
    }
}

impl Waiting {
    /// Says what is being waited for by now.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("█▉▊▋▌▍▎▏ ")
}

fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 1.0 { format!("{seconds:.2} s") } else { format!("{:.1} ms", seconds * 1e3) }
}
