//! Small rooms: how long a file may be, and what no file may hold.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::Finding;

/// A file above this has more than one reason to change.
const LINES_MAX: usize = 450;
const NAMES_WITHOUT_MEANING: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for directory in ["crates", "xtask"] {
        for path in rust_files(&root.join(directory))? {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            findings.extend(
                judge(&place, &text)
                    .into_iter()
                    .map(|message| Finding { place: place.clone(), message }),
            );
        }
    }
    Ok(findings)
}

fn judge(place: &str, text: &str) -> Vec<String> {
    let mut messages = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        messages
            .push(format!("{lines} lines, more than {LINES_MAX}: split it by reason to change"));
    }
    let stem = Path::new(place).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if NAMES_WITHOUT_MEANING.contains(&stem) {
        messages.push(format!(
            "`{stem}` says nothing about what is inside: name the file by what it owns"
        ));
    }
    // Split so that this file does not find itself.
    for marker in [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("dbg", "!("),
    ] {
        if text.contains(marker) {
            messages.push(format!(
                "`{marker}` is left over: finish it or say in an issue what is missing"
            ));
        }
    }
    messages
}

fn rust_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_nameless_files_are_found() {
        assert!(judge("crates/a/src/meter.rs", "fn meter() {}\n").is_empty());
        assert_eq!(judge("crates/a/src/utils.rs", "").len(), 1);
        assert_eq!(judge("crates/a/src/meter.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
    }
}
