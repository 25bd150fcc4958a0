//! One instance of an environment with an agent that is ready: journaled before it is made,
//! and checked to be gone after it is destroyed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use weighbridge_agent::wire::{EngineChoice, FileToRead, Prepare, SharedLibrary};
use weighbridge_agent::{AgentClient, ClientError};
use weighbridge_environment::{Environment, EnvironmentError, Port};
use weighbridge_experiment::{
    AgentLaunch, CellPlan, CreateRequest, Ended, EngineIdentity, EngineName, EnginePlan,
    EnvironmentPlan, EnvironmentSettings, InputFile, InstanceId, Resource, RunId, StartMode,
    StartTiming, TrialForm, WorkloadPlan,
};
use weighbridge_registry::{Journal, JournalId, RegistryError};

use super::Host;
use super::materials::{Material, Materials};

/// From asking for an instance to its agent's first answer. Far above what any environment
/// of this version needs, so that only what hangs is given up.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// From then to a loaded model. A model of gigabytes on a slow disk takes minutes.
const PREPARED_WITHIN: Duration = Duration::from_secs(600);

/// Why an instance could not be made ready.
#[derive(Debug, Error)]
pub(crate) enum InstanceError {
    #[error("the environment could not make an instance")]
    Environment(#[from] EnvironmentError),
    #[error("the agent failed")]
    Agent(#[from] ClientError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// An instance that exists, whatever state its agent is in.
pub(crate) struct Instance {
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) resource: Resource,
    settings: EnvironmentSettings,
    journal: JournalId,
}

/// An instance whose agent has loaded the model and read the inputs.
pub(crate) struct Ready {
    pub(crate) client: AgentClient,
    pub(crate) start: StartTiming,
    pub(crate) engine: EngineIdentity,
}

/// What is put into an instance, and how its engine is set up.
pub(crate) struct Fitting<'a> {
    pub(crate) workload: &'a WorkloadPlan,
    pub(crate) materials: &'a Materials,
    pub(crate) threads: u32,
    pub(crate) slowdown_percent: Option<f64>,
}

impl<'a> Fitting<'a> {
    pub(crate) fn of(
        cell: &CellPlan,
        workload: &'a WorkloadPlan,
        environment: &EnvironmentPlan,
        materials: &'a Materials,
    ) -> Self {
        Self {
            workload,
            materials,
            threads: cell.threads,
            slowdown_percent: environment.slowdown_percent,
        }
    }
}

impl Instance {
    /// Journals an instance. Nothing exists yet, but whatever will can be found again.
    pub(crate) async fn intend(
        host: &Host,
        run: Option<&RunId>,
        environment: Arc<dyn Environment>,
        settings: &EnvironmentSettings,
        name: String,
    ) -> Result<Self, RegistryError> {
        let directory = host.data.instances().join(&name);
        let locator = weighbridge_environment::locate(settings);
        let resource =
            Resource { kind: environment.kind(), instance: InstanceId(name), directory, locator };
        let journal = host.registry.intend(run, &resource, &host.owner).await?;
        Ok(Self { environment, resource, settings: settings.clone(), journal })
    }

    /// Makes the instance and brings its agent to where the first inference can begin.
    pub(crate) async fn make_ready(
        &self,
        host: &Host,
        limits: weighbridge_experiment::Limits,
        fitting: &Fitting<'_>,
    ) -> Result<Ready, InstanceError> {
        let agent = AgentLaunch {
            executable: host.executable.clone(),
            arguments: vec!["agent".to_owned()],
            libraries: fitting.materials.libraries.clone(),
        };
        let request = CreateRequest {
            resource: self.resource.clone(),
            limits,
            agent,
            settings: self.settings.clone(),
            // No workload of this version is a service.
            service_ports: Vec::new(),
        };
        let asked = Instant::now();
        self.environment.create(&request).await?;
        let created_seconds = Some(asked.elapsed().as_secs_f64());
        let endpoint = self.environment.endpoint(&self.resource, Port::Agent)?;
        let mut client = AgentClient::connect(&endpoint, READY_WITHIN).await?;
        let welcome = client.hello(None, READY_WITHIN).await?;
        let ready_seconds = asked.elapsed().as_secs_f64();
        host.registry.created(self.journal).await?;

        let loading = Instant::now();
        for material in fitting.materials.all() {
            self.copy_in(material).await?;
        }
        let ready = client.prepare(prepare(fitting), PREPARED_WITHIN).await?;
        let load_seconds = loading.elapsed().as_secs_f64();
        // A guest from a snapshot remembers the start of the one of which it was taken.
        let guest = welcome.guest.filter(|_| boots(&self.settings));
        let start = StartTiming { created_seconds, ready_seconds, load_seconds, guest };
        Ok(Ready { client, start, engine: ready.engine })
    }

    async fn copy_in(&self, material: &Material) -> Result<(), EnvironmentError> {
        self.environment.copy_in(&self.resource, material.source.clone(), &material.inside).await
    }

    /// Destroys the instance and checks that nothing of it is left, whether or not it was
    /// ever made.
    pub(crate) async fn end(self, host: &Host) -> Result<Ended, InstanceError> {
        let ended = weighbridge_environment::reap(&*self.environment, &self.resource).await?;
        host.registry.gone(self.journal).await?;
        Ok(ended)
    }
}

/// Whether an instance starts with its own kernel's begin, if it has one.
fn boots(settings: &EnvironmentSettings) -> bool {
    match settings {
        EnvironmentSettings::Firecracker(guest) => guest.start == StartMode::Boot,
        _ => true,
    }
}

/// The engine as the agent is told of it: its files lie beside the agent, by content the
/// planned ones. For a GPU they are used where they lie.
fn engine_choice(plan: &EnginePlan) -> EngineChoice {
    let cuda = plan.name == EngineName::OnnxruntimeCuda;
    let to_read = |file: &InputFile| FileToRead {
        name: file.name.clone(),
        path: match &file.path {
            Some(path) if cuda => path.clone(),
            _ => Path::new("../lib").join(&file.name),
        },
        sha256: file.sha256.clone(),
    };
    match &plan.library {
        None => EngineChoice::Rten,
        Some(library) => EngineChoice::Onnxruntime(SharedLibrary {
            library: to_read(library),
            dependencies: plan.dependencies.iter().map(to_read).collect(),
            cuda,
        }),
    }
}

fn prepare(fitting: &Fitting<'_>) -> Prepare {
    let Materials { task, model, inputs, .. } = fitting.materials;
    Prepare {
        task: task.clone(),
        model: model.as_ref().map(Material::to_read),
        inputs: inputs.iter().map(Material::to_read).collect(),
        threads: fitting.threads,
        engine: engine_choice(&fitting.workload.engine),
        process: fitting.workload.trial == TrialForm::Process,
        slowdown_percent: fitting.slowdown_percent,
    }
}
