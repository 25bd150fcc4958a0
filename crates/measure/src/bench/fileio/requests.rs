//! The requests of one thread to its file.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use weighbridge_experiment::{FileioMode, SyncPolicy};

use super::Part;
use super::buffer::Buffer;
use crate::bench::latency::Latencies;

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

/// One thread's file, opened.
pub(super) struct Requests {
    file: File,
    mode: FileioMode,
    sync: SyncPolicy,
    block: usize,
    blocks: u64,
    random: Random,
}

/// The same with memory for one block: each thread makes its own, as fio's do.
pub(super) struct Prepared {
    requests: Requests,
    buffer: Buffer,
}

/// What a thread did.
pub(super) struct Done {
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) latencies: Latencies,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

impl Requests {
    pub(super) fn open(part: Part, path: PathBuf, bytes: u64, number: u32) -> io::Result<Self> {
        let writes = part.mode.writes();
        let mut flags = OFlags::empty();
        flags.set(OFlags::DIRECT, part.direct);
        // As fio: that a file was read is not written down, which would be writing too. The
        // kernel permits it for files of one's own, which these are.
        flags.set(OFlags::NOATIME, !writes);
        let flags = flags.bits().cast_signed();
        let file = OpenOptions::new().read(!writes).write(writes).custom_flags(flags).open(path)?;
        let block = usize::try_from(part.block.bytes()).unwrap_or(usize::MAX);
        let random = Random::new(0x5eed + u64::from(number));
        let blocks = bytes / part.block.bytes();
        Ok(Self { file, mode: part.mode, sync: part.sync, block, blocks, random })
    }

    pub(super) fn prepare(mut self) -> io::Result<Prepared> {
        let mut buffer = Buffer::of_ordinary_pages(self.block)?;
        self.random.fill(&mut buffer);
        Ok(Prepared { requests: self, buffer })
    }

    fn one(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
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

impl Prepared {
    /// Until the time is over, or over the whole file once. The request that is under way when
    /// the time ends is counted whole.
    pub(super) fn run(mut self, end: Option<Duration>) -> io::Result<Done> {
        let Self { requests: asked, buffer } = &mut self;
        let mut latencies = Latencies::new();
        let mut requests = 0;
        let began = Instant::now();
        let mut before = began;
        loop {
            let index = if asked.mode.random() {
                asked.random.below(asked.blocks)
            } else {
                requests % asked.blocks
            };
            asked.one(buffer, index * asked.block as u64)?;
            let now = Instant::now();
            latencies.record(now - before);
            before = now;
            requests += 1;
            let over = match end {
                Some(end) => now - began >= end,
                None => requests == asked.blocks,
            };
            if over {
                break;
            }
        }
        if asked.mode.writes() && asked.sync == SyncPolicy::End {
            asked.file.sync_all()?;
        }
        let bytes = requests * asked.block as u64;
        Ok(Done { bytes, requests, latencies, began, ended: Instant::now() })
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
