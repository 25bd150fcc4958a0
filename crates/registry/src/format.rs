//! Which records this version reads. Knows nothing of where they are kept.

use serde::Serialize;
use serde::de::DeserializeOwned;
use weighbridge_experiment::{CAMPAIGN_FORMAT, RUN_FORMAT, RunId};

use crate::RegistryError;

/// Refuses a run of a newer format, or of none that is known.
pub(crate) fn check(run: &RunId, format: &str, written_by: &str) -> Result<(), RegistryError> {
    check_against("run", RUN_FORMAT, run, format, written_by)
}

/// The same for a campaign.
pub(crate) fn check_campaign(
    campaign: &RunId,
    format: &str,
    written_by: &str,
) -> Result<(), RegistryError> {
    check_against("campaign", CAMPAIGN_FORMAT, campaign, format, written_by)
}

fn check_against(
    what: &'static str,
    known: &'static str,
    id: &RunId,
    format: &str,
    written_by: &str,
) -> Result<(), RegistryError> {
    // Versions are numbered from 1, and every version reads all the earlier ones.
    let readable = version(format, known)
        .zip(version(known, known))
        .is_some_and(|(found, known)| found <= known);
    if readable {
        return Ok(());
    }
    Err(RegistryError::NewerRecord {
        what,
        run: id.clone(),
        format: format.to_owned(),
        known,
        written_by: written_by.to_owned(),
    })
}

/// The number of a format, where it is one of the same name as `known`.
fn version(format: &str, known: &str) -> Option<u32> {
    let (name, version) = format.rsplit_once('/')?;
    let (known, _) = known.rsplit_once('/')?;
    (name == known).then(|| version.parse().ok()).flatten().filter(|version| *version >= 1)
}

/// The record as JSON text that is known to read back equal.
///
/// JSON has no NaN and no infinity: they would be acknowledged as written and come back as
/// an error, so they are refused here, while there is still somebody to tell.
pub(crate) fn write<T>(record: &T, what: impl Fn() -> String) -> Result<String, RegistryError>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let fail = |reason: String| RegistryError::NotStorable { what: what(), reason };
    let text = serde_json::to_string(record).map_err(|error| fail(error.to_string()))?;
    match serde_json::from_str::<T>(&text) {
        Ok(read) if read == *record => Ok(text),
        Ok(_) => Err(fail("it would come back with another value".to_owned())),
        Err(error) => {
            Err(fail(format!("it could not be read back ({error}); is a number not finite?")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(format: &str) -> bool {
        check(&RunId::from_random(1), format, "9.9.9").is_err()
    }

    #[test]
    fn this_and_earlier_formats_are_read_and_no_others() {
        assert!(!refused(RUN_FORMAT));
        for format in [
            "weighbridge.run/2",
            "weighbridge.run/0",
            "weighbridge.run",
            "other/1",
            "",
            "/",
            "run/1",
        ] {
            assert!(refused(format), "{format}");
        }
    }

    #[test]
    fn the_refusal_names_the_version_that_wrote_it() {
        let error = check(&RunId::from_random(1), "weighbridge.run/7", "9.9.9").expect_err("newer");
        assert_eq!(
            error.to_string(),
            "run 000000000001 was written by weighbridge 9.9.9 in format `weighbridge.run/7`; this \
             version knows `weighbridge.run/1`; install that version or a later one to read it"
        );
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused_before_they_are_lost() {
        assert!(write(&1.5_f64, || "a number".to_owned()).is_ok());
        for lost in [f64::NAN, f64::INFINITY] {
            let error =
                write(&lost, || "a number".to_owned()).expect_err("JSON has no such number");
            assert!(error.to_string().starts_with("a number cannot be stored: "), "{error}");
        }
    }
}
