use std::io;
use std::path::PathBuf;

use thiserror::Error;
use weighbridge_experiment::{ByteSize, EnvironmentKind, InstanceId};

use crate::Trace;

/// Why an environment could not do what it was asked.
#[derive(Debug, Error)]
pub enum EnvironmentError {
    /// The name cannot be part of paths and cgroups.
    #[error(
        "`{0}` cannot name an instance; use 1 to 40 lower-case letters, digits and `-`, starting with a letter or digit"
    )]
    InstanceName(String),
    /// The directory is not named by the instance, so it may hold other things.
    #[error(
        "directory {directory} is not named by instance {instance}; an instance needs a directory of its own"
    )]
    DirectoryName {
        /// The instance.
        instance: InstanceId,
        /// The directory.
        directory: PathBuf,
    },
    /// The file name would leave the instance's directory.
    #[error("`{0}` cannot name a file of an instance; use a plain file name without `/`")]
    FileName(String),
    /// The directory already belongs to an instance.
    #[error(
        "instance directory {directory} is already in use; destroy that instance or choose another name"
    )]
    InstanceExists {
        /// The directory.
        directory: PathBuf,
    },
    /// A unix socket's path is limited to 107 bytes by the kernel.
    #[error(
        "socket path {path} is {length} bytes long and the kernel takes at most 107; choose a shorter data directory with WEIGHBRIDGE_HOME"
    )]
    SocketPathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// A file or directory of the instance could not be handled.
    #[error("cannot {action} {path}")]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file of the instance does not hold what this version writes.
    #[error("cannot understand {path}; it was written by another version or cut short")]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A cgroup could not be handled.
    #[error("cannot {action} cgroup file {path}; run as root, or on a delegated cgroup")]
    Cgroup {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The kernel offers no controller of this name.
    #[error(
        "no cgroup hierarchy offers the `{controller}` controller; enable it in the kernel or mount it"
    )]
    ControllerMissing {
        /// Name of the controller.
        controller: &'static str,
    },
    /// The executable could not be started.
    #[error("cannot start {executable}")]
    Spawn {
        /// The executable.
        executable: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The executable is not one that a container can be made of.
    #[error("cannot read {path} as an executable: {reason}")]
    Executable {
        /// The executable.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The dynamic linker could not name the libraries of the executable.
    #[error("cannot list the libraries of {executable}: {reason}")]
    Libraries {
        /// The executable.
        executable: PathBuf,
        /// What the dynamic linker said.
        reason: String,
    },
    /// The network of an instance could not be made or removed.
    #[error("cannot {action} {instance}: {reason}; it takes root, `ip` (iproute2) and `iptables`")]
    Network {
        /// What was tried, as words before the instance's name.
        action: &'static str,
        /// The instance.
        instance: InstanceId,
        /// Why.
        reason: String,
    },
    /// The description of the container is refused by its builder.
    #[error("cannot describe container {instance}: {reason}")]
    Bundle {
        /// The instance.
        instance: InstanceId,
        /// Why.
        reason: String,
    },
    /// The monitor of a container reported that the container could not be started.
    #[error("cannot start container {instance}: {reason}")]
    ContainerStart {
        /// The instance.
        instance: InstanceId,
        /// What the runtimes said.
        reason: String,
    },
    /// There is no such instance, or it has ended.
    #[error("instance {instance} is not running: {reason}")]
    NotRunning {
        /// The instance.
        instance: InstanceId,
        /// How this was found.
        reason: String,
    },
    /// The instance did not stop or continue when told to.
    #[error("instance {instance} could not be {action}: {reason}")]
    Pause {
        /// The instance.
        instance: InstanceId,
        /// `paused` or `resumed`.
        action: &'static str,
        /// What was seen.
        reason: String,
    },
    /// No Docker daemon was found.
    #[error("{reason}; start one, or name its socket in [environment.docker]")]
    DockerMissing {
        /// Where it was looked for.
        reason: String,
    },
    /// The Docker daemon does not answer, or stopped in the middle of an answer.
    #[error(
        "cannot reach the Docker daemon at {socket}: {reason}; start it again, and `weighbridge reap` removes what it still keeps"
    )]
    DockerUnreachable {
        /// Its socket.
        socket: PathBuf,
        /// What was seen.
        reason: String,
    },
    /// The Docker daemon answered that it cannot do what it was asked.
    #[error("the Docker daemon at {socket} cannot {action}: {reason}")]
    Docker {
        /// What was asked, as a verb with its object.
        action: String,
        /// Its socket.
        socket: PathBuf,
        /// What it said.
        reason: String,
    },
    /// The other host cannot be reached, or the connection to it dropped.
    #[error(
        "cannot reach {destination} by ssh: {reason}; try `ssh {destination} true`, and `weighbridge reap` removes what is still there"
    )]
    SshUnreachable {
        /// The host, as the user named it.
        destination: String,
        /// What `ssh` said.
        reason: String,
    },
    /// Something that was asked of the other host failed there.
    #[error("host {destination} cannot {action}: {reason}")]
    Ssh {
        /// The host, as the user named it.
        destination: String,
        /// What was asked, as a verb.
        action: String,
        /// What was said there.
        reason: String,
    },
    /// This environment has no way to a port inside.
    #[error(
        "port {port} of a service is not reachable in this {kind} environment; name it when the instance is made, or run the service in `native`"
    )]
    ServicePort {
        /// Kind of environment.
        kind: EnvironmentKind,
        /// The port.
        port: u16,
    },
    /// The program that runs virtual machines is not there.
    #[error("{program} is not installed; `apt-get install qemu-system-x86`")]
    NoQemu {
        /// Its name.
        program: &'static str,
    },
    /// There is no kernel that a guest could boot.
    #[error("no kernel was prepared for guests; run `weighbridge env prepare qemu`")]
    GuestKernel,
    /// KVM was asked for and does not work.
    #[error("accel = \"kvm\" was asked for and does not work here: {reason}; use \"auto\"")]
    Kvm {
        /// What the probe found.
        reason: String,
    },
    /// The guest would not have room for its own image.
    #[error(
        "{asked} of memory are too little for a guest with this agent; give it at least {least}"
    )]
    GuestMemory {
        /// What it would have had.
        asked: ByteSize,
        /// What it needs.
        least: ByteSize,
    },
    /// The guest's data disk could not be made.
    #[error("cannot make the data disk of {instance}: {reason}")]
    GuestDisk {
        /// The instance.
        instance: InstanceId,
        /// Why.
        reason: String,
    },
    /// A file did not get into a guest.
    #[error("cannot copy {name} into guest {instance}: {reason}")]
    GuestFile {
        /// The instance.
        instance: InstanceId,
        /// Name of the file.
        name: String,
        /// Why.
        reason: String,
    },
    /// The program that runs small virtual machines is not there.
    #[error(
        "Firecracker was not found: {reason}; get a release from https://github.com/firecracker-microvm/firecracker/releases"
    )]
    NoFirecracker {
        /// Where it was looked for.
        reason: String,
    },
    /// Firecracker was to be locked in, and cannot be.
    #[error("jailer = \"always\" was asked for and cannot be: {reason}; use \"auto\"")]
    Jailer {
        /// Why.
        reason: &'static str,
    },
    /// A kernel's image could not be unpacked.
    #[error("cannot unpack the kernel in {path}: {reason}")]
    PackedKernel {
        /// The image.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The guest's network could not be made or removed.
    #[error("cannot handle the network of {instance}: {reason}")]
    GuestNetwork {
        /// The instance.
        instance: InstanceId,
        /// Why.
        reason: String,
    },
    /// Firecracker did not start, or did not do what it was told.
    #[error("cannot start a virtual machine for {instance}: Firecracker: {reason}")]
    Firecracker {
        /// The instance.
        instance: InstanceId,
        /// What it said.
        reason: String,
    },
    /// QEMU did not start.
    #[error("cannot start a virtual machine for {instance}: QEMU: {reason}")]
    Qemu {
        /// The instance.
        instance: InstanceId,
        /// What it said.
        reason: String,
    },
    /// Something of the instance is still there.
    #[error("instance {instance} was destroyed but leaves {}; remove it by hand", list(traces))]
    Remains {
        /// The instance.
        instance: InstanceId,
        /// What is left.
        traces: Vec<Trace>,
    },
    /// A blocking step panicked or the async runtime is shutting down.
    #[error("a step of the environment was cut off")]
    Interrupted {
        /// Why.
        source: tokio::task::JoinError,
    },
}

fn list(traces: &[Trace]) -> String {
    traces.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl EnvironmentError {
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    pub(crate) fn cgroup(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Cgroup { action, path, source }
    }

    /// The error and all of its causes in one line, for a reason shown to a user.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        text
    }
}
