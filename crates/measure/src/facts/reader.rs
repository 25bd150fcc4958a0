use std::fs;
use std::path::PathBuf;

use weighbridge_experiment::Fact;

use crate::Roots;

/// A value, or why there is none.
pub(super) type Found = Result<String, String>;

/// Collects facts from the files below [`Roots`].
pub(super) struct Reader<'a> {
    pub(super) roots: &'a Roots,
    pub(super) facts: Vec<Fact>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(roots: &'a Roots) -> Self {
        Self { roots, facts: Vec::new() }
    }

    /// Adds a fact. An empty value is none.
    pub(super) fn add(&mut self, name: &str, instrument: &str, found: Found) {
        let found = found.and_then(|value| {
            let value = value.trim();
            if value.is_empty() {
                Err(format!("{instrument} is empty"))
            } else {
                Ok(value.to_owned())
            }
        });
        self.facts.push(match found {
            Ok(value) => Fact::known(name, value, instrument),
            Err(reason) => Fact::missing(name, reason, instrument),
        });
    }

    /// Adds the trimmed content of a file.
    pub(super) fn add_file(&mut self, name: &str, path: &str) {
        let found = self.text(path);
        self.add(name, path, found);
    }

    /// The content of a file, given by its absolute path on a real host.
    pub(super) fn text(&self, path: &str) -> Found {
        let real = self.locate(path);
        match fs::read(&real) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(format!("cannot read {path}: {error}")),
        }
    }

    /// The names in a directory, sorted.
    pub(super) fn names(&self, path: &str) -> Result<Vec<String>, String> {
        let entries = fs::read_dir(self.locate(path))
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.locate(path).exists()
    }

    fn locate(&self, path: &str) -> PathBuf {
        let bases = [
            ("/sys/fs/cgroup", &self.roots.cgroup),
            ("/proc", &self.roots.proc),
            ("/sys", &self.roots.sys),
            ("/etc", &self.roots.etc),
        ];
        for (prefix, base) in bases {
            if let Some(rest) = path.strip_prefix(prefix) {
                return base.join(rest.trim_start_matches('/'));
            }
        }
        PathBuf::from(path)
    }
}

/// The value behind `name`, then `:`, on its own line: the shape of cpuinfo and meminfo.
pub(super) fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim())
    })
}

/// The choice in brackets: `always [madvise] never`.
pub(super) fn chosen(text: &str) -> Option<&str> {
    Some(text.split_once('[')?.1.split_once(']')?.0)
}

/// The text of a file that was read for several facts.
pub(super) fn text_of(found: &Found) -> Result<&str, String> {
    found.as_deref().map_err(String::clone)
}
