//! The model, labels and engine that a command is to use, from what the user wrote.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use weighbridge_experiment::{
    ApplicationName, EngineName, EnginePlan, EngineWish, InputFile, ModelSource,
};
use weighbridge_inference::Labels;
use weighbridge_inference::engine::EngineSource;
use weighbridge_inference::engine::onnxruntime::LibraryFiles;

use super::UsageError;
use crate::data_directory::DataDirectory;
use crate::engines::Chooser;
use crate::run::{self, Model};

/// What the user wrote; what is not given is the application's own.
pub(super) struct ModelWish<'a> {
    pub(super) model: Option<&'a str>,
    pub(super) sha256: Option<&'a str>,
    pub(super) labels: Option<&'a Path>,
    pub(super) engine: Option<EngineWish>,
}

/// What it comes to on this host.
pub(super) struct ChosenModel {
    pub(super) model: Model,
    pub(super) content: Vec<u8>,
    pub(super) labels: Option<Labels>,
    pub(super) engine: EngineSource,
}

impl ChosenModel {
    /// Finds, reads and checks everything; a model by address is downloaded once.
    pub(super) fn resolve(name: ApplicationName, wish: &ModelWish<'_>) -> anyhow::Result<Self> {
        let data = DataDirectory::from_environment()?;
        let given = wish.model.map(|model| ModelSource::read(model, wish.sha256));
        let given = given.transpose().map_err(|problem| UsageError(problem.to_string()))?;
        let model = run::resolve_model(Some(name), given.as_ref(), &data)?;
        let content = match &model.file.path {
            Some(path) => {
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
            None => run::model_content(&model.file, Some(name))
                .context("this version of weighbridge does not ship the model")?
                .into_owned(),
        };
        let labels = wish.labels.map(read_labels).transpose()?;
        let executable = std::env::current_exe().context("cannot find the running executable")?;
        let engine = wish.engine.unwrap_or(EngineWish::Auto);
        let engine = engine_source(&Chooser::new(&data, &executable).choose(engine)?);
        Ok(Self { model, content, labels, engine })
    }
}

fn read_labels(path: &Path) -> anyhow::Result<Labels> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Labels::parse(&bytes, &path.display().to_string())?)
}

/// Where the engine of a plan comes from on this host.
fn engine_source(plan: &EnginePlan) -> EngineSource {
    let path = |file: &InputFile| file.path.clone();
    let library = plan.library.as_ref().and_then(path);
    let files = library.map(|library| LibraryFiles {
        library,
        dependencies: plan.dependencies.iter().filter_map(path).collect(),
    });
    match (plan.name, files) {
        (EngineName::Onnxruntime, Some(files)) => EngineSource::OnnxRuntime(files),
        (EngineName::OnnxruntimeCuda, Some(files)) => EngineSource::OnnxRuntimeCuda(files),
        _ => EngineSource::Rten,
    }
}
