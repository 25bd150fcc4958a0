use weighbridge_experiment::RunId;

use crate::RegistryError;

/// The run meant by `reference`. `runs` are all there are, the one begun last first.
pub(crate) fn resolve(reference: &str, runs: &[RunId]) -> Result<RunId, RegistryError> {
    if reference == "latest" {
        return runs.first().cloned().ok_or(RegistryError::NoRuns);
    }
    let none = || RegistryError::NoSuchRun { reference: reference.to_owned() };
    // Ids are lower-case; a user who types one in capitals means the same.
    let wanted = reference.to_ascii_lowercase();
    if wanted.is_empty() {
        return Err(none());
    }
    let candidates: Vec<RunId> =
        runs.iter().filter(|id| id.as_str().starts_with(&wanted)).cloned().collect();
    match candidates.as_slice() {
        [] => Err(none()),
        [one] => Ok(one.clone()),
        _ => Err(RegistryError::AmbiguousRun { reference: reference.to_owned(), candidates }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Vec<RunId> {
        ["abc000000002", "abd000000001", "0123456789ab"]
            .map(|id| id.parse().expect("an id"))
            .to_vec()
    }

    #[test]
    fn latest_is_the_one_begun_last() {
        assert_eq!(resolve("latest", &runs()).expect("a run").as_str(), "abc000000002");
        assert!(matches!(resolve("latest", &[]), Err(RegistryError::NoRuns)));
    }

    #[test]
    fn ids_and_unique_beginnings_are_found_in_either_case() {
        assert_eq!(resolve("0123456789ab", &runs()).expect("a run").as_str(), "0123456789ab");
        assert_eq!(resolve("0", &runs()).expect("a run").as_str(), "0123456789ab");
        assert_eq!(resolve("ABD", &runs()).expect("a run").as_str(), "abd000000001");
    }

    #[test]
    fn what_means_no_run_or_several_is_refused() {
        assert!(matches!(resolve("f", &runs()), Err(RegistryError::NoSuchRun { .. })));
        assert!(matches!(resolve("", &runs()), Err(RegistryError::NoSuchRun { .. })));
        assert!(matches!(resolve("0123456789abc", &runs()), Err(RegistryError::NoSuchRun { .. })));
        let Err(RegistryError::AmbiguousRun { candidates, .. }) = resolve("ab", &runs()) else {
            panic!("two runs begin with ab");
        };
        assert_eq!(candidates, runs()[..2]);
    }
}
