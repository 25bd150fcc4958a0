//! Which trial comes when: a pure function of the seed, so that a resumed run goes on in
//! the order in which it would have gone on.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// The cells of one block, as indexes into the plan's cells, in the order in which they
/// run. A cell takes part in as many blocks as it has trials.
pub(crate) fn block_order(seed: u64, block: u32, trials_of_cell: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..trials_of_cell.len()).filter(|&cell| block < trials_of_cell[cell]).collect();
    // The block is mixed in by the stream, not added to the seed: seeds 1 and 2 must not
    // share all but one of their blocks.
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(u64::from(block));
    order.shuffle(&mut generator);
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_block_is_the_same_every_time_and_blocks_differ() {
        let trials = [60; 6];
        let orders: Vec<_> = (0..60).map(|block| block_order(42, block, &trials)).collect();
        let again: Vec<_> = (0..60).map(|block| block_order(42, block, &trials)).collect();
        assert_eq!(orders, again);
        let distinct: std::collections::HashSet<_> = orders.iter().collect();
        assert!(distinct.len() > 40, "60 shuffles of 6 cells gave {} orders", distinct.len());
    }

    #[test]
    fn each_of_two_cells_comes_first_about_half_the_time() {
        let first =
            (0..1_000).filter(|&block| block_order(7, block, &[1_000, 1_000])[0] == 0).count();
        // Four standard deviations of a fair coin.
        assert!((437..=563).contains(&first), "cell 0 came first in {first} of 1,000 blocks");
    }

    proptest! {
        #[test]
        fn each_cell_runs_exactly_as_often_as_asked(seed: u64, trials in prop::collection::vec(1_u32..8, 1..6)) {
            let mut seen = vec![0_u32; trials.len()];
            for block in 0..8 {
                for cell in block_order(seed, block, &trials) {
                    seen[cell] += 1;
                }
            }
            prop_assert_eq!(seen, trials);
        }
    }
}
