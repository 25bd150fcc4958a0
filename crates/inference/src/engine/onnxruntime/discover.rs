//! Where ONNX Runtime libraries lie on a host.
//!
//! Looks at file names below the places that it is given and at nothing else: it reads no
//! environment variable and loads nothing, so what it finds may still be broken or too old
//! ([`version_of`](super::version_of), in a process of its own, tells).

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of installed libraries in the data directory are named so, with the version.
pub const INSTALLED_PREFIX: &str = "onnxruntime-";

/// Where libraries are looked for, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The file that the user names in `$ORT_DYLIB_PATH`.
    pub named: Option<PathBuf>,
    /// The folder that holds one folder for each installed version.
    pub installed: PathBuf,
    /// The system's library folders.
    pub system: Vec<PathBuf>,
}

/// How a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user named it in `$ORT_DYLIB_PATH`.
    Named,
    /// `weighbridge engine install` put it into the data directory.
    Installed,
    /// It lies in a library folder of the system.
    System,
}

impl Origin {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Named => "named by $ORT_DYLIB_PATH",
            Self::Installed => "installed in the data directory",
            Self::System => "found among the system's libraries",
        }
    }
}

/// A file that is named like an ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The file, symbolic links followed where it exists.
    pub path: PathBuf,
    /// How it was found.
    pub origin: Origin,
}

/// The library folders of Linux systems, for this processor.
#[must_use]
pub fn system_folders() -> Vec<PathBuf> {
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let roots = ["/usr/local/lib", "/usr/lib", "/lib", "/usr/local/lib64", "/usr/lib64", "/lib64"];
    roots.iter().flat_map(|root| [Path::new(root).join(&multiarch), PathBuf::from(root)]).collect()
}

/// All files that are named like the library, the one to be preferred first: the one that is
/// named, then what is installed with the newest version first, then the system's. A named
/// one is there even if the file is not, since leaving it out would pick another in silence.
#[must_use]
pub fn candidates(places: &Places) -> Vec<Candidate> {
    let named = places.named.iter().map(|path| (path.clone(), Origin::Named));
    let mut folders: Vec<PathBuf> = entries(&places.installed)
        .into_iter()
        .filter(|path| file_name(path).starts_with(INSTALLED_PREFIX))
        .collect();
    folders.sort_by_key(|path| Reverse(version_key(&file_name(path)[INSTALLED_PREFIX.len()..])));
    let installed = folders.iter().filter_map(|folder| library_in(folder));
    let system = places.system.iter().filter_map(|folder| library_in(folder));
    let all = named
        .chain(installed.map(|path| (path, Origin::Installed)))
        .chain(system.map(|path| (path, Origin::System)));
    let mut found: Vec<Candidate> = Vec::new();
    for (path, origin) in all {
        let path = fs::canonicalize(&path).unwrap_or(path);
        if !found.iter().any(|known| known.path == path) {
            found.push(Candidate { path, origin });
        }
    }
    found
}

/// The library of a folder, the newest where it has several.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut libraries: Vec<PathBuf> =
        entries(folder).into_iter().filter(|path| is_library(&file_name(path))).collect();
    libraries.sort_by_key(|path| Reverse(version_key(&file_name(path))));
    libraries.into_iter().next()
}

/// `libonnxruntime.so`, also with a version behind it; not the providers beside it.
fn is_library(name: &str) -> bool {
    name.strip_prefix("libonnxruntime.so").is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('.').is_some_and(|version| {
                version
                    .split('.')
                    .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
            })
    })
}

/// The numbers in a name, in order: `1.9.0` comes before `1.31.1`.
fn version_key(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The entries of a folder by name; none of one that is not there or may not be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = listed.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let root =
                std::env::temp_dir().join(format!("wb-discover-{}-{name}", std::process::id()));
            fs::create_dir_all(&root).expect("a directory");
            Self(fs::canonicalize(root).expect("it is there"))
        }

        fn file(&self, path: &str) -> PathBuf {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a directory");
            fs::write(&path, "library").expect("written");
            path
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_named_comes_first_then_the_newest_installed_then_the_system() {
        let tree = Tree::new("order");
        let old = tree.file("engines/onnxruntime-1.9.0/libonnxruntime.so.1.9.0");
        let new = tree.file("engines/onnxruntime-1.31.1/libonnxruntime.so.1.31.1");
        tree.file("engines/onnxruntime-1.31.1/libonnxruntime_providers_shared.so");
        tree.file("engines/onnxruntime-1.32.0/LICENSE");
        tree.file("engines/.partial-7/libonnxruntime.so");
        let system = tree.file("usr/lib/libonnxruntime.so.1.23.2");
        std::os::unix::fs::symlink(&system, tree.0.join("usr/lib/libonnxruntime.so"))
            .expect("a link");
        let named = tree.0.join("nowhere/libonnxruntime.so");
        let places = Places {
            named: Some(named.clone()),
            installed: tree.0.join("engines"),
            system: vec![tree.0.join("usr/lib"), tree.0.join("usr/lib"), tree.0.join("none")],
        };
        let found: Vec<_> = candidates(&places).into_iter().map(|c| (c.path, c.origin)).collect();
        assert_eq!(
            found,
            [
                (named, Origin::Named),
                (new.clone(), Origin::Installed),
                (old, Origin::Installed),
                (system, Origin::System),
            ]
        );
        let again = Places { named: Some(new), ..places };
        assert_eq!(candidates(&again).len(), 3, "the same file twice is one candidate");
    }

    #[test]
    fn only_the_library_itself_is_one() {
        for name in ["libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.31.1"] {
            assert!(is_library(name), "{name}");
        }
        for name in [
            "libonnxruntime.so.1.",
            "libonnxruntime.so.bak",
            "libonnxruntime_providers_shared.so",
            "onnxruntime.so",
            "",
        ] {
            assert!(!is_library(name), "{name}");
        }
    }
}
