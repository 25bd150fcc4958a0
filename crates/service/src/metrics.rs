//! What the service counts, in the text format of Prometheus (OpenMetrics 1.0).

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::answer::StageTimes;

/// Labels of a request: never the path itself, which a client chooses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    model: &'static str,
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: &'static str,
}

/// Seconds from 1 ms to 131 s, each bucket twice the one before.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 18))
}

/// Counters of one service.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
    stages: Family<StageLabels, Histogram, fn() -> Histogram>,
    refusals: Family<RefusalLabels, Counter>,
    abandoned: Counter,
    waiting: Family<ModelLabels, Gauge>,
    running: Family<ModelLabels, Gauge>,
    pub(crate) connections: Gauge,
    held: Gauge,
    stored: Gauge,
    memory: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("weighbridge");
        let requests = Family::default();
        let durations = Family::new_with_constructor(seconds as fn() -> Histogram);
        let stages = Family::new_with_constructor(seconds as fn() -> Histogram);
        let refusals = Family::default();
        let abandoned = Counter::default();
        let (waiting, running) = (Family::default(), Family::default());
        let [connections, held, stored, memory] = std::array::from_fn(|_| Gauge::default());
        registry.register("requests", "Requests answered, by route and status", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From the head of a request to its answer",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register_with_unit(
            "stage_duration",
            "Stages of an inference, and the wait before it",
            Unit::Seconds,
            stages.clone(),
        );
        registry.register("refusals", "Requests refused, by reason", refusals.clone());
        registry.register(
            "abandoned_requests",
            "Requests whose client left before the answer",
            abandoned.clone(),
        );
        registry.register("waiting_requests", "Requests in the queue", waiting.clone());
        registry.register("running_requests", "Inferences that run", running.clone());
        registry.register("open_connections", "Connections that are open", connections.clone());
        registry.register_with_unit(
            "held_bodies",
            "Bodies of requests in memory",
            Unit::Bytes,
            held.clone(),
        );
        registry.register_with_unit(
            "stored_results",
            "Results kept for the pages",
            Unit::Bytes,
            stored.clone(),
        );
        registry.register_with_unit(
            "resident_memory",
            "Resident memory of the process",
            Unit::Bytes,
            memory.clone(),
        );
        Self {
            registry,
            requests,
            durations,
            stages,
            refusals,
            abandoned,
            waiting,
            running,
            connections,
            held,
            stored,
            memory,
        }
    }

    pub(crate) fn request(&self, route: &str, status: u16, seconds: f64) {
        let labels = RequestLabels { route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.durations.get_or_create(&labels).observe(seconds);
    }

    pub(crate) fn refusal(&self, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }

    pub(crate) fn abandoned(&self) {
        self.abandoned.inc();
    }

    pub(crate) fn stages(&self, model: &'static str, times: &StageTimes) {
        for (stage, milliseconds) in times.each() {
            let labels = StageLabels { model, stage };
            self.stages.get_or_create(&labels).observe(milliseconds / 1e3);
        }
    }

    pub(crate) fn model(&self, model: &'static str, waiting: usize, running: usize) {
        let labels = ModelLabels { model };
        self.waiting.get_or_create(&labels).set(waiting as i64);
        self.running.get_or_create(&labels).set(running as i64);
    }

    /// The text, with what is read only now.
    pub(crate) fn text(&self, held: usize, stored: u64) -> String {
        self.held.set(held as i64);
        self.stored.set(stored as i64);
        // Where the kernel does not say, no figure is shown for it rather than a 0.
        if let Some(bytes) = resident_bytes() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Second field of `/proc/self/statm`, in pages (proc(5)).
fn resident_bytes() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_holds_what_was_counted() {
        let metrics = Metrics::new();
        metrics.request("/v1/{application}", 200, 0.25);
        metrics.refusal("overloaded");
        metrics.stages("derain", &StageTimes { infer: 70.0, ..StageTimes::default() });
        metrics.model("derain", 3, 2);
        let text = metrics.text(17, 5);
        for line in [
            "weighbridge_requests_total{route=\"/v1/{application}\",status=\"200\"} 1",
            "weighbridge_refusals_total{reason=\"overloaded\"} 1",
            "weighbridge_stage_duration_seconds_sum{model=\"derain\",stage=\"infer\"} 0.07",
            "weighbridge_waiting_requests{model=\"derain\"} 3",
            "weighbridge_held_bodies_bytes 17",
            "# EOF",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
