//! Pairs of environments on one workload: whether they may be compared, and what the
//! comparison says. Does not know about more than two cells at a time.

use std::collections::{BTreeMap, BTreeSet};

use weighbridge_experiment::{
    Difference, DiskCache, EngineIdentity, EnvironmentKind, EnvironmentPlan, EnvironmentSettings,
    Restart,
};

use super::metric::Metric;
use super::model::{Comparison, NotCompared};
use super::sign_flip::{FEWEST_PAIRS, sign_flip_95};
use super::statistics::mean;
use super::trials::CellTrials;
use super::verdict::verdict_in_words;

/// Label of everything that was measured without restarting agents between trials.
pub(crate) const WITHIN_ONE_INSTANCE: &str = "within one instance";

/// One side of a comparison.
pub(crate) struct Side<'a> {
    pub(crate) environment: &'a EnvironmentPlan,
    pub(crate) threads: u32,
    pub(crate) labels: &'a [String],
    pub(crate) trials: &'a CellTrials<'a>,
}

impl Side<'_> {
    fn simulated(&self) -> bool {
        self.environment.kind == EnvironmentKind::Simulated
    }

    fn engines(&self) -> BTreeSet<String> {
        self.trials
            .worked
            .iter()
            .map(|(_, measurement)| engine_words(&measurement.engine))
            .collect()
    }

    /// What lies between its files and the host's storage. `O_DIRECT` inside a guest says
    /// nothing of the host's page cache; the cache mode of the guest's disk does.
    fn disk_cache(&self) -> &'static str {
        let disk = match &self.environment.settings {
            EnvironmentSettings::Qemu(qemu) => qemu.disk,
            EnvironmentSettings::Firecracker(guest) => guest.disk,
            _ => None,
        };
        match disk.map(|disk| disk.cache) {
            Some(DiskCache::Writeback) => "through the host's page cache",
            Some(DiskCache::Unsafe) => "through the host's page cache, which never writes at once",
            Some(DiskCache::None) | None => "not through a second page cache",
        }
    }

    fn memory_words(&self) -> String {
        self.environment
            .limits
            .memory
            .map_or_else(|| "unlimited".to_owned(), |size| size.to_string())
    }
}

fn engine_words(engine: &EngineIdentity) -> String {
    format!(
        "{} {}, {}, {} threads",
        engine.name, engine.version, engine.instruction_set, engine.threads
    )
}

/// A comparison, or the reason why there must be none.
pub(crate) enum Compared {
    Yes(Box<Comparison>),
    No(NotCompared),
}

/// What decides about a comparison besides its two sides.
pub(crate) struct Context<'a> {
    pub(crate) workload: &'a str,
    pub(crate) metric: &'a Metric,
    pub(crate) restart: Restart,
    pub(crate) seed: u64,
    /// What the user lets differ.
    pub(crate) allowed: &'a [Difference],
}

/// Something besides the place that is not the same on both sides.
struct Found {
    /// `None` where nobody can let it pass.
    what: Option<Difference>,
    words: String,
}

/// Compares two cells of one workload over the blocks in which both worked.
pub(crate) fn compare(context: &Context<'_>, a: &Side<'_>, b: &Side<'_>) -> Compared {
    let (allowed, refused): (Vec<Found>, Vec<Found>) = differences(a, b, context.metric)
        .into_iter()
        .partition(|found| found.what.is_some_and(|what| context.allowed.contains(&what)));
    if !refused.is_empty() {
        let allowable = refused.iter().map(|found| found.what).collect::<Option<Vec<_>>>();
        let differences = refused.into_iter().map(|found| found.words).collect();
        return Compared::No(NotCompared {
            workload: context.workload.to_owned(),
            a: a.environment.name.clone(),
            b: b.environment.name.clone(),
            differences,
            allowable: allowable.unwrap_or_default(),
        });
    }
    let metric = context.metric;
    let log_ratios = log_ratios(metric, a.trials, b.trials);
    let tested = sign_flip_95(&log_ratios, context.seed);
    let ratio = mean(&log_ratios).map(f64::exp);
    let ci95 = tested.map(|tested| [tested.interval.0.exp(), tested.interval.1.exp()]);
    let detected = tested.is_some_and(|tested| tested.detected());
    let too_few = match log_ratios.len() {
        0 => "no block in which both worked".to_owned(),
        count => format!("too few blocks: {count} in which both worked, {FEWEST_PAIRS} needed"),
    };
    let words = match (ratio, ci95) {
        (Some(ratio), Some(interval)) => {
            verdict_in_words(metric.words(), &b.environment.name, ratio, interval, detected)
        }
        _ => format!("no verdict: {too_few}"),
    };
    Compared::Yes(Box::new(Comparison {
        workload: context.workload.to_owned(),
        metric: metric.name(),
        mode: metric.mode(),
        a: a.environment.name.clone(),
        b: b.environment.name.clone(),
        n: log_ratios.len(),
        ratio,
        ci95,
        ci95_reason: ci95.is_none().then_some(too_few),
        p_value: tested.map(|tested| tested.p_value),
        detected,
        verdict: words,
        labels: labels(context.restart, a, b, allowed),
        method:
            "paired by block, log-ratios, studentised sign-flip permutation test inverted, 95 %"
                .to_owned(),
    }))
}

