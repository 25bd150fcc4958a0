//! The models and inputs of a plan: found, hashed, and handed to environments by content.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;
use weighbridge_environment::CopySource;
use weighbridge_experiment::{
    ApplicationName, EngineName, EnginePlan, InputFile, ModelSource, Sha256Digest, WorkloadPlan,
};
use weighbridge_inference::catalogue;

/// An input of 40 megapixels is at most 120 MB as raw pixels; nothing larger is a photo
/// that an application takes.
const LARGEST_INPUT_BYTES: u64 = 256 << 20;

/// Why a model or an input cannot be used. Each names the file and what to do.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is empty (0 bytes); remove it or give another file", path.display())]
    Empty { path: PathBuf },
    #[error("{} has {bytes} bytes, more than the {LARGEST_INPUT_BYTES} that an input may have; give a smaller file", path.display())]
    TooLarge { path: PathBuf, bytes: u64 },
    #[error("{} is a directory; give the path of an ONNX model", path.display())]
    ModelIsDirectory { path: PathBuf },
    #[error("{} holds no files; put photos (JPEG, PNG or WebP) into it or give another directory", path.display())]
    NoInputs { path: PathBuf },
    #[error("{} changed since the run began: its digest was {expected} and is {found}; restore it, or start a new run", path.display())]
    Changed { path: PathBuf, expected: Sha256Digest, found: Sha256Digest },
    #[error(
        "this version of weighbridge no longer ships {name} as the run used it; finish the run with the version that began it, or start a new one"
    )]
    NotShipped { name: String },
}

fn read_error(path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    let path = path.to_owned();
    move |source| FilesError::Read { path, source }
}

/// The digest and size of a file, read in pieces: inputs and executables can be large.
pub(crate) fn digest_of_file(path: &Path) -> io::Result<(Sha256Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((Sha256Digest::finish(hasher), bytes));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn describe(path: &Path) -> Result<InputFile, FilesError> {
    let (sha256, bytes) = digest_of_file(path).map_err(read_error(path))?;
    match bytes {
        0 => Err(FilesError::Empty { path: path.to_owned() }),
        bytes if bytes > LARGEST_INPUT_BYTES => {
            Err(FilesError::TooLarge { path: path.to_owned(), bytes })
        }
        _ => Ok(InputFile { name: file_name(path), path: Some(path.to_owned()), sha256, bytes }),
    }
}

fn shipped(name: &str, content: &[u8]) -> InputFile {
    InputFile {
        name: name.to_owned(),
        path: None,
        sha256: Sha256Digest::of(content),
        bytes: content.len() as u64,
    }
}

/// The model of a workload: the user's, or the application's own.
pub(crate) fn model(
    application: ApplicationName,
    given: Option<&ModelSource>,
) -> Result<InputFile, FilesError> {
    match given {
        Some(ModelSource::File(path)) if Path::new(path).is_dir() => {
            Err(FilesError::ModelIsDirectory { path: path.into() })
        }
        Some(ModelSource::File(path)) => describe(Path::new(path)),
        Some(ModelSource::Address { url: name, .. } | ModelSource::Seeded(name)) => {
            Err(FilesError::NotShipped { name: name.clone() })
        }
        None => {
            let entry = catalogue::shipped(application);
            Ok(shipped(entry.model_file, &(entry.model)()))
        }
    }
}

/// A file of class names.
pub(crate) fn labels(path: &str) -> Result<InputFile, FilesError> {
    describe(Path::new(path))
}

/// The inputs of a workload, by name: a file, the files of a directory, or the samples.
pub(crate) fn inputs(
    application: ApplicationName,
    given: Option<&str>,
) -> Result<Vec<InputFile>, FilesError> {
    let Some(path) = given else {
        let samples = catalogue::shipped(application).samples;
        return Ok(samples.iter().map(|(name, content)| shipped(name, content)).collect());
    };
    let path = Path::new(path);
    if !path.is_dir() {
        return Ok(vec![describe(path)?]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(read_error(path))? {
        let found = entry.map_err(read_error(path))?.path();
        // Hidden files are the desktop's, and a licence beside photos is not a photo.
        let skipped = file_name(&found).starts_with('.')
            || found
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("md") || e.eq_ignore_ascii_case("txt"));
        if !skipped && found.is_file() {
            files.push(found);
        }
    }
    if files.is_empty() {
        return Err(FilesError::NoInputs { path: path.to_owned() });
    }
    files.sort();
    files.iter().map(|file| describe(file)).collect()
}

/// A file as it is handed to an instance.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) file: InputFile,
    pub(crate) source: CopySource,
    /// Its name inside the instance: unique, plain, still telling.
    pub(crate) inside: String,
}

/// Everything of one workload that goes into its instances.
#[derive(Debug, Clone)]
pub(crate) struct Materials {
    pub(crate) model: Option<Material>,
    pub(crate) class_labels: Option<Material>,
    pub(crate) inputs: Vec<Material>,
    /// Shared libraries of the engine, placed with the agent.
    pub(crate) libraries: Vec<PathBuf>,
}

impl Materials {
    /// The files that a plan names, checked against the digests that it has.
    pub(crate) fn of(workload: &WorkloadPlan) -> Result<Self, FilesError> {
        let entry = workload.task.application().map(catalogue::shipped);
        let own_model = || entry.map(|entry| (entry.model)());
        let model = workload.model.as_ref();
        let model = model.map(|file| material(file, "model.onnx".to_owned(), own_model));
        let class_labels = workload.class_labels.as_ref();
        let class_labels =
            class_labels.map(|file| material(file, "labels.txt".to_owned(), || None));
        let inputs = workload.inputs.iter().enumerate().map(|(index, file)| {
            material(file, inside_name(index, &file.name), || {
                entry?
                    .samples
                    .iter()
                    .find(|(name, _)| *name == file.name)
                    .map(|(_, content)| Cow::Borrowed(*content))
            })
        });
        Ok(Self {
            model: model.transpose()?,
            class_labels: class_labels.transpose()?,
            inputs: inputs.collect::<Result<_, _>>()?,
            libraries: libraries(&workload.engine)?,
        })
    }

    /// Everything that is copied into an instance.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Material> {
        self.model.iter().chain(&self.class_labels).chain(&self.inputs)
    }
}

