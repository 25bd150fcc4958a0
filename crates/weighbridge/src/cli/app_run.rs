//! `weighbridge app run`: one application on the user's own inputs, for people to look at.
//! Nothing of it is recorded, and its times are no measurement: they are those of one pass
//! without warm-up, beside everything else that the host does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use weighbridge_experiment::{ApplicationName, EngineIdentity};
use weighbridge_inference::application::application;
use weighbridge_inference::{
    Input, Outcome as Result_, Photo, Session, annotate, catalogue, stamp,
};

use super::app_result::{AppRun, Engine, InputResult, Shown};
use super::arguments::{AppRunArguments, Format};
use super::model_choice::{ChosenModel, ModelWish};
use super::{Outcome, UsageError, output, reading};
use crate::run::{self, Model};

/// Runs an application on every input; what goes wrong with one does not stop the others.
pub(super) fn run(arguments: &AppRunArguments) -> anyhow::Result<Outcome> {
    let application =
        run::application(&arguments.name).map_err(|problem| UsageError(problem.to_string()))?;
    let inputs = inputs(application, &arguments.inputs)?;
    let (mut session, model) = session(application, arguments)?;
    let mut target = Target::new(arguments.out.clone(), application, &inputs)?;
    let labels: Vec<String> =
        model.seeded.then(|| catalogue::SEEDED.to_owned()).into_iter().collect();
    let mut results = Vec::with_capacity(inputs.len());
    for input in &inputs {
        let result = one(&mut session, input, &mut target, &labels);
        if let Err(error) = &result {
            output::print_error(error);
        }
        results.push(InputResult::of(input, result));
    }
    let failed = results.iter().filter(|result| result.error.is_some()).count();
    let count = results.len();
    print(
        &AppRun {
            format: "weighbridge.app-run/1",
            application,
            model: model.file.name,
            model_sha256: model.file.sha256,
            labels,
            engine: engine(session.engine()),
            results,
        },
        arguments.format,
    )?;
    match failed {
        0 => Ok(Outcome::Done),
        1 if count == 1 => Err(anyhow!("the input failed")),
        _ => Err(anyhow!("{failed} of {count} inputs failed")),
    }
}

fn engine(identity: EngineIdentity) -> Engine {
    Engine {
        name: identity.name,
        version: identity.version,
        instruction_set: identity.instruction_set,
        threads: identity.threads,
    }
}

/// Every input with its name; directories give their files, nothing gives the samples.
fn inputs(application: ApplicationName, given: &[PathBuf]) -> anyhow::Result<Vec<GivenInput>> {
    if given.is_empty() {
        let samples = catalogue::shipped(application).samples.iter();
        let sample = |(name, bytes): &(&str, &'static [u8])| GivenInput {
            name: (*name).to_owned(),
            source: Source::Sample(bytes),
        };
        return Ok(samples.map(sample).collect());
    }
    let mut found = Vec::new();
    for path in given {
        if path.is_dir() {
            let files = run::input_files(path)?;
            found.extend(files.into_iter().map(GivenInput::file));
        } else {
            found.push(GivenInput::file(path.clone()));
        }
    }
    Ok(found)
}

/// An input before it is read.
pub(super) struct GivenInput {
    pub(super) name: String,
    source: Source,
}

enum Source {
    Sample(&'static [u8]),
    File(PathBuf),
}

impl GivenInput {
    fn file(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), source: Source::File(path) }
    }

    fn read(&self) -> anyhow::Result<Input> {
        let bytes = match &self.source {
            Source::Sample(bytes) => bytes.to_vec(),
            Source::File(path) => {
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
        };
        if bytes.is_empty() {
            return Err(anyhow!("{} is empty (0 bytes)", self.name));
        }
        Ok(Input::new(self.name.clone(), bytes))
    }

    fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::Sample(_) => None,
            Source::File(path) => Some(path),
        }
    }
}

