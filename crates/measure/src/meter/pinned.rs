use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file of the kernel that is opened once and read from its start each time: half the
/// system calls of opening it anew, and a process that is gone shows as an error instead of
/// another process with the same number.
#[derive(Debug)]
pub(super) struct PinnedFile {
    file: File,
    path: PathBuf,
}

/// No file that is read here comes near this size; a longer one is not what it seems.
const LARGEST: usize = 1 << 20;

impl PinnedFile {
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        Ok(Self { file: File::open(&path)?, path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text, in `buffer`, which is kept by the caller so that sampling does not
    /// allocate.
    pub(super) fn read<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<&'b str> {
        if buffer.len() < 4096 {
            buffer.resize(4096, 0);
        }
        let mut filled = 0;
        loop {
            let count = match self.file.read_at(&mut buffer[filled..], filled as u64) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            filled += count;
            if count == 0 {
                break;
            }
            if filled == buffer.len() {
                if filled >= LARGEST {
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 1 MiB"));
                }
                buffer.resize(filled * 2, 0);
            }
        }
        std::str::from_utf8(&buffer[..filled])
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_from_its_start_whatever_its_length() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("counter");
        std::fs::write(&path, "1\n").expect("written");
        let pinned = PinnedFile::open(path.clone()).expect("opened");
        let mut buffer = Vec::new();
        assert_eq!(pinned.read(&mut buffer).expect("read"), "1\n");
        let long = "x".repeat(10_000);
        std::fs::write(&path, &long).expect("written");
        assert_eq!(pinned.read(&mut buffer).expect("read"), long);
        std::fs::write(&path, "2\n").expect("written");
        assert_eq!(pinned.read(&mut buffer).expect("read"), "2\n");
    }

    #[test]
    fn a_file_without_end_is_refused() {
        let pinned = PinnedFile::open(PathBuf::from("/dev/zero")).expect("opened");
        assert_eq!(
            pinned.read(&mut Vec::new()).expect_err("endless").kind(),
            io::ErrorKind::FileTooLarge
        );
    }
}
