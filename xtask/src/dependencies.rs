//! The library crates see `experiment` and never one another; `agent` sees two
//! more, `service` one; only the binary sees all.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::Finding;

/// Each library crate with the crates of ours that it may name.
const ALLOWED: [(&str, &[&str]); 9] = [
    ("experiment", &[]),
    ("inference", &["experiment"]),
    ("measure", &["experiment"]),
    ("agent", &["experiment", "inference", "measure"]),
    ("environment", &["experiment"]),
    ("price", &["experiment"]),
    ("registry", &["experiment"]),
    ("report", &["experiment"]),
    ("service", &["experiment", "inference"]),
];

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, allowed) in ALLOWED {
        let path = root.join("crates").join(name).join("Cargo.toml");
        let manifest =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // A crate may name itself: its own tests turn on its conformance suite that way.
        let seen = forbidden(&manifest, allowed).into_iter().filter(|seen| seen != name);
        findings.extend(seen.map(|seen| Finding {
            place: format!("crates/{name}/Cargo.toml"),
            message: format!(
                "`{name}` may not see `{seen}`; where two must meet, the meeting type lives in `experiment`"
            ),
        }));
    }
    Ok(findings)
}

/// The crates of ours that a manifest names without leave. Tests are held to it too: a
/// fixture that needs another crate belongs to the binary's tests.
fn forbidden(manifest: &str, allowed: &[&str]) -> Vec<String> {
    manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("weighbridge-"))
        .filter_map(|rest| rest.split(['=', '.', ' ']).next())
        .filter(|seen| !allowed.contains(seen))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_leave_is_found() {
        let manifest = "[package]\nname = \"weighbridge-price\"\n[dependencies]\n\
                        weighbridge-experiment = { workspace = true }\nweighbridge-report.workspace = true\n";
        assert_eq!(forbidden(manifest, &["experiment"]), ["report"]);
        assert!(forbidden(manifest, &["experiment", "report"]).is_empty());
    }
}
