use std::path::{Path, PathBuf};

/// Where the kernel's file systems are mounted. A parameter so that both cgroup versions
/// are tested on directories of fixture files, whichever the machine at hand has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys`.
    pub sys: PathBuf,
    /// `/sys/fs/cgroup`: the mount point of cgroup v2, or of the directory of v1 controllers.
    pub cgroup: PathBuf,
    /// `/etc`.
    pub etc: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            proc: PathBuf::from("/proc"),
            sys: PathBuf::from("/sys"),
            cgroup: PathBuf::from("/sys/fs/cgroup"),
            etc: PathBuf::from("/etc"),
        }
    }
}

impl Roots {
    /// All of them below one directory, laid out as on a real host.
    #[must_use]
    pub fn below(directory: &Path) -> Self {
        Self {
            proc: directory.join("proc"),
            sys: directory.join("sys"),
            cgroup: directory.join("sys/fs/cgroup"),
            etc: directory.join("etc"),
        }
    }

    pub(crate) fn process(&self, process: u32) -> PathBuf {
        self.proc.join(process.to_string())
    }
}
