//! The files that are sent as bodies, read once before the load: a file that vanishes
//! meanwhile changes nothing, one that is not there is said before anything is sent.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use hyper::body::Bytes;

use super::error::LoadError;

/// All bodies together stay in memory.
const LIMIT_BYTES: u64 = 512 << 20;

/// One body.
#[derive(Debug, Clone)]
pub(super) struct BodyFile {
    pub(super) bytes: Bytes,
    pub(super) content_type: &'static str,
}

/// Reads bodies, each file once.
#[derive(Debug, Default)]
pub(super) struct BodyReader {
    known: HashMap<PathBuf, Bytes>,
    total_bytes: u64,
}

impl BodyReader {
    /// The bodies that these paths name, relative to `base`; a directory stands for its files
    /// by name.
    pub(super) fn read(
        &mut self,
        base: &Path,
        paths: &[String],
    ) -> Result<Vec<BodyFile>, LoadError> {
        let mut bodies = Vec::new();
        for path in paths {
            let path = base.join(path);
            let failed = |source| LoadError::Body { path: path.clone(), source };
            if !fs::metadata(&path).map_err(failed)?.is_dir() {
                bodies.push(self.file(path)?);
                continue;
            }
            let mut files = Vec::new();
            for entry in fs::read_dir(&path).map_err(failed)? {
                let file = entry.map_err(failed)?.path();
                let hidden =
                    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
                if file.is_file() && !hidden {
                    files.push(file);
                }
            }
            if files.is_empty() {
                return Err(LoadError::NoBodies { path });
            }
            files.sort();
            for file in files {
                bodies.push(self.file(file)?);
            }
        }
        Ok(bodies)
    }

    fn file(&mut self, path: PathBuf) -> Result<BodyFile, LoadError> {
        let content_type = content_type(&path);
        if let Some(bytes) = self.known.get(&path) {
            return Ok(BodyFile { bytes: bytes.clone(), content_type });
        }
        let failed = |source| LoadError::Body { path: path.clone(), source };
        // The length first: a disk image must not be read to find it too large.
        self.total_bytes += fs::metadata(&path).map_err(failed)?.len();
        if self.total_bytes > LIMIT_BYTES {
            return Err(LoadError::BodiesTooLarge { bytes: self.total_bytes, limit: LIMIT_BYTES });
        }
        let bytes = Bytes::from(fs::read(&path).map_err(failed)?);
        self.known.insert(path, bytes.clone());
        Ok(BodyFile { bytes, content_type })
    }
}

/// By the end of the name; a header of the plan takes precedence.
fn content_type(path: &Path) -> &'static str {
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    match end.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "wav" => "audio/wav",
        "flac" => "audio/flac",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_stands_for_its_files_by_name() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("b.png"), b"b").expect("a file");
        fs::write(directory.path().join("a.jpg"), b"a").expect("a file");
        fs::write(directory.path().join(".hidden"), b"h").expect("a file");
        let mut reader = BodyReader::default();
        let bodies = reader.read(directory.path(), &[".".to_owned()]).expect("bodies");
        let seen: Vec<_> = bodies.iter().map(|body| (&body.bytes[..], body.content_type)).collect();
        assert_eq!(seen, [(&b"a"[..], "image/jpeg"), (&b"b"[..], "image/png")]);
        let gone = reader.read(directory.path(), &["gone.png".to_owned()]);
        assert!(gone.expect_err("it is not there").to_string().contains("gone.png"));
        let empty = directory.path().join("empty");
        fs::create_dir(&empty).expect("a directory");
        assert!(matches!(reader.read(&empty, &[".".to_owned()]), Err(LoadError::NoBodies { .. })));
    }
}
