//! Memory of requests, in ordinary pages, as a program gets it that asks for nothing special.
//!
//! With `O_DIRECT` the device reads and writes this memory itself, and a request is cut where
//! the memory's pages are not next to one another. An allocator that asks for huge pages makes
//! requests of 1 MiB one piece in place of up to 256: on a virtual disk two to three times the
//! throughput, and nothing of that is the storage's. So the allocator is not asked.

use std::io;
use std::ops::{Deref, DerefMut};

use memmap2::{Advice, MmapMut};

/// Bytes at the start of a page; more than one block of any storage is aligned so.
#[derive(Debug)]
pub(super) struct Buffer(MmapMut);

impl Buffer {
    /// Memory of so many bytes, without huge pages whatever the host's policy is.
    ///
    /// # Errors
    ///
    /// The kernel gives none.
    pub(super) fn of_ordinary_pages(bytes: usize) -> io::Result<Self> {
        let memory = MmapMut::map_anon(bytes)?;
        // A kernel without huge pages does not know the advice, and does not need it.
        let _ = memory.advise(Advice::NoHugePage);
        Ok(Self(memory))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel says of the mapping that holds an address: its flags in `smaps`.
    fn flags(address: usize) -> Option<String> {
        let text = std::fs::read_to_string("/proc/self/smaps").ok()?;
        let holds = |line: &str| {
            let (start, rest) = line.split_once('-')?;
            let end = rest.split(' ').next()?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            Some((number(start)?..number(end)?).contains(&address))
        };
        let mapping = text.lines().skip_while(|line| holds(line) != Some(true));
        mapping.into_iter().find_map(|line| line.strip_prefix("VmFlags:")).map(str::to_owned)
    }

    #[test]
    fn the_kernel_is_told_not_to_use_huge_pages_and_blocks_are_aligned() {
        let mut buffer = Buffer::of_ordinary_pages(4 << 20).expect("memory");
        buffer.fill(7);
        let address = buffer.as_ptr().addr();
        assert_eq!(address % 4096, 0);
        let flags = flags(address).expect("the mapping is listed");
        let knows = std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists();
        assert!(!knows || flags.split_whitespace().any(|flag| flag == "nh"), "{flags}");
    }
}
