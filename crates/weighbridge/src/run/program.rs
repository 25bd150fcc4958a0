//! A command of the user's: its program found, and everything that has to go with it into an
//! environment that holds nothing of this host.
//!
//! What is deliberately not followed: programs that the program starts, and files that it opens
//! by itself. The user names those that it needs; a failure says which one was missing.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use weighbridge_environment::{EnvironmentError, Program, library_closure, program_files};
use weighbridge_experiment::{CommandPlan, CommandSpec, InputFile};

use super::files::{self, FilesError};

/// A line that names an interpreter is not longer on any kernel.
const FIRST_LINE_BYTES: u64 = 256;
/// An interpreter that is itself a script may be one of another; further is a loop.
const INTERPRETERS_MAX: usize = 4;

/// Why a command cannot be run. Each names the program.
#[derive(Debug, Error)]
pub(crate) enum ProgramError {
    #[error("there is no program `{0}` in the directories of PATH; give its path")]
    NotFound(String),
    #[error("{} is no program: it is a directory or may not be executed; give another, or make it executable", .0.display())]
    NotExecutable(PathBuf),
    #[error("{}: its first line names no interpreter", .0.display())]
    FirstLine(PathBuf),
    #[error("{}: the interpreters of its first lines follow one another without an end", .0.display())]
    Interpreters(PathBuf),
    #[error("two files of the command are named `{0}`; it would find only one of them")]
    SameName(String),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("the libraries of the command cannot be found")]
    Libraries(#[from] EnvironmentError),
}

/// Finds the program, its linker, its libraries and its files.
pub(crate) fn resolve(spec: &CommandSpec) -> Result<CommandPlan, ProgramError> {
    let (name, given) =
        spec.command.split_first().map_or(("", &[][..]), |(name, rest)| (name, rest));
    let mut program = find(name)?;
    let mut files: Vec<PathBuf> = spec.files.iter().map(PathBuf::from).collect();
    let mut arguments = given.to_vec();
    for depth in 0.. {
        let Some(line) = first_line(&program)? else { break };
        if depth == INTERPRETERS_MAX {
            return Err(ProgramError::Interpreters(program));
        }
        let script = program.clone();
        let (interpreter, argument) =
            interpreter(&line).ok_or_else(|| ProgramError::FirstLine(script.clone()))?;
        // The script itself lies beside the command's other files.
        let name = script.file_name().map(|name| name.to_string_lossy().into_owned());
        arguments.insert(0, format!("./{}", name.unwrap_or_default()));
        arguments.splice(0..0, argument);
        if !files.contains(&script) {
            files.push(script);
        }
        program = find(&interpreter)?;
    }
    let described = |path: &PathBuf| files::describe_any(path);
    let Program { linker, libraries } = program_files(&program)?;
    let mut needed = libraries;
    for file in files.iter().filter(|_| linker.is_some()).filter(|file| is_elf(file)) {
        for library in library_closure(file, &program)? {
            if !needed.iter().any(|known| known.file_name() == library.file_name()) {
                needed.push(library);
            }
        }
    }
    let files = files.iter().map(described).collect::<Result<Vec<InputFile>, _>>()?;
    let mut names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(ProgramError::SameName(pair[0].to_owned()));
    }
    Ok(CommandPlan {
        command: spec.command.clone(),
        program: described(&program)?,
        arguments,
        linker: linker.as_ref().map(described).transpose()?,
        libraries: needed.iter().map(described).collect::<Result<_, _>>()?,
        files,
        timeout_seconds: spec.timeout_seconds,
    })
}

/// A path as it is; a name where programs are.
fn find(name: &str) -> Result<PathBuf, ProgramError> {
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let path = PathBuf::from(name);
        if !path.exists() {
            // The error of reading it says what is wrong.
            files::describe_any(&path)?;
        }
        return if runs(&path) { Ok(path) } else { Err(ProgramError::NotExecutable(path)) };
    }
    let directories = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&directories)
        .map(|directory| directory.join(name))
        .find(|path| runs(path))
        .ok_or_else(|| ProgramError::NotFound(name.to_owned()))
}

