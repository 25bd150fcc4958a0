//! `weighbridge engine list` and `weighbridge engine install`.

use serde::Serialize;
use weighbridge_experiment::{EngineName, Sha256Digest};
use weighbridge_inference::engine::onnxruntime::instruction_set;
use weighbridge_inference::engine::{RTEN_VERSION, rten_instruction_set};

use super::arguments::{EngineArguments, EngineCommand, Format, InstallArguments};
use super::{Outcome, UsageError, output, reading};
use crate::data_directory::DataDirectory;
use crate::engines::{self, FoundLibrary, Installed, Library, Source, TESTED_VERSION};
use crate::run::Waiting;

#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct EngineList {
    /// Always `weighbridge.engines/1`.
    format: &'static str,
    /// The embedded engine, then every library that was found, the preferred one first.
    engines: Vec<EngineRow>,
}

#[derive(Serialize, schemars::JsonSchema)]
struct EngineRow {
    engine: EngineName,
    /// Whether `engine = "auto"` takes it.
    automatic: bool,
    available: bool,
    version: Option<String>,
    /// What its kernels use on this processor.
    instruction_set: Option<String>,
    /// How it was found.
    origin: String,
    /// Its library; none for what is linked into the executable.
    path: Option<String>,
    sha256: Option<Sha256Digest>,
    /// Why it cannot be used.
    reason: Option<String>,
}

/// Answers the commands about engines.
pub(super) fn engine(arguments: EngineArguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        EngineCommand::List { format } => list(format),
        EngineCommand::Install(arguments) => install(arguments),
    }
}

fn list(format: Format) -> anyhow::Result<Outcome> {
    let data = DataDirectory::from_environment()?;
    let found = engines::find(&data, &std::env::current_exe()?);
    let list = EngineList { format: "weighbridge.engines/1", engines: rows(&found) };
    match format {
        Format::Json => output::write_json(&list)?,
        Format::Table => {
            output::write_text(&reading::table(&HEADER, words(&list)))?;
            if found.is_empty() {
                output::note("`weighbridge engine install onnxruntime` gets the fastest one");
            }
        }
        Format::Csv => output::write_text(&reading::csv(&HEADER, &words(&list))?)?,
    }
    Ok(Outcome::Done)
}

fn rows(found: &[FoundLibrary]) -> Vec<EngineRow> {
    let first = found.iter().position(|library| library.answer.is_ok());
    let mut rows = vec![EngineRow {
        engine: EngineName::Rten,
        automatic: first.is_none(),
        available: true,
        version: Some(RTEN_VERSION.to_owned()),
        instruction_set: Some(rten_instruction_set().to_owned()),
        origin: "linked into weighbridge".to_owned(),
        path: None,
        sha256: None,
        reason: None,
    }];
    rows.extend(
        found.iter().enumerate().map(|(index, library)| row(library, first == Some(index))),
    );
    rows
}

fn row(found: &FoundLibrary, automatic: bool) -> EngineRow {
    let library: Option<&Library> = found.answer.as_ref().ok();
    let cuda = library.is_some_and(|library| library.cuda);
    EngineRow {
        engine: if cuda { EngineName::OnnxruntimeCuda } else { EngineName::Onnxruntime },
        automatic,
        available: library.is_some(),
        version: library.map(|library| library.version.clone()),
        instruction_set: library.map(|_| instruction_set().to_owned()),
        origin: found.origin.words().to_owned(),
        path: Some(found.path.display().to_string()),
        sha256: library.map(|library| library.sha256.clone()),
        reason: found.answer.as_ref().err().cloned(),
    }
}

const HEADER: [&str; 5] = ["engine", "version", "instruction set", "auto", "where, and why not"];

fn words(list: &EngineList) -> Vec<Vec<String>> {
    let row = |row: &EngineRow| {
        let place = row
            .path
            .clone()
            .map_or_else(|| row.origin.clone(), |path| format!("{path}, {}", row.origin));
        let digest = row.sha256.as_ref().map(|digest| format!("sha256 {}", digest.short()));
        let refused = row.reason.as_ref().map(|reason| format!("cannot be used: {reason}"));
        let place = [Some(place), digest, refused].into_iter().flatten().collect::<Vec<_>>();
        vec![
            row.engine.to_string(),
            row.version.clone().unwrap_or_default(),
            row.instruction_set.clone().unwrap_or_default(),
            if row.automatic { "yes" } else { "" }.to_owned(),
            place.join("; "),
        ]
    };
    list.engines.iter().map(row).collect()
}

fn install(arguments: InstallArguments) -> anyhow::Result<Outcome> {
    let source = match (arguments.from, arguments.version) {
        (Some(wheel), _) => Source::Wheel(wheel),
        (None, version) => {
            Source::Pip { version: version.unwrap_or_else(|| TESTED_VERSION.to_owned()) }
        }
    };
    if let Source::Pip { version } = &source {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
        if version.is_empty() || !version.chars().all(plain) {
            return Err(UsageError(format!(
                "`{version}` is not a version; write it as {TESTED_VERSION}"
            ))
            .into());
        }
    }
    let data = DataDirectory::from_environment()?;
    let waiting = Waiting::on("fetching ONNX Runtime and comparing every file with its hash");
    let installed = engines::install(arguments.package, &source, &data, &std::env::current_exe()?);
    drop(waiting);
    let Installed { path, library, already } = installed?;
    output::write_text(&format!(
        "ONNX Runtime {} {}: {}\nsha256 {}; {} is what it uses on this processor",
        library.version,
        if already { "is installed already" } else { "installed" },
        path.display(),
        library.sha256,
        instruction_set(),
    ))?;
    Ok(Outcome::Done)
}
