//! Connectionist temporal classification, the decoding half (Graves, Fernández, Gomez and
//! Schmidhuber 2006): from a distribution over labels in each frame to the labels that were
//! said. Frames are taken one by one, so the length of the audio costs nothing.
//!
//! Deliberately unknown here: what the labels are called, audio, and models.

use std::collections::HashMap;

/// A label less probable than this in a frame (natural logarithm) is not tried there: one in
/// a million. Only the beam search leaves it out.
const LOG_PROBABILITY_MIN: f32 = -13.8;

/// The prefix tree is cut back when it has grown to this many nodes, and to twice what was
/// kept after that.
const NODES_AT_FIRST_CUT: usize = 4096;

/// How many of the last labels may still change when the tree is cut back. Prefixes that
/// differ before that go on alike, so that the frames to come say nothing about which of
/// them is right.
const LOOK_BACK_LABELS: usize = 256;

/// Takes frames of log-probabilities, gives labels.
#[derive(Debug, Clone)]
pub enum Ctc {
    /// The most probable label of each frame, repeats and blanks taken out.
    Greedy(Greedy),
    /// The most probable label sequence, summed over its alignments, within a beam.
    Beam(Beam),
}

impl Ctc {
    /// Greedy for a width of `None`, else a beam of so many prefixes, at least one.
    #[must_use]
    pub fn new(blank: usize, width: Option<usize>) -> Self {
        match width {
            None => Self::Greedy(Greedy { blank, previous: blank, labels: Vec::new() }),
            Some(width) => Self::Beam(Beam::new(blank, width.max(1))),
        }
    }

    /// Takes the next frame: the natural logarithm of each label's probability.
    pub fn push(&mut self, frame: &[f32]) {
        match self {
            Self::Greedy(greedy) => greedy.push(frame),
            Self::Beam(beam) => beam.push(frame),
        }
    }

    /// The labels so far, without blanks.
    #[must_use]
    pub fn labels(&self) -> Vec<usize> {
        match self {
            Self::Greedy(greedy) => greedy.labels.iter().map(|label| *label as usize).collect(),
            Self::Beam(beam) => beam.labels(),
        }
    }
}

/// Best path decoding (Graves 2012, section 7.5.1).
#[derive(Debug, Clone)]
pub struct Greedy {
    blank: usize,
    previous: usize,
    labels: Vec<u32>,
}

impl Greedy {
    fn push(&mut self, frame: &[f32]) {
        let best = best_label(frame).unwrap_or(self.blank);
        if best != self.blank && best != self.previous {
            self.labels.push(best as u32);
        }
        self.previous = best;
    }
}

/// The first of the most probable labels.
fn best_label(frame: &[f32]) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (label, value) in frame.iter().enumerate() {
        if best.is_none_or(|(_, most)| *value > most) {
            best = Some((label, *value));
        }
    }
    best.map(|(label, _)| label)
}

/// A prefix of labels, as its last label and the prefix before it.
#[derive(Debug, Clone, Copy)]
struct Node {
    parent: usize,
    label: usize,
}

/// The root of the tree: the prefix that is decided already.
const ROOT: usize = 0;

/// A prefix in the beam: natural logarithms of the probability of all its alignments that end
/// in a blank, and of those that end in its last label.
#[derive(Debug, Clone, Copy)]
struct Hypothesis {
    node: usize,
    blank: f64,
    label: f64,
}

impl Hypothesis {
    fn total(&self) -> f64 {
        log_add(self.blank, self.label)
    }
}

/// A prefix of the next frame: one that has a node, or a node with one more label.
type Candidate = (usize, Option<usize>);

/// Prefix beam search (Hannun, Maas, Jurafsky and Ng 2014, algorithm 1), without a language
/// model.
#[derive(Debug, Clone)]
pub struct Beam {
    blank: usize,
    width: usize,
    decided: Vec<u32>,
    /// The root's label is the last that is decided, for a repeat to be compared with.
    nodes: Vec<Node>,
    children: HashMap<(usize, usize), usize>,
    beam: Vec<Hypothesis>,
    cut_at: usize,
    look_back: usize,
}

impl Beam {
    fn new(blank: usize, width: usize) -> Self {
        Self {
            blank,
            width,
            decided: Vec::new(),
            nodes: vec![Node { parent: ROOT, label: blank }],
            children: HashMap::new(),
            beam: vec![Hypothesis { node: ROOT, blank: 0.0, label: f64::NEG_INFINITY }],
            cut_at: NODES_AT_FIRST_CUT,
            look_back: LOOK_BACK_LABELS,
        }
    }

