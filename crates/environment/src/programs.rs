//! Programs of the host, found by name. Does not run them.

use std::path::{Path, PathBuf};

/// Where a user's search path often does not lead, and programs of the system lie.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/sbin"];

/// A program on the search path, or where those of the system lie.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(MORE_PLACES.map(PathBuf::from));
    places.map(|place| place.join(name)).find(|program| program.is_file())
}

/// A program in the directory of another one, else as [`find`] does.
pub(crate) fn find_beside(other: &Path, name: &str) -> Option<PathBuf> {
    let beside = other.parent().map(|directory| directory.join(name));
    beside.filter(|program| program.is_file()).or_else(|| find(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_and_nonsense_is_not() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-at-all"), None);
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("jailer"), "").unwrap();
        let beside = find_beside(&place.path().join("firecracker"), "jailer");
        assert_eq!(beside, Some(place.path().join("jailer")));
    }
}
