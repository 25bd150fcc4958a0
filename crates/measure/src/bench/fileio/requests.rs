//! The requests of one thread to its file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use weighbridge_experiment::{FileioMode, SyncPolicy};

use super::Part;
use crate::bench::latency::Latencies;

/// `O_DIRECT` wants memory at multiples of the storage's logical block; a page suits all.
const ALIGNMENT: usize = 4096;

/// Numbers without a pattern. SplitMix64 (Steele, Lea, Flood 2014), which costs nothing beside
/// a request.
pub(in crate::bench) struct Random(u64);

impl Random {
    pub(in crate::bench) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform below a bound.
    fn below(&mut self, bound: u64) -> u64 {
        // The bias of a product's upper half is under 2⁻³² for as many blocks as a file has.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub(in crate::bench) fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let value = self.next().to_le_bytes();
            piece.copy_from_slice(&value[..piece.len()]);
        }
    }
}

/// One thread's file, opened, and its buffer.
pub(super) struct Requests {
    file: File,
    mode: FileioMode,
    sync: SyncPolicy,
    block: usize,
    blocks: u64,
    buffer: Vec<u8>,
    /// Where in the buffer the alignment is right.
    start: usize,
    random: Random,
}

/// What a thread did.
pub(super) struct Done {
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) latencies: Latencies,
    pub(super) ended: Instant,
}

impl Requests {
    pub(super) fn open(part: Part, path: PathBuf, bytes: u64, number: u32) -> io::Result<Self> {
        let flags = if part.direct { OFlags::DIRECT.bits().cast_signed() } else { 0 };
        let writes = part.mode.writes();
        let file = OpenOptions::new().read(!writes).write(writes).custom_flags(flags).open(path)?;
        let block = usize::try_from(part.block.bytes()).unwrap_or(usize::MAX);
        let mut buffer = vec![0; block + ALIGNMENT];
        let mut random = Random::new(0x5eed + u64::from(number));
        random.fill(&mut buffer);
        let start = buffer.as_ptr().align_offset(ALIGNMENT);
        let blocks = bytes / part.block.bytes();
        Ok(Self { file, mode: part.mode, sync: part.sync, block, blocks, buffer, start, random })
    }

    /// Until the time is over, or over the whole file once. The request that is under way when
    /// the time ends is counted whole.
    pub(super) fn run(mut self, began: Instant, end: Option<Duration>) -> io::Result<Done> {
        let mut latencies = Latencies::new();
        let mut requests = 0;
        let mut before = Instant::now();
        loop {
            let index = if self.mode.random() {
                self.random.below(self.blocks)
            } else {
                requests % self.blocks
            };
            self.one(index * self.block as u64)?;
            let now = Instant::now();
            latencies.record(now - before);
            before = now;
            requests += 1;
            let over = match end {
                Some(end) => now - began >= end,
                None => requests == self.blocks,
            };
            if over {
                break;
            }
        }
        if self.mode.writes() && self.sync == SyncPolicy::End {
            self.file.sync_all()?;
        }
        let bytes = requests * self.block as u64;
        Ok(Done { bytes, requests, latencies, ended: Instant::now() })
    }

    fn one(&mut self, offset: u64) -> io::Result<()> {
        let buffer = &mut self.buffer[self.start..self.start + self.block];
        if self.mode.writes() {
            self.file.write_all_at(buffer, offset)?;
            if self.sync == SyncPolicy::Each {
                self.file.sync_all()?;
            }
            Ok(())
        } else {
            self.file.read_exact_at(buffer, offset)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_are_those_of_the_algorithm_and_spread() {
        // First outputs of SplitMix64 for seed 0, as its authors' reference gives them.
        let mut random = Random::new(0);
        assert_eq!(random.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next(), 0x6e78_9e6a_a1b9_65f4);
        let mut counts = [0_u32; 10];
        (0..10_000).for_each(|_| counts[random.below(10) as usize] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
