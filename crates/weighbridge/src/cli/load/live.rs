//! The view of a running load on a terminal: figures of the last second, and charts of the
//! last minutes. Drawn once a second, so that it costs the client nothing that shows.

use std::collections::VecDeque;
use std::io::{self, Stderr};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, Paragraph};
use ratatui::{Frame, Terminal};
use weighbridge_measure::load::LoadSnapshot;

/// Seconds that the charts go back.
const MOST_POINTS: usize = 300;
const SMALLEST: (u16, u16) = (50, 14);

/// The terminal, taken over until this is dropped.
pub(super) struct LiveView {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    state: State,
}

/// What is drawn.
pub(super) struct State {
    title: String,
    coloured: bool,
    last: LoadSnapshot,
    /// Seconds with p50, p95, p99 in milliseconds.
    times: VecDeque<[f64; 4]>,
    /// Seconds with requests and failures a second.
    rates: VecDeque<[f64; 3]>,
}

impl LiveView {
    /// Takes the terminal over; `None` where it is too small or does not do as it is told.
    pub(super) fn open(title: String, coloured: bool) -> Option<Self> {
        let mut terminal = Terminal::new(CrosstermBackend::new(io::stderr())).ok()?;
        let size = terminal.size().ok()?;
        if size.width < SMALLEST.0 || size.height < SMALLEST.1 {
            return None;
        }
        execute!(io::stderr(), EnterAlternateScreen).ok()?;
        let state = State::new(title, coloured);
        terminal.hide_cursor().ok()?;
        terminal.clear().ok()?;
        Some(Self { terminal, state })
    }

    /// Draws a moment.
    pub(super) fn show(&mut self, snapshot: &LoadSnapshot) {
        self.state.take(snapshot);
        let state = &self.state;
        // A terminal that is gone is no reason to end a load.
        let _ = self.terminal.draw(|frame| state.draw(frame));
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
    }
}

impl State {
    pub(super) fn new(title: String, coloured: bool) -> Self {
        let last = LoadSnapshot::default();
        Self { title, coloured, last, times: VecDeque::new(), rates: VecDeque::new() }
    }

    pub(super) fn take(&mut self, snapshot: &LoadSnapshot) {
        let at = snapshot.elapsed_seconds;
        if let Some([p50, p95, p99, _]) = snapshot.response_milliseconds {
            keep(&mut self.times, [at, p50, p95, p99]);
        }
        keep(&mut self.rates, [at, snapshot.rps, snapshot.failures_per_second]);
        self.last = snapshot.clone();
    }

