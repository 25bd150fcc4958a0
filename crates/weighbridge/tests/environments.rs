//! The conformance suite of `Environment`: the same promises, kept by every kind, with the
//! real executable as agent, as container monitor and as the first process of a guest.

#[path = "../../environment/tests/private/dockerd.rs"]
mod dockerd;
#[path = "../../environment/tests/private/firecracker.rs"]
mod firecracker;
#[path = "../../environment/tests/private/sshd.rs"]
mod sshd;
mod through_binary;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use dockerd::Dockerd;
use sshd::Sshd;
use tempfile::TempDir;
use through_binary::{cgroups_of, privileged, traces};
use weighbridge_agent::wire::{EngineChoice, FileToRead, Pass, Prepare, Task};
use weighbridge_agent::{AgentClient, ClientError};
use weighbridge_environment::{
    ContainerEnvironment, CopySource, DockerEnvironment, Environment, FirecrackerEnvironment,
    Kernel, KernelSource, NativeEnvironment, Port, QemuEnvironment, SimulatedEnvironment,
    SshEnvironment, locate, prepare_kernel,
};
use weighbridge_experiment::{
    Accelerator, AgentLaunch, ApplicationName, ByteSize, CpuCount, CreateRequest, DiskCache,
    DiskSettings, DockerSettings, Endpoint, EnvironmentKind, EnvironmentSettings, InstanceId,
    Limits, MeterTarget, QemuMachine, QemuSettings, Resource, Sha256Digest,
};
use weighbridge_inference::catalogue;
use weighbridge_measure::OutsideMeter;

/// An emulated guest of a test's executable boots in several seconds, on a busy host in many.
const SOON: Duration = Duration::from_secs(120);

fn executable() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_weighbridge"))
}

fn open(kind: EnvironmentKind) -> Arc<dyn Environment> {
    match kind {
        EnvironmentKind::Native => Arc::new(NativeEnvironment::new()),
        EnvironmentKind::Container => Arc::new(ContainerEnvironment::new(executable())),
        EnvironmentKind::Ssh => Arc::new(SshEnvironment::new(executable())),
        EnvironmentKind::Docker => Arc::new(DockerEnvironment::new(executable())),
        EnvironmentKind::Qemu => Arc::new(QemuEnvironment::new(guests(), executable())),
        EnvironmentKind::Firecracker => {
            Arc::new(FirecrackerEnvironment::new(guests(), executable()))
        }
        EnvironmentKind::Simulated => Arc::new(SimulatedEnvironment::new()),
    }
}

/// Where the kernel and the image of guests are kept between runs of the tests.
fn guests() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("guests")
}

/// Whether a virtual machine can be made here; says so where not. The kernel is got once.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
fn virtual_machines() -> bool {
    static READY: LazyLock<Result<(), String>> = LazyLock::new(|| {
        let found = std::process::Command::new("qemu-system-x86_64").arg("--version").output();
        found.map_err(|error| format!("qemu-system-x86_64, {error}"))?;
        match Kernel::in_use(&guests()) {
            Ok(Some(_)) => Ok(()),
            _ => prepare_kernel(&guests(), &KernelSource::Automatic, &|_| {})
                .map(drop)
                .map_err(|error| error.to_string()),
        }
    });
    if let Err(reason) = &*READY {
        println!("LEFT OUT: tests of virtual machines: need {reason}");
    }
    READY.is_ok()
}

/// Whether the stand-in for Firecracker was built; says so where not. The kernel is that of
/// virtual machines.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
fn stand_in_for_firecracker() -> bool {
    if firecracker::program().is_none() {
        println!(
            "LEFT OUT: Firecracker's stand-in was not built; cargo build -p weighbridge-environment --examples"
        );
    }
    firecracker::program().is_some() && virtual_machines()
}

/// The settings of a kind under test. Guests are emulated: that works wherever QEMU does.
fn settings(kind: EnvironmentKind) -> EnvironmentSettings {
    match kind {
        EnvironmentKind::Qemu => EnvironmentSettings::Qemu(QemuSettings {
            accel: Accelerator::Tcg,
            ..QemuSettings::default()
        }),
        kind => EnvironmentSettings::of_kind(kind),
    }
}

