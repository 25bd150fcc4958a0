//! The files of a plan as they are handed to instances: still those of the plan, by content.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use weighbridge_agent::wire::{
    CommandTask, FileToRead, OnnxTask, Task, TensorToMake, TransferTask,
};
use weighbridge_environment::CopySource;
use weighbridge_experiment::{
    CommandPlan, EngineName, EnginePlan, InputFile, OnnxPlan, Sha256Digest, TaskPlan, TransferPlan,
    WorkloadPlan,
};
use weighbridge_inference::catalogue;

use super::files::{FilesError, checked};
use super::{model, workload};

/// A file as it is handed to an instance.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) file: InputFile,
    pub(crate) source: CopySource,
    /// Its name inside the instance: unique, plain, still telling.
    pub(crate) inside: String,
}

impl Material {
    /// The file as the agent finds it.
    pub(crate) fn to_read(&self) -> FileToRead {
        FileToRead {
            name: self.file.name.clone(),
            path: Path::new("work").join(&self.inside),
            sha256: self.file.sha256.clone(),
        }
    }
}

/// Everything of one workload that goes into its instances.
#[derive(Debug, Clone)]
pub(crate) struct Materials {
    pub(crate) task: Task,
    pub(crate) model: Option<Material>,
    pub(crate) inputs: Vec<Material>,
    /// What the task needs besides.
    others: Vec<Material>,
    /// Shared libraries of the engine, or a program with its own, placed with the agent.
    pub(crate) libraries: Vec<PathBuf>,
}

impl Materials {
    /// The files that a plan names, checked against the digests that it has.
    pub(crate) fn of(workload: &WorkloadPlan) -> Result<Self, FilesError> {
        let application = workload.task.application();
        let model = workload.model.as_ref().map(|file| {
            material(file, "model.onnx".to_owned(), || model::content(file, application))
        });
        let inputs = workload.inputs.iter().enumerate().map(|(index, file)| {
            material(file, inside_name(index, &file.name), || shipped_input(workload, &file.name))
        });
        let mut others = Vec::new();
        let task = match &workload.task {
            TaskPlan::Application(name) => {
                let labels = workload.class_labels.as_ref();
                let labels = labels.map(|file| material(file, "labels.txt".to_owned(), || None));
                let labels = labels.transpose()?;
                others.extend(labels.clone());
                Task::Application { name: *name, labels: labels.as_ref().map(Material::to_read) }
            }
            TaskPlan::Onnx(plan) => Task::Onnx(onnx(plan, &mut others)?),
            TaskPlan::Command(plan) => Task::Command(command(plan, &mut others)?),
            // From outside it is timed; inside, its instances do what the application does.
            TaskPlan::Benchmark(benchmark) => match benchmark.application() {
                Some(name) => Task::Application { name, labels: None },
                None => Task::Benchmark(benchmark.clone()),
            },
            TaskPlan::Transfer(plan) => Task::Transfer(Box::new(transfer(plan, &mut others)?)),
        };
        let libraries = match &workload.task {
            TaskPlan::Command(plan) => program_files(plan)?,
            TaskPlan::Transfer(plan) => program_files(&plan.client)?,
            _ => engine_libraries(&workload.engine)?,
        };
        let (model, inputs) = (model.transpose()?, inputs.collect::<Result<_, _>>()?);
        Ok(Self { task, model, inputs, others, libraries })
    }

    /// Everything that is copied into an instance.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Material> {
        self.model.iter().chain(&self.inputs).chain(&self.others)
    }
}

/// The content of an input that lies in no file.
fn shipped_input(workload: &WorkloadPlan, name: &str) -> Option<Cow<'static, [u8]>> {
    if let TaskPlan::Onnx(plan) = &workload.task {
        return Some(Cow::Owned(workload::random_input(plan.seed)));
    }
    let samples = catalogue::shipped(workload.task.application()?).samples;
    let found = samples.iter().find(|(known, _)| *known == name);
    found.map(|(_, content)| Cow::Borrowed(*content))
}

