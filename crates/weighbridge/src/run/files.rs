//! The files that a user names: found, and known by their digest.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;
use weighbridge_experiment::{ApplicationName, InputFile, Sha256Digest};
use weighbridge_inference::catalogue;

/// An input of 40 megapixels is at most 120 MB as raw pixels; nothing larger is a photo
/// that an application takes.
const LARGEST_INPUT_BYTES: u64 = 256 << 20;
/// What an agent reads into its memory at most.
pub(crate) const LARGEST_MODEL_BYTES: u64 = 1 << 30;

/// Why a model or an input cannot be used. Each names the file and what to do.
#[derive(Debug, Error)]
pub(crate) enum FilesError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is empty (0 bytes); remove it or give another file", path.display())]
    Empty { path: PathBuf },
    #[error("{} has {bytes} bytes, more than the {most} that such a file may have; give a smaller one", path.display())]
    TooLarge { path: PathBuf, bytes: u64, most: u64 },
    #[error("{} is a directory; give the path of an ONNX model", path.display())]
    ModelIsDirectory { path: PathBuf },
    #[error("{} holds no files; put inputs into it or give another directory", path.display())]
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

/// An input of the user's.
pub(crate) fn describe(path: &Path) -> Result<InputFile, FilesError> {
    described(path, LARGEST_INPUT_BYTES)
}

/// A model of the user's.
pub(crate) fn describe_model(path: &Path) -> Result<InputFile, FilesError> {
    described(path, LARGEST_MODEL_BYTES)
}

/// Any file: one that a command needs may be empty and of any size.
pub(crate) fn describe_any(path: &Path) -> Result<InputFile, FilesError> {
    let (sha256, bytes) = digest_of_file(path).map_err(read_error(path))?;
    Ok(InputFile { name: file_name(path), path: Some(path.to_owned()), sha256, bytes })
}

fn described(path: &Path, most: u64) -> Result<InputFile, FilesError> {
    let file = describe_any(path)?;
    match file.bytes {
        0 => Err(FilesError::Empty { path: path.to_owned() }),
        bytes if bytes > most => Err(FilesError::TooLarge { path: path.to_owned(), bytes, most }),
        _ => Ok(file),
    }
}

/// The path of a file of a plan, whose content is still that of the plan.
pub(crate) fn checked(file: &InputFile, path: &Path) -> Result<PathBuf, FilesError> {
    let (found, _) = digest_of_file(path).map_err(read_error(path))?;
    if found == file.sha256 {
        return Ok(path.to_owned());
    }
    Err(FilesError::Changed { path: path.to_owned(), expected: file.sha256.clone(), found })
}

/// What ships inside the executable, or is made by it.
pub(crate) fn shipped(name: &str, content: &[u8]) -> InputFile {
    InputFile {
        name: name.to_owned(),
        path: None,
        sha256: Sha256Digest::of(content),
        bytes: content.len() as u64,
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
    below(Path::new(path))
}

/// The files of a directory by name, or the one file.
pub(crate) fn below(path: &Path) -> Result<Vec<InputFile>, FilesError> {
    if !path.is_dir() {
        return Ok(vec![describe(path)?]);
    }
    input_files(path)?.iter().map(|file| describe(file)).collect()
}

/// What of a directory is an input, by name.
pub(crate) fn input_files(path: &Path) -> Result<Vec<PathBuf>, FilesError> {
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
    Ok(files)
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
}
