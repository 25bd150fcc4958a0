//! What tests of single environments share: asking for an instance whose agent is the
//! stand-in, and talking to it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use weighbridge_environment::{Environment, Port, locate};
use weighbridge_experiment::{
    AgentLaunch, ByteSize, CpuCount, CreateRequest, Endpoint, EnvironmentKind, EnvironmentSettings,
    InstanceId, Limits, Resource,
};

/// Cargo builds examples before it runs tests, beside them.
pub(crate) fn stand_in() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    target.join("examples/agent_stand_in")
}

/// Half a CPU and 64 MiB.
pub(crate) fn request(
    kind: EnvironmentKind,
    directory: &Path,
    settings: EnvironmentSettings,
    name: &str,
    arguments: &[&str],
) -> CreateRequest {
    let instance = format!("{name}-{}", std::process::id());
    CreateRequest {
        resource: Resource {
            kind,
            directory: directory.join(&instance),
            instance: InstanceId(instance),
            locator: locate(&settings),
        },
        limits: Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(64 << 20)) },
        agent: AgentLaunch {
            executable: stand_in(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            libraries: Vec::new(),
        },
        settings,
        service_ports: Vec::new(),
    }
}

pub(crate) fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn connect(environment: &dyn Environment, resource: &Resource) -> UnixStream {
    let Ok(Endpoint::UnixSocket(path)) = environment.endpoint(resource, Port::Agent) else {
        panic!("the agent's endpoint is a unix socket");
    };
    let mut stream = None;
    eventually("the agent answers", || {
        stream = UnixStream::connect(&path).ok();
        stream.is_some()
    });
    stream.unwrap()
}

pub(crate) fn ask(stream: &UnixStream, question: &str) -> String {
    writeln!(&mut &*stream, "{question}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim_end().to_owned()
}
