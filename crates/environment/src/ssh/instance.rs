//! One instance from its making to its removal: files and processes there, a forwarded
//! socket and a standing connection here.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use weighbridge_experiment::{
    ByteSize, CreateRequest, Ended, Endpoint, EnvironmentKind, Fact, HostFacts, Locator, Resource,
    Sha256Digest, SshSettings,
};

use super::connection::Connection;
use super::scripts;
use crate::blocking::blocking;
use crate::cgroup::{CgroupTree, cpu_quota_microseconds};
use crate::environment::CopySource;
use crate::error::EnvironmentError;
use crate::facts::missing_cgroup_facts;
use crate::file_digest::digest_of;
use crate::host_process::Children;
use crate::last_words::end_of;
use crate::layout::{
    LaunchRecord, Layout, checked_file_name, library_name, read_record, write_record,
};
use crate::libraries::program_files;
use crate::process_identity::ProcessIdentity;
use crate::traces::{kill_processes, remove_remains};

/// Below the home directory of the other host, unless told otherwise.
const DIRECTORY: &str = ".cache/weighbridge";
/// The agent as the script that starts it is told.
const AGENT: &str = "PLACE/agent/agent";
/// A unix socket's path there has the same limit as here.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What the other host said about itself and the instance, kept here.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Remote {
    /// Directory of everything of ours there.
    base: String,
    /// Directory of the instance there.
    place: String,
    /// `uname -m`.
    machine: String,
    /// `limits`, or `unlimited: WHY`; empty until the agent was started.
    limits: String,
    /// Digest of the agent that was brought.
    #[serde(default)]
    agent: Option<Sha256Digest>,
}

/// A file that goes there: from here, by content, to a path below the instance's directory.
struct Part {
    host: PathBuf,
    digest: Sha256Digest,
    inside: String,
}

fn record(layout: &Layout) -> PathBuf {
    layout.directory.join("remote.json")
}

/// The way to the host of an instance.
pub(super) fn connection(resource: &Resource) -> Result<Connection, EnvironmentError> {
    let layout = Layout::of(resource)?;
    let settings = match &resource.locator {
        Some(Locator::Ssh(settings)) => settings.clone(),
        _ => SshSettings::default(),
    };
    Connection::new(&settings, &layout.directory)
}

fn remote(layout: &Layout, resource: &Resource) -> Result<Remote, EnvironmentError> {
    read_record(&record(layout))?.ok_or_else(|| EnvironmentError::NotRunning {
        instance: resource.instance.clone(),
        reason: "it was never made, or is destroyed".to_owned(),
    })
}

/// Brings the agent there and starts it. Whatever was made before an error is removed again.
pub(super) async fn create(
    request: &CreateRequest,
    children: &Children,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(&request.resource)?;
    let connection = connection(&request.resource)?;
    let mut launch = LaunchRecord::new(&request.resource, &request.agent, request.limits, None)?;
    // What runs here is not the agent but `ssh`.
    launch.monitor = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).find_map(|place| fs::canonicalize(place.join("ssh")).ok())
    });
    layout.prepare(&launch)?;
    let made = start(request, &layout, &launch, &connection, children).await;
    if made.is_err() {
        // The first error tells more than a second one from the clean-up.
        let _ = destroy(&request.resource, children).await;
    }
    made
}

