//! `weighbridge app export`: a shipped or a seeded model as a file.

use std::fs::OpenOptions;
use std::io::{self, Write};

use anyhow::{Context as _, anyhow};
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue;
use weighbridge_inference::family::{Form, ModelFamily};

use super::arguments::AppExportArguments;
use super::{Outcome, UsageError, output};
use crate::run;

/// Writes a model; never over a file that is there.
pub(super) fn export(arguments: &AppExportArguments) -> anyhow::Result<Outcome> {
    let application =
        run::application(&arguments.name).map_err(|problem| UsageError(problem.to_string()))?;
    let (bytes, trained) = match &arguments.variant {
        None => {
            let shipped = catalogue::shipped(application);
            ((shipped.model)().into_owned(), shipped.trained)
        }
        Some(variant) => (seeded(application, variant)?, false),
    };
    let path = &arguments.out;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(&bytes));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            anyhow!("{} is there already; give another name", path.display())
        }
        _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
    })?;
    let label = if trained { String::new() } else { format!("; {}", catalogue::SEEDED) };
    output::write_text(&format!("{}: {} KiB{label}", path.display(), bytes.len() / 1024))?;
    Ok(Outcome::Done)
}

/// `FAMILY`, or `FAMILY:FORM`, of those that the application can run.
fn seeded(application: ApplicationName, variant: &str) -> anyhow::Result<Vec<u8>> {
    let usage = |error: &dyn std::error::Error| UsageError(error.to_string());
    let (family, form) = variant.split_once(':').unwrap_or((variant, Form::default().name()));
    let family = ModelFamily::from_name(family).map_err(|error| usage(&error))?;
    let usable = catalogue::families(application);
    if !usable.contains(&family) {
        let names: Vec<&str> = usable.iter().map(|family| family.name()).collect();
        let instead = match names.as_slice() {
            [] => "it has its own model only; leave out --variant".to_owned(),
            names => format!("give one of: {}", names.join(", ")),
        };
        return Err(UsageError(format!(
            "{} cannot run {}; {instead}",
            application.as_str(),
            family.name()
        ))
        .into());
    }
    let form: Form = form.parse().map_err(|error| usage(&error))?;
    family.generate(family.default_seed(), form).context("cannot make the model")
}