fn onnx(plan: &OnnxPlan, others: &mut Vec<Material>) -> Result<OnnxTask, FilesError> {
    let mut add = |file: &InputFile, inside: String| {
        let material = material(file, inside, || None)?;
        let to_read = material.to_read();
        others.push(material);
        Ok::<FileToRead, FilesError>(to_read)
    };
    let mut tensors = BTreeMap::new();
    for (index, (name, tensor)) in plan.tensors.iter().enumerate() {
        let file = tensor.file.as_ref();
        let file = file.map(|file| add(file, format!("tensor-{}", inside_name(index, &file.name))));
        let made = TensorToMake {
            file: file.transpose()?,
            element: tensor.element,
            shape: tensor.shape.clone(),
            low: tensor.low,
            high: tensor.high,
        };
        tensors.insert(name.clone(), made);
    }
    let expected = plan.expected.iter().enumerate();
    let expected = expected
        .map(|(index, file)| add(file, format!("expected-{}", inside_name(index, &file.name))))
        .collect::<Result<_, _>>()?;
    Ok(OnnxTask {
        axes: plan.axes.clone(),
        seed: plan.seed,
        tensors,
        expected,
        tolerance: plan.tolerance,
    })
}

fn command(plan: &CommandPlan, others: &mut Vec<Material>) -> Result<CommandTask, FilesError> {
    let mut files = Vec::new();
    for file in &plan.files {
        // Under its own name, by which the command knows it.
        let material = material(file, file.name.clone(), || None)?;
        files.push(material.to_read());
        others.push(material);
    }
    Ok(CommandTask {
        name: plan.command.first().cloned().unwrap_or_default(),
        program: beside_the_agent(&plan.program),
        arguments: plan.arguments.clone(),
        linker: plan.linker.as_ref().map(beside_the_agent),
        libraries: plan.libraries.iter().map(beside_the_agent).collect(),
        files,
        timeout_seconds: plan.timeout_seconds,
    })
}

fn transfer(plan: &TransferPlan, others: &mut Vec<Material>) -> Result<TransferTask, FilesError> {
    let mut add = |file: &InputFile, inside: &str| {
        let material = material(file, inside.to_owned(), || None)?;
        let to_read = material.to_read();
        others.push(material);
        Ok::<FileToRead, FilesError>(to_read)
    };
    let identity = plan.identity.as_ref().map(|file| add(file, "identity")).transpose()?;
    let known_hosts = add(&plan.known_hosts, "known_hosts")?;
    let client = command(&plan.client, others)?;
    Ok(TransferTask { transfer: plan.transfer.clone(), client, identity, known_hosts })
}

/// Where the agent finds what an environment placed beside it.
fn beside_the_agent(file: &InputFile) -> FileToRead {
    FileToRead {
        name: file.name.clone(),
        path: Path::new("../lib").join(&file.name),
        sha256: file.sha256.clone(),
    }
}

fn program_files(plan: &CommandPlan) -> Result<Vec<PathBuf>, FilesError> {
    let files = plan.libraries.iter().chain(&plan.linker).chain([&plan.program]);
    files.filter_map(|file| file.path.as_ref().map(|path| checked(file, path))).collect()
}

/// The files of an engine that instances are given, still those of the plan.
fn engine_libraries(engine: &EnginePlan) -> Result<Vec<PathBuf>, FilesError> {
    // On a GPU the library needs its providers beside it and runs where it lies.
    let stays = engine.name == EngineName::OnnxruntimeCuda;
    let mut placed = Vec::new();
    for file in engine.library.iter().chain(&engine.dependencies) {
        let Some(path) = &file.path else { continue };
        let path = checked(file, path)?;
        if !stays {
            placed.push(path);
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
        Some(path) => CopySource::File(checked(file, path)?),
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
    use crate::run::files::describe;

    #[test]
    fn a_file_that_changed_since_the_plan_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.jpg");
        std::fs::write(&path, "before").expect("written");
        let file = describe(&path).expect("described");
        std::fs::write(&path, "after").expect("written");
        let refused = material(&file, "a".into(), || None);
        assert!(matches!(refused, Err(FilesError::Changed { .. })));
    }

    #[test]
    fn an_engine_whose_library_changed_since_the_plan_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("libonnxruntime.so");
        std::fs::write(&path, "before").expect("written");
        let library = Some(describe(&path).expect("described"));
        let mut plan = EnginePlan { library, ..EnginePlan::default() };
        let placed = engine_libraries(&plan).expect("unchanged");
        assert_eq!(placed, std::slice::from_ref(&path));
        plan.name = EngineName::OnnxruntimeCuda;
        let placed = engine_libraries(&plan).expect("unchanged");
        assert_eq!(placed, Vec::<PathBuf>::new(), "on a GPU it stays where it is");
        std::fs::write(&path, "after").expect("written");
        assert!(matches!(engine_libraries(&plan), Err(FilesError::Changed { .. })));
        std::fs::remove_file(&path).expect("removed");
        assert!(matches!(engine_libraries(&plan), Err(FilesError::Read { .. })));
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