/// What stands behind `#!`, of a script.
fn first_line(path: &Path) -> Result<Option<String>, ProgramError> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FIRST_LINE_BYTES).read_to_end(&mut head))
        .map_err(|source| FilesError::Read { path: path.to_owned(), source })?;
    let Some(rest) = head.strip_prefix(b"#!") else { return Ok(None) };
    let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).trim().to_owned()))
}

/// The interpreter and its one argument; `env NAME` means the program of that name.
fn interpreter(line: &str) -> Option<(String, Option<String>)> {
    let (path, argument) =
        line.split_once(char::is_whitespace).map_or((line, None), |(path, rest)| {
            (path, Some(rest.trim()).filter(|rest| !rest.is_empty()))
        });
    if path.is_empty() {
        return None;
    }
    if Path::new(path).file_name().is_some_and(|name| name == "env") {
        let mut words = argument?.split_whitespace();
        let name = words.find(|word| *word != "-S")?.to_owned();
        let rest: Vec<&str> = words.collect();
        return Some((name, (!rest.is_empty()).then(|| rest.join(" "))));
    }
    Some((path.to_owned(), argument.map(str::to_owned)))
}

fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == *b"\x7fELF"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], files: &[&Path]) -> CommandSpec {
        CommandSpec {
            command: words.iter().map(ToString::to_string).collect(),
            files: files.iter().map(|path| path.display().to_string()).collect(),
            timeout_seconds: 9,
        }
    }

    #[test]
    fn a_program_is_found_with_its_linker_and_libraries() {
        let plan = resolve(&command(&["sh", "-c", "true"], &[])).expect("there is a shell");
        assert_eq!(plan.arguments, ["-c", "true"]);
        for file in plan.linker.iter().chain(&plan.libraries).chain([&plan.program]) {
            assert!(file.path.as_ref().is_some_and(|path| path.is_file()), "{file:?}");
        }
    }

    #[test]
    fn a_script_is_given_to_its_interpreter() {
        let directory = tempfile::tempdir().expect("a directory");
        let script = directory.path().join("work.sh");
        std::fs::write(&script, "#!/usr/bin/env sh\nexit 3\n").expect("written");
        let words = [script.to_str().expect("UTF-8"), "a b"];
        assert!(matches!(resolve(&command(&words, &[])), Err(ProgramError::NotExecutable(_))));
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("executable");
        let plan = resolve(&command(&words, &[])).expect("a script");
        assert_eq!(plan.program.name, "sh");
        assert_eq!(plan.arguments, ["./work.sh", "a b"]);
        assert_eq!(plan.files[0].name, "work.sh");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let missing = resolve(&command(&["no-such-program-here"], &[])).expect_err("missing");
        assert!(missing.to_string().contains("no-such-program-here"));
        let missing = resolve(&command(&["/nowhere/program"], &[])).expect_err("missing");
        assert!(missing.to_string().contains("/nowhere/program"), "{missing}");
        let directory = tempfile::tempdir().expect("a directory");
        let files = ["a/x", "b/x"].map(|name| directory.path().join(name));
        for file in &files {
            std::fs::create_dir(file.parent().expect("a directory")).expect("made");
            std::fs::write(file, "x").expect("written");
        }
        let twice = resolve(&command(&["sh"], &[&files[0], &files[1]])).expect_err("two of a name");
        assert!(matches!(twice, ProgramError::SameName(name) if name == "x"));
    }

    #[test]
    fn first_lines_name_their_interpreter() {
        let of =
            |line| interpreter(line).map(|(path, argument)| (path, argument.unwrap_or_default()));
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(of("/bin/sh"), pair("/bin/sh", ""));
        assert_eq!(of("/bin/sh -e"), pair("/bin/sh", "-e"));
        assert_eq!(of("/usr/bin/env python3"), pair("python3", ""));
        assert_eq!(of("/usr/bin/env -S perl -w"), pair("perl", "-w"));
        assert_eq!(of(""), None);
        assert_eq!(of("/usr/bin/env"), None);
    }
}