fn labels(restart: Restart, a: &Side<'_>, b: &Side<'_>, allowed: Vec<Found>) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    if restart == Restart::Run {
        labels.push(WITHIN_ONE_INSTANCE.to_owned());
    }
    for label in a.labels.iter().chain(b.labels) {
        if !labels.contains(label) {
            labels.push(label.clone());
        }
    }
    labels
        .extend(allowed.into_iter().map(|found| format!("although differing in {}", found.words)));
    labels
}

/// ln(b ÷ a) of every block in which both worked.
fn log_ratios(metric: &Metric, a: &CellTrials<'_>, b: &CellTrials<'_>) -> Vec<f64> {
    let of_b: BTreeMap<u32, f64> = b
        .worked
        .iter()
        .filter_map(|(block, measurement)| Some((*block, metric.value(measurement)?)))
        .collect();
    a.worked
        .iter()
        .filter_map(|(block, measurement)| {
            Some((*of_b.get(block)? / metric.value(measurement)?).ln())
        })
        .collect()
}

/// What differs besides the environment. Model and inputs belong to the workload, so within
/// one run they are the same by construction; that the results are is checked.
fn differences(a: &Side<'_>, b: &Side<'_>, metric: &Metric) -> Vec<Found> {
    let mut found = Vec::new();
    let names = (&a.environment.name, &b.environment.name);
    let mut differ = |what: Option<Difference>, name: &str, in_a: String, in_b: String| {
        if in_a != in_b {
            let words = format!("{name}: {in_a} in {}, {in_b} in {}", names.0, names.1);
            found.push(Found { what, words });
        }
    };
    let measured =
        |side: &Side<'_>| if side.simulated() { "simulated" } else { "measured" }.to_owned();
    differ(None, "times", measured(a), measured(b));
    if a.simulated() != b.simulated() {
        // Nothing else needs saying: one of the two holds no measurement.
        return found;
    }
    let processor =
        |side: &Side<'_>| if side.environment.emulated { "emulated" } else { "real" }.to_owned();
    differ(Some(Difference::Accelerator), "processor", processor(a), processor(b));
    differ(Some(Difference::Threads), "threads", a.threads.to_string(), b.threads.to_string());
    let cpus = |side: &Side<'_>| side.environment.limits.cpus.to_string();
    differ(Some(Difference::Cpus), "CPUs", cpus(a), cpus(b));
    differ(Some(Difference::Memory), "memory", a.memory_words(), b.memory_words());
    if metric.is_file_throughput() {
        let cache = |side: &Side<'_>| side.disk_cache().to_owned();
        differ(Some(Difference::DiskCache), "files", cache(a), cache(b));
    }
    let (engines_a, engines_b) = (a.engines(), b.engines());
    if !engines_a.is_empty() && !engines_b.is_empty() {
        let join =
            |engines: BTreeSet<String>| engines.into_iter().collect::<Vec<_>>().join(" and ");
        differ(Some(Difference::Engine), "engine", join(engines_a), join(engines_b));
    }
    // A simulated environment computes nothing, so it has no results to agree in.
    if !a.simulated() && !b.simulated() {
        let results = different_results(a.trials, b.trials);
        found.extend(results.map(|words| Found { what: Some(Difference::Results), words }));
    }
    found
}

fn different_results(a: &CellTrials<'_>, b: &CellTrials<'_>) -> Option<String> {
    let of_b: BTreeMap<u32, _> =
        b.worked.iter().map(|(block, measurement)| (*block, &measurement.output_sha256)).collect();
    let both = || {
        a.worked.iter().filter_map(|(block, measurement)| {
            Some((&measurement.output_sha256, *of_b.get(block)?))
        })
    };
    let different = both().filter(|(in_a, in_b)| in_a != in_b).count();
    (different > 0).then(|| {
        format!("results: they differ in {different} of {} blocks, by digest", both().count())
    })
}