    fn push(&mut self, frame: &[f32]) {
        let tried: Vec<(usize, f64)> = frame
            .iter()
            .enumerate()
            .filter(|(label, value)| *label == self.blank || **value > LOG_PROBABILITY_MIN)
            .map(|(label, value)| (label, f64::from(*value)))
            .collect();
        let mut candidates: HashMap<Candidate, (f64, f64)> = HashMap::new();
        for hypothesis in &self.beam {
            self.extend(hypothesis, &tried, &mut candidates);
        }
        let mut ranked: Vec<(Candidate, (f64, f64))> = candidates.into_iter().collect();
        // By probability; equal ones by prefix, so that the result never depends on hashing.
        ranked.sort_unstable_by(|(left, a), (right, b)| {
            log_add(b.0, b.1).total_cmp(&log_add(a.0, a.1)).then(left.cmp(right))
        });
        ranked.truncate(self.width);
        self.beam = ranked
            .into_iter()
            .map(|((node, label), (blank_ending, label_ending))| Hypothesis {
                node: label.map_or(node, |label| self.child(node, label)),
                blank: blank_ending,
                label: label_ending,
            })
            .collect();
        if self.nodes.len() > self.cut_at {
            self.cut_back();
        }
    }

    fn extend(
        &self,
        hypothesis: &Hypothesis,
        tried: &[(usize, f64)],
        candidates: &mut HashMap<Candidate, (f64, f64)>,
    ) {
        let nothing = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let node = hypothesis.node;
        let last = self.nodes[node].label;
        for (label, log_probability) in tried.iter().copied() {
            if label == self.blank {
                let entry = candidates.entry((node, None)).or_insert(nothing);
                entry.0 = log_add(entry.0, hypothesis.total() + log_probability);
                continue;
            }
            if label == last {
                // The same label again: the prefix stays as it is …
                let entry = candidates.entry((node, None)).or_insert(nothing);
                entry.1 = log_add(entry.1, hypothesis.label + log_probability);
            }
            // … and is only longer by it where a blank was between.
            let before = if label == last { hypothesis.blank } else { hypothesis.total() };
            if before == f64::NEG_INFINITY {
                continue;
            }
            let candidate = match self.children.get(&(node, label)) {
                Some(child) => (*child, None),
                None => (node, Some(label)),
            };
            let entry = candidates.entry(candidate).or_insert(nothing);
            entry.1 = log_add(entry.1, before + log_probability);
        }
    }

    fn child(&mut self, parent: usize, label: usize) -> usize {
        let next = self.nodes.len();
        let node = *self.children.entry((parent, label)).or_insert(next);
        if node == next {
            self.nodes.push(Node { parent, label });
        }
        node
    }

    /// Moves what all prefixes have in common into `decided`, and forgets the nodes that no
    /// prefix goes through, and the prefixes that differ too far back from the best.
    fn cut_back(&mut self) {
        let mut paths: Vec<Vec<usize>> =
            self.beam.iter().map(|hypothesis| self.path(hypothesis.node)).collect();
        let Some(first) = paths.first().cloned() else { return };
        let settled = &first[..first.len().saturating_sub(self.look_back)];
        let mut keep =
            paths.iter().map(|path| path.starts_with(settled)).collect::<Vec<_>>().into_iter();
        self.beam.retain(|_| keep.next().unwrap_or(false));
        paths.retain(|path| path.starts_with(settled));
        let common = paths.iter().fold(first.len(), |common, path| {
            common.min(first.iter().zip(path).take_while(|(a, b)| a == b).count())
        });
        self.decided.extend(first[..common].iter().map(|label| *label as u32));
        let root = first[..common].last().copied().unwrap_or(self.nodes[ROOT].label);
        self.nodes = vec![Node { parent: ROOT, label: root }];
        self.children.clear();
        for (place, path) in paths.iter_mut().enumerate() {
            let mut node = ROOT;
            for label in path.drain(..).skip(common) {
                node = self.child(node, label);
            }
            self.beam[place].node = node;
        }
        self.cut_at = NODES_AT_FIRST_CUT.max(self.nodes.len() * 2);
    }

    /// Labels from the root to a node.
    fn path(&self, mut node: usize) -> Vec<usize> {
        let mut labels = Vec::new();
        while node != ROOT {
            labels.push(self.nodes[node].label);
            node = self.nodes[node].parent;
        }
        labels.reverse();
        labels
    }

    fn labels(&self) -> Vec<usize> {
        let best = self.beam.first().map_or(ROOT, |hypothesis| hypothesis.node);
        self.decided.iter().map(|label| *label as usize).chain(self.path(best)).collect()
    }

    /// Natural logarithm of the probability of the best prefix, summed over the alignments
    /// that the beam kept: never more than its true probability.
    #[must_use]
    pub fn log_probability(&self) -> f64 {
        self.beam.first().map_or(f64::NEG_INFINITY, Hypothesis::total)
    }
}

/// Logarithm of the sum of two numbers given by their logarithms.
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
#[path = "ctc_tests.rs"]
mod tests;
