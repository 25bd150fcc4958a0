//! The shared libraries of an executable, as its own dynamic linker resolves them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::elf::{Linkage, linkage};
use crate::error::EnvironmentError;

/// Headers and the linker's path lie in the first page of every executable met so far.
const HEADERS_BYTES: u64 = 64 * 1024;

/// One file of the host, and where the program expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NeededFile {
    pub(crate) host: PathBuf,
    /// Absolute, inside the root file system.
    pub(crate) inside: PathBuf,
}

/// The dynamic linker and the libraries that `executable` needs; none where it is static.
pub(crate) fn needed_files(executable: &Path) -> Result<Vec<NeededFile>, EnvironmentError> {
    let Some(linker) = linker_of(executable)? else { return Ok(Vec::new()) };
    Ok(placed(&linker, &listed(&linker, executable)?))
}

/// The libraries that a shared library needs, each with those that they need in turn, as the
/// dynamic linker of `executable`, which is to load it, resolves them without any search path
/// of the user's. The linker itself is not among them.
///
/// # Errors
///
/// When one of them is not found, or the executable is static and cannot load any.
pub fn library_closure(
    library: &Path,
    executable: &Path,
) -> Result<Vec<PathBuf>, EnvironmentError> {
    let Some(linker) = linker_of(executable)? else {
        return Err(EnvironmentError::Libraries {
            executable: library.into(),
            reason: format!(
                "{} is linked statically and can load no libraries; use a build for glibc",
                executable.display()
            ),
        });
    };
    let is_linker = |path: &PathBuf| path.file_name() == Path::new(&linker).file_name();
    Ok(listed(&linker, library)?.into_iter().filter(|path| !is_linker(path)).collect())
}

/// What a program needs to be started anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The dynamic linker that it asks for; none where it is linked statically.
    pub linker: Option<PathBuf>,
    /// The libraries that the linker of this host finds for it.
    pub libraries: Vec<PathBuf>,
}

/// What a program of this host needs besides itself.
///
/// # Errors
///
/// When it is no executable for this machine, or one of its libraries is not found.
pub fn program_files(program: &Path) -> Result<Program, EnvironmentError> {
    match linker_of(program)? {
        None => Ok(Program { linker: None, libraries: Vec::new() }),
        Some(linker) => Ok(Program {
            libraries: library_closure(program, program)?,
            linker: Some(linker.into()),
        }),
    }
}

/// The dynamic linker that an executable asks for.
fn linker_of(executable: &Path) -> Result<Option<String>, EnvironmentError> {
    let mut headers = Vec::new();
    File::open(executable)
        .and_then(|file| file.take(HEADERS_BYTES).read_to_end(&mut headers))
        .map_err(EnvironmentError::file("read", executable))?;
    match linkage(&headers) {
        Ok(Linkage::Static) => Ok(None),
        Ok(Linkage::Dynamic(linker)) => Ok(Some(linker)),
        Err(reason) => Err(EnvironmentError::Executable { path: executable.into(), reason }),
    }
}

/// What `linker` finds for an executable or a library.
fn listed(linker: &str, executable: &Path) -> Result<Vec<PathBuf>, EnvironmentError> {
    let failed = |reason| EnvironmentError::Libraries { executable: executable.into(), reason };
    // The linker itself answers, with the empty search path that the container will have.
    let output = Command::new(linker)
        .arg("--list")
        .arg(executable)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|source| EnvironmentError::Spawn { executable: linker.into(), source })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(format!("{linker} --list: {}", said.trim())));
    }
    parse_list(&String::from_utf8_lossy(&output.stdout)).map_err(failed)
}

/// Reads what `ld.so --list` prints: `NAME => PATH (ADDRESS)` a library, `PATH (ADDRESS)`
/// for the linker, and the kernel's own `linux-vdso.so.1 (ADDRESS)`.
fn parse_list(text: &str) -> Result<Vec<PathBuf>, String> {
    let mut libraries = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let found = line.split_once(" => ").map_or(line, |(_, found)| found);
        if found.starts_with("not found") {
            return Err(line.to_owned());
        }
        let path = found.rsplit_once(" (").map_or(found, |(path, _)| path);
        if path.starts_with('/') {
            libraries.push(PathBuf::from(path));
        }
    }
    Ok(libraries)
}

/// Where each library goes: the path at which it was found, and beside the C library too,
/// because the container has no linker cache that would name other directories.
fn placed(linker: &str, libraries: &[PathBuf]) -> Vec<NeededFile> {
    let mut files = vec![NeededFile { host: linker.into(), inside: linker.into() }];
    let c_library = libraries
        .iter()
        .find(|path| path.file_name().is_some_and(|name| name == "libc.so.6"))
        .and_then(|path| path.parent());
    for library in libraries {
        let beside =
            c_library.zip(library.file_name()).map(|(directory, name)| directory.join(name));
        for inside in [Some(library.clone()), beside].into_iter().flatten() {
            if !files.iter().any(|file| file.inside == inside) {
                files.push(NeededFile { host: library.clone(), inside });
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GLIBC: &str = "\tlinux-vdso.so.1 (0x00007ffc0)\n\
        \tlibonnx.so.1 => /opt/onnx/lib/libonnx.so.1 (0x00007f1)\n\
        \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f2)\n\
        \t/lib64/ld-linux-x86-64.so.2 (0x00007f3)\n";

    #[test]
    fn libraries_go_where_they_were_found_and_beside_the_c_library() {
        let listed = parse_list(GLIBC).unwrap();
        let inside: Vec<_> = placed("/lib64/ld-linux-x86-64.so.2", &listed)
            .into_iter()
            .map(|file| file.inside.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            inside,
            [
                "/lib64/ld-linux-x86-64.so.2",
                "/opt/onnx/lib/libonnx.so.1",
                "/lib/x86_64-linux-gnu/libonnx.so.1",
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            ]
        );
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = parse_list("libx.so.1 => not found\n").unwrap_err();
        assert!(error.contains("libx.so.1"), "{error}");
    }

    #[test]
    fn this_very_test_needs_files_that_exist() {
        for file in needed_files(&std::env::current_exe().unwrap()).unwrap() {
            assert!(file.host.is_file(), "{}", file.host.display());
            assert!(file.inside.is_absolute());
        }
    }

    #[test]
    fn the_closure_of_a_library_is_files_and_never_the_linker() {
        // Not `/proc/self/exe`: the dynamic linker that is asked would look at itself.
        let this = std::env::current_exe().unwrap();
        let this = this.as_path();
        let Some(linker) = linker_of(this).unwrap() else {
            let refused = library_closure(this, this).unwrap_err().to_string();
            assert!(refused.contains("statically"), "{refused}");
            return;
        };
        let needed = needed_files(this).unwrap();
        let c_library = needed.iter().find(|file| file.inside.ends_with("libc.so.6")).unwrap();
        for library in [this, c_library.host.as_path()] {
            for path in library_closure(library, this).unwrap() {
                assert!(path.is_file(), "{}", path.display());
                assert_ne!(path.file_name(), Path::new(&linker).file_name());
            }
        }
        let text = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(library_closure(text, this).is_err());
    }

    proptest! {
        #[test]
        fn reading_a_list_never_panics(text in "(\\PC| => | \\(|\n)*") {
            let _ = parse_list(&text);
        }
    }
}
