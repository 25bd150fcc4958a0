//! The archive that a kernel unpacks into its first file system: cpio in the format "newc",
//! described in the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.
//!
//! The same entries give the same bytes: no times, no owners, numbers by order. It is not
//! compressed: on an emulated processor unpacking takes far longer than loading.

use std::io::{self, Read, Write};

const DIRECTORY: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;
const SYMBOLIC_LINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;
const TRAILER: &str = "TRAILER!!!";

/// Writes one archive.
pub(super) struct Archive<W> {
    out: W,
    entries: u32,
}

impl<W: Write> Archive<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, entries: 0 }
    }

    /// A directory; those above it must have been added.
    pub(super) fn directory(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, DIRECTORY, (0, 0), 0, &mut io::empty())
    }

    /// A file that may be read and executed, of exactly this many bytes.
    pub(super) fn file(&mut self, path: &str, bytes: u64, content: impl Read) -> io::Result<()> {
        self.entry(path, EXECUTABLE, (0, 0), bytes, content)
    }

    pub(super) fn symbolic_link(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.entry(path, SYMBOLIC_LINK, (0, 0), target.len() as u64, target.as_bytes())
    }

    pub(super) fn device(&mut self, path: &str, major: u32, minor: u32) -> io::Result<()> {
        self.entry(path, CHARACTER_DEVICE, (major, minor), 0, &mut io::empty())
    }

    /// The end; nothing may follow.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry(TRAILER, 0, (0, 0), 0, &mut io::empty())?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(
        &mut self,
        path: &str,
        mode: u32,
        device: (u32, u32),
        bytes: u64,
        content: impl Read,
    ) -> io::Result<()> {
        let too_long = |_| io::Error::other("an archive takes files of at most 4 GiB");
        let size = u32::try_from(bytes).map_err(too_long)?;
        let name_size = u32::try_from(path.len() + 1).map_err(too_long)?;
        self.entries += 1;
        // In this order: inode, mode, owner, group, links, time, size, the device that holds
        // the file, the device that the file is, length of the name, checksum.
        let fields = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0];
        let mut header = String::from("070701");
        for field in fields {
            header.push_str(&format!("{field:08x}"));
        }
        self.out.write_all(header.as_bytes())?;
        self.out.write_all(path.as_bytes())?;
        self.out.write_all(b"\0")?;
        self.pad(header.len() + path.len() + 1)?;
        let copied = io::copy(&mut content.take(bytes), &mut self.out)?;
        if copied < bytes {
            return Err(io::Error::other(format!("{path} became shorter while it was read")));
        }
        self.pad((bytes % 4) as usize)
    }

    /// Everything begins at a multiple of four bytes.
    fn pad(&mut self, written: usize) -> io::Result<()> {
        self.out.write_all(&[0; 3][..(4 - written % 4) % 4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Vec<u8> {
        let mut archive = Archive::new(Vec::new());
        archive.directory("dev").unwrap();
        archive.device("dev/console", 5, 1).unwrap();
        archive.file("agent", 5, &b"hello"[..]).unwrap();
        archive.symbolic_link("init", "agent").unwrap();
        archive.finish().unwrap()
    }

    /// Reads an archive by the published description, apart from the writer above.
    fn listed(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        let mut entries = Vec::new();
        let mut at = 0;
        loop {
            let field = |index: usize| {
                let begin = at + 6 + index * 8;
                let text = std::str::from_utf8(&bytes[begin..begin + 8]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            assert_eq!(&bytes[at..at + 6], b"070701");
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = &bytes[at + 110..at + 110 + name_size - 1];
            let content = (at + 110 + name_size).next_multiple_of(4);
            let name = String::from_utf8(name.to_vec()).unwrap();
            if name == TRAILER {
                return entries;
            }
            entries.push((name, mode, bytes[content..content + size].to_vec()));
            at = (content + size).next_multiple_of(4);
        }
    }

    #[test]
    fn what_is_written_can_be_read_and_is_the_same_each_time() {
        let entries = listed(&example());
        let expected = [
            ("dev", DIRECTORY, ""),
            ("dev/console", CHARACTER_DEVICE, ""),
            ("agent", EXECUTABLE, "hello"),
            ("init", SYMBOLIC_LINK, "agent"),
        ];
        let expected = expected.map(|(n, m, c)| (n.to_owned(), m, c.as_bytes().to_vec()));
        assert_eq!(entries, expected);
        assert_eq!(example(), example());
        assert_eq!(example().len() % 4, 0);
    }

    #[test]
    fn a_file_that_became_shorter_is_an_error() {
        let mut archive = Archive::new(Vec::new());
        assert!(archive.file("agent", 6, &b"hello"[..]).is_err());
    }
}