fn session(name: ApplicationName, arguments: &AppRunArguments) -> anyhow::Result<(Session, Model)> {
    let chosen = ChosenModel::resolve(
        name,
        &ModelWish {
            model: arguments.model.as_deref(),
            sha256: arguments.sha256.as_deref(),
            labels: arguments.labels.as_deref(),
            engine: arguments.engine,
        },
    )?;
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism()
            .map_or(1, |count| u32::try_from(count.get()).unwrap_or(1)),
    };
    let ChosenModel { model, content, labels, engine } = chosen;
    let cannot = || format!("cannot load model `{}`", model.file.name);
    let engine = engine.load(content, threads).with_context(cannot)?;
    let session = Session::new(application(name, labels), engine).with_context(cannot)?;
    Ok((session, model))
}

/// What one input gave.
pub(super) struct Done {
    pub(super) shown: Shown,
    pub(super) milliseconds: f64,
    pub(super) written: Option<PathBuf>,
}

fn one(
    session: &mut Session,
    given: &GivenInput,
    target: &mut Target,
    labels: &[String],
) -> anyhow::Result<Done> {
    let input = given.read()?;
    let (outcome, timing) = session.run_once(&input)?;
    let written = match picture(&input, &outcome, labels)? {
        Some(photo) => Some(target.write(given, &photo)?),
        None => None,
    };
    Ok(Done {
        shown: Shown::of(&outcome),
        milliseconds: timing.total_nanoseconds() as f64 / 1e6,
        written,
    })
}

/// What there is to look at: the result where it is a photo, or the photo with what was found
/// in it; with a note where that means nothing.
fn picture(input: &Input, outcome: &Result_, labels: &[String]) -> anyhow::Result<Option<Photo>> {
    let drawn = match outcome {
        Result_::Photo(photo) => photo.clone(),
        Result_::Detections(_) | Result_::Faces(_) => {
            annotate(&Photo::decode(&input.bytes, &input.name)?, outcome)
        }
        Result_::Label(_) | Result_::Text(_) | Result_::Tensors(_) => return Ok(None),
    };
    Ok(Some(labels.iter().fold(drawn, |photo, label| stamp(&photo, label))))
}

/// Where photos are written: never over an input, and each under a name of its own.
struct Target {
    directory: PathBuf,
    application: ApplicationName,
    inputs: BTreeSet<PathBuf>,
    taken: BTreeSet<PathBuf>,
}

impl Target {
    fn new(
        out: Option<PathBuf>,
        application: ApplicationName,
        inputs: &[GivenInput],
    ) -> anyhow::Result<Self> {
        let directory = out.unwrap_or_else(|| PathBuf::from("."));
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let real = |input: &GivenInput| fs::canonicalize(input.path()?).ok();
        let inputs = inputs.iter().filter_map(real).collect();
        Ok(Self { directory, application, inputs, taken: BTreeSet::new() })
    }

    fn write(&mut self, given: &GivenInput, photo: &Photo) -> anyhow::Result<PathBuf> {
        let name = Path::new(&given.name);
        let stem = name.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let whole = name.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let path = [stem.clone(), whole]
            .into_iter()
            .chain(numbered)
            .map(|stem| self.directory.join(format!("{stem}-{}.png", self.application)))
            .find(|path| !self.taken.contains(path))
            .context("no name is left for the result")?;
        if fs::canonicalize(&path).is_ok_and(|real| self.inputs.contains(&real)) {
            return Err(anyhow!(
                "the result of {} would be written over the input {}; give another directory with --out",
                given.name,
                path.display()
            ));
        }
        let png = photo.encode_png()?;
        fs::write(&path, png).with_context(|| format!("cannot write {}", path.display()))?;
        self.taken.insert(path.clone());
        Ok(path)
    }
}

const HEADER: [&str; 4] = ["input", "result", "time", "written"];

fn print(run: &AppRun, format: Format) -> anyhow::Result<()> {
    let rows = || -> Vec<Vec<String>> {
        let worked = run.results.iter().filter(|result| result.error.is_none());
        worked.map(InputResult::row).collect()
    };
    match format {
        Format::Json => output::write_json(run),
        Format::Csv => output::write_text(&reading::csv(&HEADER, &rows())?),
        Format::Table => {
            let rows = rows();
            if !rows.is_empty() {
                output::write_text(&reading::table(&HEADER, rows))?;
            }
            for label in &run.labels {
                output::write_text(label)?;
            }
            Ok(())
        }
    }
}