/// The files of an engine that instances are given, still those of the plan.
fn libraries(engine: &EnginePlan) -> Result<Vec<PathBuf>, FilesError> {
    // On a GPU the library needs its providers beside it and runs where it lies.
    let stays = engine.name == EngineName::OnnxruntimeCuda;
    let mut placed = Vec::new();
    for file in engine.library.iter().chain(&engine.dependencies) {
        let Some(path) = &file.path else { continue };
        let (found, _) = digest_of_file(path).map_err(read_error(path))?;
        if found != file.sha256 {
            let expected = file.sha256.clone();
            return Err(FilesError::Changed { path: path.clone(), expected, found });
        }
        if !stays {
            placed.push(path.clone());
        }
    }
    Ok(placed)
}

fn material(
    file: &InputFile,
    inside: String,
    shipped: impl FnOnce() -> Option<Cow<'static, [u8]>>,
) -> Result<Material, FilesError> {
    let source = match &file.path {
        Some(path) => {
            let (found, _) = digest_of_file(path).map_err(read_error(path))?;
            if found != file.sha256 {
                let expected = file.sha256.clone();
                return Err(FilesError::Changed { path: path.clone(), expected, found });
            }
            CopySource::File(path.clone())
        }
        None => {
            let content = shipped().filter(|content| Sha256Digest::of(content) == file.sha256);
            let missing = || FilesError::NotShipped { name: file.name.clone() };
            CopySource::Bytes(content.ok_or_else(missing)?.into())
        }
    };
    Ok(Material { file: file.clone(), source, inside })
}

/// A user's file name may hold anything; inside the instance it is plain, and numbered so
/// that two can never meet.
fn inside_name(index: usize, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(80)
        .collect();
    format!("{index:04}-{plain}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use weighbridge_experiment::ApplicationName;

    fn found(given: &Path) -> Result<Vec<InputFile>, FilesError> {
        inputs(ApplicationName::Derain, given.to_str())
    }

    #[test]
    fn a_directory_gives_its_files_by_name_without_hidden_ones_and_licences() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["b.jpg", "a.png", ".hidden", "LICENCE.md"] {
            fs::write(directory.path().join(name), name).expect("written");
        }
        let files = found(directory.path()).expect("inputs");
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.png", "b.jpg"]);
    }

    #[test]
    fn empty_directories_and_empty_files_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        assert!(matches!(found(directory.path()), Err(FilesError::NoInputs { .. })));
        fs::write(directory.path().join("a.jpg"), "").expect("written");
        assert!(matches!(found(directory.path()), Err(FilesError::Empty { .. })));
        let missing = directory.path().join("none.jpg");
        assert!(matches!(found(&missing), Err(FilesError::Read { .. })));
    }

    #[test]
    fn a_file_that_changed_since_the_plan_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.jpg");
        fs::write(&path, "before").expect("written");
        let file = describe(&path).expect("described");
        fs::write(&path, "after").expect("written");
        let refused = material(&file, "a".into(), || None);
        assert!(matches!(refused, Err(FilesError::Changed { .. })));
    }

    #[test]
    fn names_inside_are_plain_and_unique() {
        assert_eq!(
            inside_name(3, "rain in/Пуса n.jpg"),
            "0003-rain_in_____n.jpg".replace("in_____n", "in______n")
        );
        assert_ne!(inside_name(1, "a.jpg"), inside_name(2, "a.jpg"));
    }
}