async fn start(
    request: &CreateRequest,
    layout: &Layout,
    launch: &LaunchRecord,
    connection: &Connection,
    children: &Children,
) -> Result<(), EnvironmentError> {
    let path = layout.directory.join("ssh.log");
    let log = fs::File::create(&path).map_err(EnvironmentError::file("create", path))?;
    let master = connection.open(log).await?;
    let identity = ProcessIdentity::of(master.id());
    children.insert(&launch.instance, master);
    if let Some(identity) = identity {
        write_record(&layout.monitor_identity(), &identity)?;
    }
    let mut remote = look(connection, &request.resource).await?;
    let agent = foreign_agent(connection, &remote, request)?;
    let (parts, start) = match &agent {
        Some(agent) => (vec![part(agent, "agent/agent".to_owned())?], vec![AGENT.to_owned()]),
        None => parts(launch, &request.agent.libraries).await?,
    };
    remote.agent = parts.first().map(|part| part.digest.clone());
    bring(connection, &remote.base, &parts).await?;
    // From here on there is something of the instance on the other host.
    write_record(&record(layout), &remote)?;
    let mut arguments = vec![remote.base.as_str(), launch.instance.0.as_str()];
    for part in &parts {
        arguments.extend([part.digest.as_str(), part.inside.as_str()]);
    }
    connection.run("make the instance's directory", scripts::PREPARE, &arguments, b"").await?;

    let quota = cpu_quota_microseconds(&launch.limits).to_string();
    let memory = launch.limits.memory.map_or(0, ByteSize::bytes).to_string();
    let command: Vec<String> =
        start.iter().map(|word| word.replace("PLACE", &remote.place)).collect();
    let mut arguments = vec![remote.place.as_str(), &launch.instance.0, &quota, &memory];
    // An agent by itself has no roles to choose from.
    let role = if agent.is_some() { &[][..] } else { &launch.arguments };
    arguments.extend(command.iter().chain(role).map(String::as_str));
    let told = connection.run("start the agent", scripts::START, &arguments, b"").await?;
    let listens = told.lines().any(|line| line == "listens");
    let socket = format!("{}/run/agent.sock", remote.place);
    remote.limits = told.lines().next().unwrap_or_default().to_owned();
    write_record(&record(layout), &remote)?;
    // An agent that has ended already is told of when the instance is destroyed.
    if !listens {
        return Ok(());
    }
    connection.forward(&layout.socket(), &socket).await?;
    forward_services(connection, layout, &request.service_ports).await
}

fn ports(layout: &Layout) -> PathBuf {
    layout.directory.join("ports.json")
}

/// Ports of services there, each by one of this host's loopback.
async fn forward_services(
    connection: &Connection,
    layout: &Layout,
    services: &[u16],
) -> Result<(), EnvironmentError> {
    let mut forwarded = BTreeMap::new();
    for service in services {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let local =
            free.map_err(EnvironmentError::file("choose a port for", ports(layout)))?.port();
        connection.forward_port(local, *service).await?;
        forwarded.insert(*service, local);
    }
    write_record(&ports(layout), &forwarded)
}

/// Where a service there is reached.
pub(super) fn forwarded(resource: &Resource, port: u16) -> Result<Endpoint, EnvironmentError> {
    let known: BTreeMap<u16, u16> =
        read_record(&ports(&Layout::of(resource)?))?.unwrap_or_default();
    let local = known
        .get(&port)
        .ok_or(EnvironmentError::ServicePort { kind: EnvironmentKind::Ssh, port })?;
    Ok(Endpoint::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, *local))))
}

/// What is there: a Linux of this machine's architecture, and a home directory.
async fn look(connection: &Connection, resource: &Resource) -> Result<Remote, EnvironmentError> {
    let refused = |reason| EnvironmentError::Ssh {
        destination: connection.destination().to_owned(),
        action: "run the agent".to_owned(),
        reason,
    };
    let told = connection.run("look around", scripts::LOOK, &[], b"").await?;
    let mut lines = told.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (system, machine, home) = (next(), next(), next());
    if system != "Linux" {
        return Err(refused(format!("it runs {system}, and an agent needs Linux")));
    }
    let base = match &resource.locator {
        Some(Locator::Ssh(SshSettings { directory: Some(directory), .. })) => directory.clone(),
        _ => format!("{home}/{DIRECTORY}"),
    };
    let place = format!("{base}/instances/{}", resource.instance);
    if place.len() + "/run/agent.sock".len() > SOCKET_PATH_BYTES_MAX {
        return Err(refused(format!(
            "{place} is too long for a socket; choose a shorter `directory` in [environment.ssh]"
        )));
    }
    Ok(Remote { base, place, machine, limits: String::new(), agent: None })
}