    pub(super) fn draw(&self, frame: &mut Frame<'_>) {
        let errors = u16::try_from(self.last.errors.len().min(4)).unwrap_or(4);
        let [head, gauge, figures, charts, below] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(3),
            Constraint::Min(7),
            Constraint::Length(errors + 1),
        ])
        .areas(frame.area());
        frame.render_widget(Paragraph::new(self.title.as_str()), head);
        frame.render_widget(self.gauge(), gauge);
        frame.render_widget(Paragraph::new(self.figures()), figures);
        let [left, right] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)])
                .areas(charts);
        self.draw_times(frame, left);
        self.draw_rates(frame, right);
        frame.render_widget(Paragraph::new(self.below()), below);
    }

    fn ink(&self, colour: Color) -> Style {
        if self.coloured { Style::new().fg(colour) } else { Style::new() }
    }

    fn gauge(&self) -> Gauge<'_> {
        let share = self.last.elapsed_seconds / self.last.planned_seconds.max(1e-9);
        let words = if share > 1.0 {
            format!("{:.0} s, waiting for the last answers", self.last.elapsed_seconds)
        } else {
            format!("{:.0} of {:.0} s", self.last.elapsed_seconds, self.last.planned_seconds)
        };
        Gauge::default()
            .gauge_style(self.ink(Color::Blue))
            .ratio(share.clamp(0.0, 1.0))
            .label(words)
    }

    fn figures(&self) -> Vec<Line<'static>> {
        let last = &self.last;
        let failed = Span::styled(
            format!("{} failed", last.failures),
            if last.failures > 0 { self.ink(Color::Red) } else { Style::new() },
        );
        let times = match last.response_milliseconds {
            Some([p50, p95, p99, max]) => {
                format!(
                    "response: p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, max {max:.1} ms in the last second"
                )
            }
            None => "response: nothing came to an end in the last second".to_owned(),
        };
        let lag = last
            .send_lag_milliseconds
            .map_or(String::new(), |lag| format!(", send lag p99 {lag:.2} ms"));
        vec![
            Line::from(vec![
                Span::raw(format!("{} requests, {:.0} a second, ", last.requests, last.rps)),
                failed,
            ]),
            Line::raw(times),
            Line::raw(format!("{} users, {} requests under way{lag}", last.users, last.under_way)),
        ]
    }

    fn draw_times(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = |index: usize| points(self.times.iter().map(|point| (point[0], point[index])));
        let (p50, p95, p99) = (line(1), line(2), line(3));
        let sets =
            [("p50", &p50, Color::Green), ("p95", &p95, Color::Yellow), ("p99", &p99, Color::Red)];
        self.draw_chart(frame, area, "response time, ms", &sets);
    }

    fn draw_rates(&self, frame: &mut Frame<'_>, area: Rect) {
        let line = |index: usize| points(self.rates.iter().map(|point| (point[0], point[index])));
        let (all, failed) = (line(1), line(2));
        let sets = [("requests", &all, Color::Blue), ("failed", &failed, Color::Red)];
        self.draw_chart(frame, area, "requests a second", &sets);
    }

    fn draw_chart(&self, frame: &mut Frame<'_>, area: Rect, title: &str, sets: &[Drawn<'_>]) {
        let values = || sets.iter().flat_map(|(_, points, _)| points.iter());
        let highest = values().map(|point| point.1).fold(0.0, f64::max).max(1e-3) * 1.05;
        let from = values().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let to = self.last.elapsed_seconds;
        let from = if from < to { from } else { 0.0 };
        let datasets = sets.iter().map(|(name, points, colour)| {
            Dataset::default()
                .name(*name)
                .marker(Marker::Braille)
                .style(self.ink(*colour))
                .data(points)
        });
        let words =
            |value: f64| if highest < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") };
        let chart = Chart::new(datasets.collect())
            .block(Block::bordered().title(title.to_owned()))
            .x_axis(
                Axis::default()
                    .bounds([from, to.max(from + 1e-3)])
                    .labels([format!("{from:.0} s"), format!("{to:.0} s")]),
            )
            .y_axis(Axis::default().bounds([0.0, highest]).labels([
                "0".to_owned(),
                words(highest / 2.0),
                words(highest),
            ]));
        frame.render_widget(chart, area);
    }

    fn below(&self) -> Vec<Line<'static>> {
        let mut errors = self.last.errors.clone();
        errors.sort_by_key(|error| std::cmp::Reverse(error.1));
        let mut lines: Vec<Line<'static>> = errors
            .into_iter()
            .take(4)
            .map(|(words, count)| {
                // What a server says may hold characters that drive a terminal.
                let words: String = words.chars().filter(|c| !c.is_control()).collect();
                Line::styled(format!("{count:>8} × {words}"), self.ink(Color::Red))
            })
            .collect();
        lines.push(Line::raw("Ctrl-C ends the load and gives the report so far"));
        lines
    }
}

/// A line of a chart: its name, its points, its colour.
type Drawn<'a> = (&'static str, &'a Vec<(f64, f64)>, Color);

fn points(values: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    values.collect()
}

fn keep<T>(points: &mut VecDeque<T>, point: T) {
    if points.len() == MOST_POINTS {
        points.pop_front();
    }
    points.push_back(point);
}

#[cfg(test)]
mod tests {
    use ratatui::backend::TestBackend;

    use super::*;

    fn drawn(width: u16, height: u16, snapshots: &[LoadSnapshot]) -> String {
        let mut state = State::new("http://h/ closed model".to_owned(), false);
        snapshots.iter().for_each(|snapshot| state.take(snapshot));
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| state.draw(frame)).expect("drawn");
        terminal.backend().to_string()
    }

    fn snapshot(second: f64) -> LoadSnapshot {
        LoadSnapshot {
            elapsed_seconds: second,
            planned_seconds: 60.0,
            users: 12,
            requests: 3456,
            failures: 7,
            under_way: 5,
            rps: 1234.0,
            failures_per_second: 1.0,
            response_milliseconds: Some([1.5, 9.0, 12.5, 40.0]),
            send_lag_milliseconds: Some(0.08),
            errors: vec![("status \u{1b}[2J503".to_owned(), 7)],
        }
    }

    #[test]
    fn the_figures_of_the_last_second_are_seen() {
        let seen = drawn(80, 24, &[snapshot(1.0), snapshot(2.0), snapshot(3.0)]);
        for words in [
            "3456 requests, 1234 a second, 7 failed",
            "p50 1.5, p95 9.0, p99 12.5, max 40.0 ms",
            "12 users, 5 requests under way, send lag p99 0.08 ms",
            "3 of 60 s",
            "7 × status [2J503",
            "Ctrl-C",
        ] {
            assert!(seen.contains(words), "{words}: {seen}");
        }
    }

    #[test]
    fn any_size_of_terminal_and_no_requests_are_drawn() {
        for (width, height) in [(1, 1), (20, 5), (50, 14), (300, 90)] {
            drawn(width, height, &[]);
            drawn(width, height, &[LoadSnapshot::default(), snapshot(5.0)]);
        }
    }

    #[test]
    fn history_is_bounded() {
        let mut state = State::new(String::new(), false);
        (0..1000).for_each(|second| state.take(&snapshot(f64::from(second))));
        assert_eq!((state.times.len(), state.rates.len()), (MOST_POINTS, MOST_POINTS));
    }
}