/// An environment under test, with a directory for its instances.
struct Bench {
    kind: EnvironmentKind,
    environment: Arc<dyn Environment>,
    settings: EnvironmentSettings,
    directory: TempDir,
    /// Kept as long as it is used.
    _daemon: Option<Arc<Dockerd>>,
    _server: Option<Arc<Sshd>>,
}

impl Bench {
    fn new(kind: EnvironmentKind) -> Self {
        // Beside the image of guests, so that a room need not hold a copy of it.
        let directory =
            TempDir::with_prefix_in("wb-env-", env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let daemon = (kind == EnvironmentKind::Docker).then(Dockerd::shared);
        let server = (kind == EnvironmentKind::Ssh).then(Sshd::shared);
        let settings = match &daemon {
            Some(daemon) => EnvironmentSettings::Docker(DockerSettings {
                socket: daemon.socket().to_str().map(str::to_owned),
                ..DockerSettings::default()
            }),
            None => match &server {
                Some(server) => EnvironmentSettings::Ssh(server.settings()),
                None if kind == EnvironmentKind::Firecracker => {
                    let release = directory.path().join("release");
                    let stand_in = firecracker::installed(&release, &executable());
                    EnvironmentSettings::Firecracker(stand_in)
                }
                None => settings(kind),
            },
        };
        Self {
            kind,
            environment: open(kind),
            settings,
            directory,
            _daemon: daemon,
            _server: server,
        }
    }

    fn request(&self, name: &str) -> CreateRequest {
        let suffix =
            self.directory.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let plain: String =
            suffix.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let instance = format!("{plain}-{name}");
        CreateRequest {
            resource: Resource {
                kind: self.kind,
                directory: self.directory.path().join(&instance),
                instance: InstanceId(instance),
                locator: locate(&self.settings),
            },
            limits: Limits { cpus: CpuCount::new(1.0).expect("a count"), memory: None },
            agent: AgentLaunch {
                executable: executable(),
                arguments: vec!["agent".to_owned()],
                libraries: Vec::new(),
            },
            settings: self.settings.clone(),
            service_ports: Vec::new(),
        }
    }

    async fn connect(&self, resource: &Resource) -> AgentClient {
        let endpoint = self.environment.endpoint(resource, Port::Agent).expect("an endpoint");
        let mut client = AgentClient::connect(&endpoint, SOON).await.expect("an agent");
        client.hello(None, SOON).await.expect("a welcome");
        client
    }

    async fn assert_gone(&self, resource: &Resource) {
        assert!(
            !self.environment.exists(resource).await,
            "{:?}",
            weighbridge_environment::traces(resource)
        );
        assert_eq!(traces(self.directory.path()), Vec::<String>::new());
        assert_eq!(cgroups_of(&resource.instance.0), Vec::<PathBuf>::new());
    }
}

async fn on_every_kind<F: AsyncFn(Bench)>(check: F) {
    for kind in EnvironmentKind::ALL {
        let possible = match kind {
            EnvironmentKind::Container => privileged(),
            EnvironmentKind::Docker => dockerd::can_run(),
            EnvironmentKind::Qemu => virtual_machines(),
            EnvironmentKind::Firecracker => stand_in_for_firecracker(),
            EnvironmentKind::Ssh => sshd::can_run(),
            EnvironmentKind::Native | EnvironmentKind::Simulated => true,
        };
        if !possible {
            continue;
        }
        check(Bench::new(kind)).await;
    }
}

#[tokio::test]
async fn a_probe_finds_what_works() {
    on_every_kind(async |bench| {
        let answer = bench.environment.probe(&bench.settings).await;
        assert!(answer.available, "{}: {answer:?}", bench.kind);
        assert_eq!(bench.environment.kind(), bench.kind);
    })
    .await;
}

#[tokio::test]
async fn an_instance_answers_reads_what_is_copied_in_and_is_gone_after_destroy() {
    on_every_kind(async |bench| {
        let request = bench.request("whole");
        let resource = &request.resource;
        assert!(!bench.environment.exists(resource).await);
        bench.environment.create(&request).await.expect("created");
        assert!(bench.environment.exists(resource).await);
        let mut client = bench.connect(resource).await;

        let model = (catalogue::shipped(ApplicationName::TrafficLight).model)();
        let (name, input) = catalogue::shipped(ApplicationName::TrafficLight).samples[0];
        let to_read = |name: &str, content: &[u8]| FileToRead {
            name: name.to_owned(),
            path: PathBuf::from("work").join(name),
            sha256: Sha256Digest::of(content),
        };
        for (name, content) in [("model.onnx", &*model), (name, input)] {
            let source = CopySource::Bytes(content.into());
            bench.environment.copy_in(resource, source, name).await.expect("copied");
        }
        let prepare = Prepare {
            task: Task::Application { name: ApplicationName::TrafficLight, labels: None },
            model: Some(to_read("model.onnx", &model)),
            inputs: vec![to_read(name, input)],
            threads: 1,
            engine: EngineChoice::default(),
            process: false,
            slowdown_percent: None,
        };
        let ready = client.prepare(prepare, SOON).await.expect("ready");
        let simulated = bench.kind == EnvironmentKind::Simulated;
        assert_eq!(ready.engine.name == "simulated", simulated, "{:?}", ready.engine);
        let pass = Pass { block: 0, start_at: 0, inferences: 3 };
        let done = client.warmup(pass, Some(SOON)).await.expect("inferences");
        assert_eq!(done.inferences.len(), 3);

        let target = bench.environment.meter_target(resource).await.expect("a target");
        let unmetered = simulated || bench.kind == EnvironmentKind::Ssh;
        assert_eq!(matches!(target, MeterTarget::Nothing { .. }), unmetered, "{target:?}");
        let (mut meter, _) = OutsideMeter::open(&target).expect("a meter");
        assert_eq!(meter.read().expect("a reading").cpu_nanoseconds.is_none(), unmetered);

        assert!(!bench.environment.describe(resource).await.0.is_empty());
        bench.environment.destroy(resource).await.expect("destroyed");
        bench.environment.destroy(resource).await.expect("destroying nothing is no error");
        bench.assert_gone(resource).await;
    })
    .await;
}

#[tokio::test]
async fn a_paused_instance_answers_only_when_it_goes_on() {
    on_every_kind(async |bench| {
        let request = bench.request("pause");
        bench.environment.create(&request).await.expect("created");
        let mut client = bench.connect(&request.resource).await;
        bench.environment.pause(&request.resource, true).await.expect("paused");
        let silent = client.describe(Duration::from_millis(300)).await;
        assert!(
            matches!(silent, Err(ref error) if !matches!(error, ClientError::Lost { .. })),
            "{silent:?}"
        );
        bench.environment.pause(&request.resource, false).await.expect("goes on");
        bench
            .environment
            .pause(&request.resource, false)
            .await
            .expect("repeating it changes nothing");
        // The client is out of step after an unanswered request, so the agent is asked for
        // its end instead: it ends when its client leaves.
        drop(client);
        bench.environment.destroy(&request.resource).await.expect("destroyed");
        bench.assert_gone(&request.resource).await;
    })
    .await;
}

#[tokio::test]
async fn how_an_instance_ended_by_itself_is_told() {
    on_every_kind(async |bench| {
        let mut request = bench.request("ends");
        // A role that refuses its arguments ends at once with an error on standard error.
        request.agent.arguments.push("--no-such-option".to_owned());
        bench.environment.create(&request).await.expect("its process starts");
        let endpoint =
            bench.environment.endpoint(&request.resource, Port::Agent).expect("an endpoint");
        // A virtual machine is connected to before its agent listens, and no agent answers.
        let within = match bench.kind {
            EnvironmentKind::Qemu => SOON,
            // Behind its port nobody answers, which does not tell whether somebody will.
            EnvironmentKind::Firecracker => Duration::from_secs(5),
            _ => Duration::from_millis(500),
        };
        if let Ok(mut client) = AgentClient::connect(&endpoint, within).await {
            assert!(client.hello(None, within).await.is_err());
        }
        let ended = bench.environment.destroy(&request.resource).await.expect("destroyed");
        assert_eq!(ended.exit_code, Some(1), "{}: {ended:?}", bench.kind);
        assert!(ended.last_words.contains("takes no arguments"), "{ended:?}");
        bench.assert_gone(&request.resource).await;
    })
    .await;
}

#[tokio::test]
async fn another_process_can_destroy_what_this_one_made() {
    on_every_kind(async |bench| {
        let request = bench.request("other");
        bench.environment.create(&request).await.expect("created");
        let _client = bench.connect(&request.resource).await;
        // A fresh environment knows only the resource, as after a crash.
        let other = open(bench.kind);
        assert!(other.exists(&request.resource).await);
        other.destroy(&request.resource).await.expect("destroyed");
        bench.assert_gone(&request.resource).await;
    })
    .await;
}

#[tokio::test]
async fn a_small_machine_boots_the_same_kernel() {
    if !virtual_machines() {
        return;
    }
    let bench = Bench::new(EnvironmentKind::Qemu);
    let mut request = bench.request("small");
    let disk = DiskSettings { size: ByteSize(64 << 20), cache: DiskCache::Unsafe };
    request.settings = EnvironmentSettings::Qemu(QemuSettings {
        machine: QemuMachine::Microvm,
        accel: Accelerator::Tcg,
        disk: Some(disk),
    });
    bench.environment.create(&request).await.expect("created");
    let resource = &request.resource;
    let endpoint = bench.environment.endpoint(resource, Port::Agent).expect("an endpoint");
    let mut client = AgentClient::connect(&endpoint, SOON).await.expect("an agent");
    let welcome = client.hello(None, SOON).await.expect("a welcome");
    let boot = welcome.guest.expect("the phases of its start");
    assert!(boot.kernel_nanoseconds > boot.agent_nanoseconds, "{boot:?}");
    let outside = bench.environment.describe(resource).await;
    assert_eq!(outside.value("guest_machine"), Some("microvm"));
    // QEMU counts the requests of the disk, which the guest's first process has mounted.
    let target = bench.environment.meter_target(resource).await.expect("a target");
    let (mut meter, instruments) = OutsideMeter::open(&target).expect("a meter");
    assert!(format!("{:?}", instruments.storage).contains("counted by QEMU"), "{instruments:?}");
    assert!(format!("{:?}", instruments.cpu).contains("of QEMU"), "{instruments:?}");
    let usage = meter.read().expect("a reading");
    assert!(usage.storage_read_requests.is_some_and(|requests| requests > 0), "{usage:?}");
    bench.environment.destroy(resource).await.expect("destroyed");
    bench.assert_gone(resource).await;
}

#[tokio::test]
async fn a_guest_outlives_its_clients_and_says_what_it_is() {
    if !virtual_machines() {
        return;
    }
    let bench = Bench::new(EnvironmentKind::Qemu);
    let mut request = bench.request("guest");
    request.service_ports = vec![8080];
    let disk = DiskSettings { size: ByteSize(64 << 20), cache: DiskCache::Writeback };
    request.settings = EnvironmentSettings::Qemu(QemuSettings {
        accel: Accelerator::Tcg,
        disk: Some(disk),
        ..QemuSettings::default()
    });
    bench.environment.create(&request).await.expect("created");
    let resource = &request.resource;
    let mut first = bench.connect(resource).await;
    // It asks for something and leaves before the answer.
    let _ = first.describe(Duration::from_millis(1)).await;
    drop(first);
    let mut second = bench.connect(resource).await;
    let inside = second.describe(SOON).await.expect("facts");
    let kernel = Kernel::in_use(&guests()).expect("a record").expect("a kernel");
    assert_eq!(inside.value("kernel_release"), Some(kernel.release.as_str()), "{inside:?}");

    let outside = bench.environment.describe(resource).await;
    assert_eq!(outside.value("guest_kernel"), Some(kernel.release.as_str()), "{outside:?}");
    assert_eq!(outside.value("accelerator"), Some("tcg (emulated)"));
    assert_eq!(outside.value("guest_cpus"), Some("1"));
    let service = bench.environment.endpoint(resource, Port::Service(8080)).expect("a port");
    assert!(matches!(service, Endpoint::Tcp(address) if address.ip().is_loopback()), "{service:?}");
    assert!(bench.environment.endpoint(resource, Port::Service(81)).is_err());
    bench.environment.destroy(resource).await.expect("destroyed");
    bench.assert_gone(resource).await;
}