/// The agent for another processor than this host's, from the directory that the user named;
/// none where the processors are the same.
fn foreign_agent(
    connection: &Connection,
    remote: &Remote,
    request: &CreateRequest,
) -> Result<Option<PathBuf>, EnvironmentError> {
    let (machine, here) = (&remote.machine, std::env::consts::ARCH);
    if machine == here {
        return Ok(None);
    }
    let refused = |reason| EnvironmentError::Ssh {
        destination: connection.destination().to_owned(),
        action: "run the agent".to_owned(),
        reason,
    };
    // The word comes from the other host and becomes part of a path here.
    let word = checked_file_name(machine)?;
    let Some(Locator::Ssh(SshSettings { agents: Some(agents), .. })) = &request.resource.locator
    else {
        return Err(refused(format!(
            "its processor is {machine} and this executable is for {here}; build an agent for it \
             (`cargo run -p xtask -- agent {machine}`) and name its directory with --agent-dir"
        )));
    };
    let agent = Path::new(agents).join(word).join("weighbridge-agent");
    if !agent.is_file() {
        return Err(refused(format!(
            "its processor is {machine} and there is no {}; `cargo run -p xtask -- agent {machine}` builds one",
            agent.display()
        )));
    }
    if !request.agent.libraries.is_empty() {
        return Err(refused(format!(
            "its processor is {machine}, and the engine's libraries here are for {here}; use engine = \"rten\""
        )));
    }
    Ok(Some(agent))
}

/// The agent, its linker, its libraries, and the words that start it there.
async fn parts(
    launch: &LaunchRecord,
    loaded_later: &[PathBuf],
) -> Result<(Vec<Part>, Vec<String>), EnvironmentError> {
    let (executable, loaded_later) = (launch.executable.clone(), loaded_later.to_vec());
    blocking(move || {
        let needed = program_files(&executable)?;
        let mut parts = vec![part(&executable, "agent/agent".to_owned())?];
        for library in &needed.libraries {
            parts.push(part(library, format!("agent/lib/{}", library_name(library)?))?);
        }
        for library in &loaded_later {
            parts.push(part(library, format!("lib/{}", library_name(library)?))?);
        }
        let mut start = Vec::new();
        if let Some(linker) = &needed.linker {
            parts.push(part(linker, "agent/linker".to_owned())?);
            start.extend(["PLACE/agent/linker", "--library-path", "PLACE/agent/lib"]);
        }
        start.push(AGENT);
        Ok((parts, start.into_iter().map(str::to_owned).collect()))
    })
    .await
}

fn part(host: &Path, inside: String) -> Result<Part, EnvironmentError> {
    Ok(Part { host: host.into(), digest: digest_of(host)?, inside })
}

/// Sends what the host does not have yet.
async fn bring(
    connection: &Connection,
    base: &str,
    parts: &[Part],
) -> Result<(), EnvironmentError> {
    let mut arguments = vec![base];
    arguments.extend(parts.iter().map(|part| part.digest.as_str()));
    let missing =
        connection.run("look for the agent's files", scripts::MISSING, &arguments, b"").await?;
    for digest in missing.lines() {
        let Some(part) = parts.iter().find(|part| part.digest.as_str() == digest) else {
            continue;
        };
        let host = part.host.clone();
        let content =
            blocking(move || fs::read(&host).map_err(EnvironmentError::file("read", &host)))
                .await?;
        connection.run("bring the agent there", scripts::KEEP, &[base, digest], &content).await?;
    }
    Ok(())
}

/// Copies bytes or a file to where the agent reads `work/NAME`.
pub(super) async fn copy_in(
    resource: &Resource,
    source: CopySource,
    name: &str,
) -> Result<(), EnvironmentError> {
    let layout = Layout::of(resource)?;
    let remote = remote(&layout, resource)?;
    let arguments = [remote.place.as_str(), checked_file_name(name)?];
    let connection = connection(resource)?;
    match source {
        CopySource::Bytes(bytes) => {
            connection.run("copy a file there", scripts::COPY, &arguments, &bytes).await?;
        }
        CopySource::File(path) => {
            let content =
                blocking(move || fs::read(&path).map_err(EnvironmentError::file("read", &path)))
                    .await?;
            connection.run("copy a file there", scripts::COPY, &arguments, &content).await?;
        }
    }
    Ok(())
}

/// Stops every process of the instance, or lets it go on.
pub(super) async fn pause(resource: &Resource, paused: bool) -> Result<(), EnvironmentError> {
    let remote = remote(&Layout::of(resource)?, resource)?;
    let signal = if paused { "STOP" } else { "CONT" };
    let arguments = [remote.place.as_str(), signal];
    connection(resource)?.run("stop or continue", scripts::SIGNAL, &arguments, b"").await.map(drop)
}

