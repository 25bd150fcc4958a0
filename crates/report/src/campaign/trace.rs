//! `cloud.fig2`: one slot of a campaign as a trace, from the schedule to the registry.

use jiff::Timestamp;
use weighbridge_experiment::{
    CampaignRecord, InferenceTiming, SlotEventKind, TrialOutcome, TrialRecord,
};

use super::SlotRun;
use crate::figure::frame::{
    AXIS_HEIGHT, BODY, MARGIN, SMALL, TickWords, WIDTH, horizontal_axis, series,
};
use crate::figure::palette::Ink;
use crate::figure::scale::Scale;
use crate::figure::svg::{Anchor, Look, Stroke, Svg};
use crate::figure::{Figure, FigureBody, FigureError, text};
use crate::quantity::{TimeUnit, seconds};

const ID: &str = "cloud.fig2";
const LEFT: f64 = 170.0;
const LANE: f64 = 34.0;
const BAR: f64 = 16.0;
const MINUTES_FROM_SECONDS: f64 = 150.0;

/// The trace of the slot of `run`.
///
/// # Errors
///
/// No trial of that run is recorded.
pub fn trace(campaign: &CampaignRecord, run: &SlotRun<'_>) -> Result<Figure, FigureError> {
    let record = run.record;
    if record.trials.is_empty() {
        return Err(FigureError::NotInRun {
            id: ID,
            run: record.header.id.to_string(),
            reason: "it has no trial yet".to_owned(),
        });
    }
    let spans = Spans::of(campaign, run);
    let right = WIDTH - MARGIN;
    let across = Scale::new((0.0, spans.end.max(1e-3)), (LEFT, right));
    let mut svg = Svg::new(WIDTH, 0.0);
    let names: Vec<String> = record
        .header
        .plan
        .environments
        .iter()
        .map(|environment| environment.name.clone())
        .collect();
    let lanes = names.len() + 3;
    let bottom = 8.0 + lanes as f64 * LANE;
    let (words, unit) = if spans.end >= MINUTES_FROM_SECONDS {
        (TickWords::MinutesSeconds, "min:s")
    } else {
        let unit = TimeUnit::for_seconds(spans.end);
        (TickWords::Factor(unit.factor), unit.name)
    };
    let title = format!("time since the slot was due, {unit}");
    horizontal_axis(&mut svg, &across, (8.0, bottom), (LEFT, right), &words, &title);
    let mut lane = Lanes { svg: &mut svg, across: &across, y: 8.0 };
    lane.named("schedule");
    lane.mark(0.0, Ink::Threshold);
    lane.mark(spans.begun, Ink::Text);
    lane.next();
    lane.named("driver: plan, try");
    lane.bar((spans.begun, spans.planned), Ink::Muted);
    lane.next();
    for name in &names {
        lane.named(&format!("service in {name}"));
        for trial in record.trials.iter().filter(|trial| trial.cell.environment == *name) {
            lane.bar(spans.trial(trial), Ink::Series(series(record, name)));
        }
        lane.next();
    }
    lane.named("registry");
    for trial in &record.trials {
        lane.mark(spans.trial(trial).1, Ink::Text);
    }
    lane.mark(spans.end, Ink::Threshold);
    svg.set_height(bottom + AXIS_HEIGHT);
    let title = format!("Slot {} of the campaign “{}”", run.slot + 1, campaign.header.name);
    let caption = format!(
        "From top to bottom: the schedule (due, begun {} later), the driver (resolving and trying the \
         experiment), the service in each platform (bars: start, warm-up and trial), the registry \
         (a mark for each record, the last one ends the slot and gives its report). {} trials in random \
         order; run {} of {}.",
        seconds(spans.begun),
        record.trials.len(),
        record.header.id,
        record.header.started.strftime("%Y-%m-%d %H:%MZ")
    );
    Ok(Figure {
        id: ID,
        body: FigureBody::Drawing(svg.described(ID, &title, &caption)),
        title,
        caption,
    })
}

/// Everything that has a time, in seconds since the slot was due.
struct Spans {
    due: Timestamp,
    begun: f64,
    planned: f64,
    end: f64,
}

impl Spans {
    fn of(campaign: &CampaignRecord, run: &SlotRun<'_>) -> Self {
        let record = run.record;
        let started = record.header.started;
        let due = campaign.header.slots.get(run.slot as usize).copied().unwrap_or(started);
        let since = |time: Timestamp| due.duration_until(time).as_secs_f64().max(0.0);
        let of_slot = |is: fn(&SlotEventKind) -> bool| {
            let events = campaign.events.iter().filter(|event| event.slot == run.slot);
            events.filter(|event| is(&event.kind)).map(|event| event.at).next()
        };
        let begun = of_slot(|kind| matches!(kind, SlotEventKind::Begun { .. })).unwrap_or(started);
        let mut spans = Self { due, begun: since(begun), planned: since(started), end: 0.0 };
        let last = record.trials.iter().map(|trial| spans.trial(trial).1).fold(0.0, f64::max);
        let finished = of_slot(|kind| *kind == SlotEventKind::Finished);
        spans.end = finished.map_or(last, since).max(last);
        spans
    }

    /// A trial from the request for its instance to its record.
    fn trial(&self, trial: &TrialRecord) -> (f64, f64) {
        let begin = self.due.duration_until(trial.started).as_secs_f64().max(0.0);
        let long = match &trial.outcome {
            TrialOutcome::Ok(measured) => {
                let warmup: u64 =
                    measured.warmup.iter().map(InferenceTiming::total_nanoseconds).sum();
                measured.start.ready_seconds
                    + measured.start.load_seconds
                    + (warmup + measured.host_total_nanoseconds) as f64 / 1e9
            }
            TrialOutcome::Failed(_) => 0.0,
        };
        (begin, begin + long)
    }
}

struct Lanes<'a> {
    svg: &'a mut Svg,
    across: &'a Scale,
    y: f64,
}

impl Lanes<'_> {
    fn named(&mut self, name: &str) {
        let middle = self.y + LANE / 2.0;
        let name = text::fit(name, LEFT - MARGIN - 12.0, BODY);
        self.svg.text((MARGIN, middle + SMALL * 0.36), Anchor::Start, BODY, Ink::Text, name);
    }

    fn next(&mut self) {
        self.y += LANE;
        self.svg.line((MARGIN, self.y), (WIDTH - MARGIN, self.y), Stroke::solid(Ink::Grid, 1.0));
    }

    fn bar(&mut self, (from, to): (f64, f64), ink: Ink) {
        let (left, right) = (self.across.at(from), self.across.at(to));
        let top = self.y + (LANE - BAR) / 2.0;
        self.svg.rectangle((left, top), ((right - left).max(1.0), BAR), 1.0, Look::filled(ink));
    }

    fn mark(&mut self, at: f64, ink: Ink) {
        let x = self.across.at(at);
        let top = self.y + (LANE - BAR) / 2.0;
        self.svg.line((x, top), (x, top + BAR), Stroke::solid(ink, 1.6));
    }
}
