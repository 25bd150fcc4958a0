//! Which keys belong to which kind of workload: a key that says nothing to a kind is a mistake,
//! not a decoration.

use super::asked::Problems;
use super::keys::nearest;
use super::written::WorkloadTable;
use crate::TaskSpec;

/// Keys that belong to every kind.
const COMMON: [&str; 5] = ["name", "kind", "trials", "warmup", "trial"];

/// Keys of each kind besides those.
const KEYS: [(&str, &[&str]); 9] = [
    (
        "application",
        &[
            "application",
            "model",
            "sha256",
            "labels",
            "engine",
            "inputs",
            "inputs_per_trial",
            "threads",
        ],
    ),
    (
        "onnx",
        &[
            "model",
            "sha256",
            "engine",
            "inputs",
            "inputs_per_trial",
            "threads",
            "axes",
            "tensors",
            "expected",
            "tolerance",
        ],
    ),
    ("command", &["command", "files", "runs_per_trial", "timeout"]),
    ("cpu", &["threads", "max_prime", "seconds"]),
    ("memory", &["threads", "array", "seconds"]),
    (
        "fileio",
        &[
            "threads",
            "modes",
            "block_sizes",
            "size",
            "direct",
            "sync",
            "seconds",
            "whole_size",
            "tool",
        ],
    ),
    ("startup", &["application", "engine", "threads"]),
    ("transfer", &["destination", "port", "identity", "known_hosts", "file_count", "file_size"]),
    (
        "density",
        &["application", "engine", "threads", "memory_reserve", "latency_limit", "instances_max"],
    ),
];

/// The kind of a table, as one of [`TaskSpec::KINDS`].
pub(super) fn kind(
    path: &str,
    table: &WorkloadTable,
    problems: &mut Problems,
) -> Option<&'static str> {
    let written = table.kind.as_deref().unwrap_or("application");
    let known = TaskSpec::KINDS.into_iter().find(|kind| *kind == written);
    if known.is_none() {
        let listed = format!("this version has: {}", TaskSpec::KINDS.join(", "));
        let (message, help) = if TaskSpec::PLANNED_KINDS.contains(&written) {
            (format!("workload kind `{written}` is not supported by this version"), listed)
        } else {
            let near = nearest(written, &TaskSpec::KINDS);
            let help = near.map_or(listed, |near| format!("did you mean `{near}`?"));
            (format!("unknown workload kind `{written}`"), help)
        };
        problems.add(&format!("{path}.kind"), message, help);
    }
    known
}

/// Which keys the table has, by name.
fn present(table: &WorkloadTable) -> Vec<String> {
    // What is serialised is what was written: an absent key is left out.
    match toml::Table::try_from(table) {
        Ok(written) => written.keys().cloned().collect(),
        Err(_) => Vec::new(),
    }
}

/// Refuses keys of other kinds.
pub(super) fn foreign_keys(path: &str, kind: &str, table: &WorkloadTable, problems: &mut Problems) {
    let own: &[&str] = KEYS.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, keys)| keys);
    for key in present(table) {
        if COMMON.contains(&key.as_str()) || own.contains(&key.as_str()) {
            continue;
        }
        let owners: Vec<String> = KEYS
            .iter()
            .filter(|(_, keys)| keys.contains(&key.as_str()))
            .map(|(kind, _)| format!("\"{kind}\""))
            .collect();
        problems.add(
            &format!("{path}.{key}"),
            format!("`{key}` says nothing to a workload of kind \"{kind}\""),
            format!(
                "it belongs to kind {}; of \"{kind}\" are: {}",
                owners.join(" and "),
                own.join(", ")
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_belongs_to_a_kind() {
        let schema = super::super::experiment_schema();
        let properties = schema
            .pointer("/$defs/WorkloadTable/properties")
            .and_then(|properties| properties.as_object())
            .expect("the schema of a workload");
        let mut known: Vec<&str> = COMMON.to_vec();
        known.extend(KEYS.iter().flat_map(|(_, keys)| keys.iter().copied()));
        for key in properties.keys() {
            assert!(known.contains(&key.as_str()), "`{key}` belongs to no kind");
        }
        assert!(known.iter().all(|key| properties.contains_key(*key)));
    }
}
