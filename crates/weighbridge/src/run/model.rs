//! Where the model of a workload comes from: the application, a file, an address, a seed.

use std::borrow::Cow;
use std::path::Path;

use weighbridge_experiment::{ApplicationName, InputFile, ModelSource};
use weighbridge_inference::catalogue;
use weighbridge_inference::family::{FamilyError, ModelFamily};

use super::download;
use super::files::{self, FilesError};
use crate::data_directory::DataDirectory;

/// What a model that is drawn from a seed is called in a plan.
const SEEDED_PREFIX: &str = "seeded:";

/// A model that was found.
pub(crate) struct Model {
    pub(crate) file: InputFile,
    /// Whether its weights are random: it is good for speed only.
    pub(crate) seeded: bool,
}

/// Finds the model of a workload. Without one given, the application's own.
pub(crate) fn resolve(
    application: Option<ApplicationName>,
    given: Option<&ModelSource>,
    data: &DataDirectory,
) -> anyhow::Result<Model> {
    let trained = |file| Model { file, seeded: false };
    match (given, application) {
        (Some(ModelSource::File(path)), _) => {
            let path = Path::new(path);
            if path.is_dir() {
                return Err(FilesError::ModelIsDirectory { path: path.into() }.into());
            }
            Ok(trained(files::describe_model(path)?))
        }
        (Some(ModelSource::Address { url, sha256 }), _) => {
            let path = download::cached(url, sha256, data)?;
            let name = url.rsplit('/').next().unwrap_or_default();
            let name = name.split(['?', '#']).next().filter(|name| !name.is_empty());
            let file = files::describe_model(&path)?;
            Ok(trained(InputFile { name: name.unwrap_or("model.onnx").to_owned(), ..file }))
        }
        (Some(ModelSource::Seeded(family)), _) => {
            let model = ModelFamily::from_name(family)?.default_model();
            let file = files::shipped(&format!("{SEEDED_PREFIX}{family}"), &model);
            Ok(Model { file, seeded: true })
        }
        (None, Some(application)) => {
            let entry = catalogue::shipped(application);
            let file = files::shipped(entry.model_file, &(entry.model)());
            Ok(Model { file, seeded: !entry.trained })
        }
        (None, None) => {
            unreachable!("the file refuses a workload of kind \"onnx\" without a model")
        }
    }
}

/// The bytes of a model of a plan that lies in no file.
pub(crate) fn content(
    file: &InputFile,
    application: Option<ApplicationName>,
) -> Option<Cow<'static, [u8]>> {
    match file.name.strip_prefix(SEEDED_PREFIX) {
        Some(family) => {
            let family: Result<ModelFamily, FamilyError> = ModelFamily::from_name(family);
            family.ok().map(|family| Cow::Owned(family.default_model()))
        }
        None => application.map(|application| (catalogue::shipped(application).model)()),
    }
}
