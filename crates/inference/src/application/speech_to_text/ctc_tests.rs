use proptest::prelude::*;

use super::*;

const BLANK: usize = 0;

fn decode(frames: &[Vec<f32>], width: Option<usize>) -> Vec<usize> {
    let mut ctc = Ctc::new(BLANK, width);
    frames.iter().for_each(|frame| ctc.push(frame));
    ctc.labels()
}

fn one_hot(path: &[usize], labels: usize) -> Vec<Vec<f32>> {
    let row = |best: &usize| {
        (0..labels).map(|label| if label == *best { -0.001 } else { -9.0 }).collect()
    };
    path.iter().map(row).collect()
}

fn collapse(path: &[usize]) -> Vec<usize> {
    let mut labels = Vec::new();
    for (place, label) in path.iter().enumerate() {
        if *label != BLANK && (place == 0 || path[place - 1] != *label) {
            labels.push(*label);
        }
    }
    labels
}

/// The most probable labels and their probability, from every alignment there is.
fn brute_force(frames: &[Vec<f32>]) -> (Vec<usize>, f64) {
    let labels = frames[0].len();
    let mut sums: HashMap<Vec<usize>, f64> = HashMap::new();
    for number in 0..labels.pow(frames.len() as u32) {
        let path: Vec<usize> =
            (0..frames.len()).map(|t| number / labels.pow(t as u32) % labels).collect();
        let log: f64 = path.iter().zip(frames).map(|(label, row)| f64::from(row[*label])).sum();
        *sums.entry(collapse(&path)).or_default() += log.exp();
    }
    sums.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("at least the empty text")
}

fn frames(rows: &[[f32; 3]]) -> Vec<Vec<f32>> {
    rows.iter().map(|row| row.iter().map(|value| value.ln()).collect()).collect()
}

#[test]
fn a_case_by_hand_where_the_beam_beats_the_best_path() {
    // Two frames of blank 0.4, a 0.35, b 0.25. Best path: blank, blank (0.16), nothing said.
    // By hand, `a` = a- + -a + aa = 0.14 + 0.14 + 0.1225 = 0.4025, more than any other text.
    let rows = frames(&[[0.4, 0.35, 0.25], [0.4, 0.35, 0.25]]);
    assert_eq!(decode(&rows, None), Vec::<usize>::new());
    assert_eq!(decode(&rows, Some(8)), [1]);
    let mut beam = Beam::new(BLANK, 8);
    rows.iter().for_each(|row| beam.push(row));
    assert!((beam.log_probability().exp() - 0.4025).abs() < 1e-6);
}

#[test]
fn a_letter_is_doubled_only_across_a_blank() {
    for width in [None, Some(1), Some(16)] {
        assert_eq!(decode(&one_hot(&[1, 1, 0, 1, 2, 2], 3), width), [1, 1, 2], "{width:?}");
        assert_eq!(decode(&one_hot(&[0, 1, 1, 1, 0], 3), width), [1], "{width:?}");
        assert_eq!(decode(&one_hot(&[0, 0], 3), width), Vec::<usize>::new(), "{width:?}");
        assert_eq!(decode(&[], width), Vec::<usize>::new(), "{width:?}");
    }
}

#[test]
fn cutting_the_tree_back_keeps_the_text() {
    let path: Vec<usize> = (0..3000).map(|frame| (frame / 2 * 7 + frame % 5) % 4).collect();
    let rows = one_hot(&path, 4);
    let mut often = Beam::new(BLANK, 6);
    let mut never = Beam::new(BLANK, 6);
    (often.cut_at, never.cut_at) = (64, usize::MAX);
    often.look_back = 8;
    let mut most = 0;
    for row in &rows {
        often.push(row);
        often.cut_at = often.cut_at.min(64);
        never.push(row);
        most = most.max(often.nodes.len());
    }
    assert_eq!(often.labels(), never.labels());
    assert_eq!(often.labels(), collapse(&path));
    // Prefixes that are given up make room for others, whose alignments may count.
    assert!(often.log_probability() >= never.log_probability() - 1e-9);
    assert!(most < 100 && never.nodes.len() > 1000, "{most} of {}", never.nodes.len());
}

/// Up to five frames over three labels, each a distribution.
fn distributions() -> impl Strategy<Value = Vec<Vec<f32>>> {
    let row = prop::collection::vec(0.01_f32..1.0, 3).prop_map(|row| {
        let sum: f32 = row.iter().sum();
        row.into_iter().map(|value| (value / sum).ln()).collect::<Vec<f32>>()
    });
    prop::collection::vec(row, 1..6)
}

proptest! {
    #[test]
    fn one_hot_frames_give_the_collapsed_path(path in prop::collection::vec(0_usize..5, 0..40)) {
        let rows = one_hot(&path, 5);
        prop_assert_eq!(decode(&rows, None), collapse(&path));
        prop_assert_eq!(decode(&rows, Some(1)), collapse(&path));
        prop_assert_eq!(decode(&rows, Some(12)), collapse(&path));
    }

    #[test]
    fn a_beam_that_holds_every_prefix_is_exact(rows in distributions()) {
        let (_, probability) = brute_force(&rows);
        let mut beam = Beam::new(BLANK, 1000);
        rows.iter().for_each(|row| beam.push(row));
        // Ties have several best texts: their probability is compared, not the text.
        prop_assert!((beam.log_probability().exp() - probability).abs() < 1e-6);
    }

    #[test]
    fn no_width_claims_more_than_the_best_probability(rows in distributions(), width in 1_usize..12) {
        let (_, probability) = brute_force(&rows);
        let mut beam = Beam::new(BLANK, width);
        rows.iter().for_each(|row| beam.push(row));
        prop_assert!(beam.log_probability().exp() <= probability + 1e-6);
        prop_assert!(beam.beam.len() <= width);
    }
}
