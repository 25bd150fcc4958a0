//! The tables of an environment that only one kind has: a table of another kind is a mistake,
//! and so is a value that no environment of the kind could use.

use super::asked::Problems;
use super::written::EnvironmentTable;
use crate::{EnvironmentKind, EnvironmentSettings};

/// The settings of an environment of `kind`, which stands at `path` of the file.
pub(super) fn settings(
    path: &str,
    kind: EnvironmentKind,
    table: &EnvironmentTable,
    problems: &mut Problems,
) -> EnvironmentSettings {
    let given = [("docker", table.docker.is_some()), ("ssh", table.ssh.is_some())];
    for (key, _) in given.into_iter().filter(|(key, given)| *given && *key != kind.as_str()) {
        problems.add(
            &format!("{path}.{key}"),
            format!("`{key}` says nothing to an environment of kind \"{kind}\""),
            format!("remove the table, or set kind = \"{key}\""),
        );
    }
    match kind {
        EnvironmentKind::Native | EnvironmentKind::Container | EnvironmentKind::Simulated => {
            EnvironmentSettings::None
        }
    }
}

/// A table that holds these settings and nothing else.
pub(super) fn written_again(settings: &EnvironmentSettings) -> EnvironmentTable {
    let empty = EnvironmentTable::default();
    match settings {
        EnvironmentSettings::None => empty,
        EnvironmentSettings::Docker(docker) => {
            EnvironmentTable { docker: Some(docker.clone()), ..empty }
        }
        EnvironmentSettings::Ssh(ssh) => EnvironmentTable { ssh: Some(ssh.clone()), ..empty },
    }
}