/// Whether the other host has anything of the instance.
pub(super) async fn is_there(resource: &Resource) -> Result<bool, EnvironmentError> {
    let connection = connection(resource)?;
    let place = look(&connection, resource).await?.place;
    let arguments = [place.as_str(), resource.instance.0.as_str()];
    Ok(connection.run("look for it", scripts::EXISTS, &arguments, b"").await?.trim() == "yes")
}

/// Removes what is there, then what is here. What is here goes last: while the directory
/// exists, something may be there.
pub(super) async fn destroy(
    resource: &Resource,
    children: &Children,
) -> Result<Ended, EnvironmentError> {
    let layout = Layout::of(resource)?;
    // Without the record nothing was made there, and no connection is needed.
    let known = read_record::<Remote>(&record(&layout)).ok().flatten();
    let ended = match known {
        Some(remote) => {
            let arguments = [remote.place.as_str(), resource.instance.0.as_str()];
            let told = connection(resource)?
                .run("remove the instance", scripts::DESTROY, &arguments, b"")
                .await;
            told.map(|told| ended(&told))
        }
        None => Ok(Ended::default()),
    };
    let (resource, removable) = (resource.clone(), ended.is_ok());
    let mut master = children.take(&resource.instance);
    blocking(move || {
        let tree = CgroupTree::detect();
        kill_processes(&resource, &tree);
        if let Some(master) = &mut master {
            let _ = master.kill();
            let _ = master.wait();
        }
        // The socket of the connection would be taken for one that is still open.
        let _ = fs::remove_file(resource.directory.join("c"));
        if removable { remove_remains(&resource, &tree) } else { Ok(()) }
    })
    .await?;
    ended
}

/// Reads what the script that destroys tells.
fn ended(told: &str) -> Ended {
    let (head, words) = told.split_once("words\n").unwrap_or((told, ""));
    let number = |key: &str| {
        head.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<i64>().ok())
    };
    let code = number("exit ").and_then(|code| i32::try_from(code).ok());
    // A shell says that a signal ended a process by 128 and its number.
    let signal = code.filter(|code| (129..=192).contains(code)).map(|code| code - 128);
    Ended {
        exit_code: code.filter(|_| signal.is_none()),
        signal,
        oom_kills: number("oom ").and_then(|count| u64::try_from(count).ok()),
        last_words: end_of(words.as_bytes()),
    }
}

/// What is known of the instance without a word of its agent.
pub(super) fn facts(resource: &Resource) -> HostFacts {
    const SOURCE: &str = "the other host";
    let remote = Layout::of(resource).and_then(|layout| remote(&layout, resource));
    let mut facts = vec![Fact::missing("runtime", "a process of the other host has none", SOURCE)];
    match remote {
        Ok(remote) => {
            facts.push(Fact::known("remote_machine", remote.machine, "uname -m"));
            facts.push(match remote.agent {
                Some(digest) => Fact::known("remote_agent_sha256", digest.as_str(), SOURCE),
                None => Fact::missing("remote_agent_sha256", "none was brought", SOURCE),
            });
            facts.push(Fact::known("remote_limits", remote.limits, "the start of the agent"));
            facts.extend(missing_cgroup_facts("it is on the other host"));
        }
        Err(error) => facts.extend(missing_cgroup_facts(&error.chain())),
    }
    HostFacts(facts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn how_an_agent_ended_there_is_read() {
        let told = ended("exit 1\noom 0\nwords\nit takes no arguments\n");
        assert_eq!((told.exit_code, told.signal, told.oom_kills), (Some(1), None, Some(0)));
        assert_eq!(told.last_words, "it takes no arguments");
        let killed = ended("exit 137\noom 1\nwords\n");
        assert_eq!((killed.exit_code, killed.signal, killed.oom_kills), (None, Some(9), Some(1)));
        assert_eq!(ended(""), Ended::default());
    }

    proptest! {
        #[test]
        fn reading_an_end_never_panics(text in "(\\PC|\n|exit |oom |words\n)*") {
            let _ = ended(&text);
        }
    }
}
