//! Non-maximum suppression: of boxes that cover one another, the surest stays.

use crate::PixelBox;

/// A box before suppression, in pixels of the frame, not clipped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::application) struct Candidate {
    pub(in crate::application) place: PixelBox,
    pub(in crate::application) score: f32,
    pub(in crate::application) class: usize,
    /// Where in the model's output it stands.
    pub(in crate::application) index: usize,
}

/// Greedy suppression, class by class: going from the surest to the least sure, a box is kept
/// unless it covers a kept one of its class by more than `overlap_max` (intersection over
/// union). Of equal scores, the one that comes first in the model's output goes first. At most
/// `most` are kept.
///
/// Kept boxes stand first in `candidates`, the surest first; what follows is cut off.
pub(in crate::application) fn suppress(
    candidates: &mut Vec<Candidate>,
    overlap_max: f32,
    most: usize,
) {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    let mut kept = 0;
    for next in 0..candidates.len() {
        if kept == most {
            break;
        }
        let candidate = candidates[next];
        let covers = candidates[..kept].iter().any(|other| {
            other.class == candidate.class && overlap(other.place, candidate.place) > overlap_max
        });
        if !covers {
            candidates[kept] = candidate;
            kept += 1;
        }
    }
    candidates.truncate(kept);
}

/// Intersection over union, 0 to 1; 0 where both boxes are empty.
pub(in crate::application) fn overlap(a: PixelBox, b: PixelBox) -> f32 {
    let width = a.right.min(b.right) - a.left.max(b.left);
    let height = a.bottom.min(b.bottom) - a.top.max(b.top);
    let intersection = width.max(0.0) * height.max(0.0);
    let union = area(a) + area(b) - intersection;
    if union > 0.0 { intersection / union } else { 0.0 }
}

fn area(place: PixelBox) -> f32 {
    (place.right - place.left) * (place.bottom - place.top)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate(place: [f32; 4], score: f32, class: usize, index: usize) -> Candidate {
        let [left, top, right, bottom] = place;
        Candidate { place: PixelBox { left, top, right, bottom }, score, class, index }
    }

    fn kept(mut candidates: Vec<Candidate>, overlap_max: f32, most: usize) -> Vec<usize> {
        suppress(&mut candidates, overlap_max, most);
        candidates.iter().map(|candidate| candidate.index).collect()
    }

    #[test]
    fn overlap_by_hand() {
        let square = |left: f32| PixelBox { left, top: 0.0, right: left + 10.0, bottom: 10.0 };
        assert_eq!(overlap(square(0.0), square(0.0)), 1.0);
        // 50 shared of 150.
        assert!((overlap(square(0.0), square(5.0)) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(overlap(square(0.0), square(10.0)), 0.0, "they only touch");
        let empty = PixelBox { left: 3.0, top: 3.0, right: 3.0, bottom: 3.0 };
        assert_eq!(overlap(empty, empty), 0.0);
    }

    #[test]
    fn the_surest_of_a_class_stays_and_other_classes_beside_it() {
        let place = [0.0, 0.0, 10.0, 10.0];
        let nearly = [1.0, 0.0, 11.0, 10.0];
        let candidates = vec![
            candidate(place, 0.5, 1, 0),
            candidate(nearly, 0.9, 1, 1),
            candidate(place, 0.7, 2, 2),
            candidate([40.0, 0.0, 50.0, 10.0], 0.3, 1, 3),
        ];
        assert_eq!(kept(candidates, 0.45, 300), [1, 2, 3]);
    }

    #[test]
    fn of_equal_scores_the_first_stays() {
        let place = [0.0, 0.0, 10.0, 10.0];
        let candidates = vec![candidate(place, 0.5, 0, 7), candidate(place, 0.5, 0, 3)];
        assert_eq!(kept(candidates, 0.45, 300), [3]);
    }

    #[test]
    fn an_overlap_of_just_the_limit_is_allowed() {
        // 50 shared of 100: one half exactly.
        let candidates = vec![
            candidate([0.0, 0.0, 10.0, 10.0], 0.9, 0, 0),
            candidate([0.0, 0.0, 10.0, 5.0], 0.8, 0, 1),
        ];
        assert_eq!(kept(candidates.clone(), 0.5, 300), [0, 1]);
        assert_eq!(kept(candidates, 0.49, 300), [0]);
    }

    #[test]
    fn nothing_gives_nothing_and_the_number_is_bounded() {
        assert!(kept(Vec::new(), 0.45, 300).is_empty());
        let apart = |index: usize| {
            let left = index as f32 * 20.0;
            candidate([left, 0.0, left + 10.0, 10.0], 0.5, 0, index)
        };
        assert_eq!(kept((0..400).map(apart).collect(), 0.45, 300).len(), 300);
    }

    fn any_candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let place = (0.0_f32..50.0, 0.0_f32..50.0, 0.0_f32..30.0, 0.0_f32..30.0);
        let one =
            (place, 0_u8..10, 0_usize..3).prop_map(|((left, top, width, height), score, class)| {
                let place = [left, top, left + width, top + height];
                candidate(place, f32::from(score) / 10.0, class, 0)
            });
        proptest::collection::vec(one, 0..60).prop_map(|mut all| {
            for (index, one) in all.iter_mut().enumerate() {
                one.index = index;
            }
            all
        })
    }

    proptest! {
        #[test]
        fn what_was_kept_is_kept_again(mut once in any_candidates()) {
            suppress(&mut once, 0.45, 300);
            let mut twice = once.clone();
            suppress(&mut twice, 0.45, 300);
            prop_assert_eq!(once, twice);
        }

        #[test]
        fn the_unsure_never_displace_the_sure(all in any_candidates(), least in 0_u8..10) {
            let sure = |one: &Candidate| one.score > f32::from(least) / 10.0;
            let (mut after, mut before) = (all.clone(), all);
            suppress(&mut after, 0.45, usize::MAX);
            after.retain(sure);
            before.retain(sure);
            suppress(&mut before, 0.45, usize::MAX);
            prop_assert_eq!(after, before);
        }
    }
}
