//! The files of one instance.
//!
//! Everything follows from the resource's directory; nothing here touches the disk except
//! [`Layout::prepare`] and the two record functions. It does not know what the records mean.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use weighbridge_experiment::{AgentLaunch, InstanceId, Limits, Resource};

use crate::error::EnvironmentError;

/// Longest path that fits the kernel's `sockaddr_un` with its final zero byte.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The paths of one instance.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) directory: PathBuf,
}

/// What was asked, written before the first process exists, so that a process which is
/// found later in the instance's directory can be told from a visitor's.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct LaunchRecord {
    pub(crate) executable: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) limits: Limits,
    /// The executable that watches over a container.
    pub(crate) monitor: Option<PathBuf>,
    /// The executable that makes the instance. A child of it shows as this one until it
    /// has executed its own.
    pub(crate) maker: Option<PathBuf>,
    pub(crate) instance: InstanceId,
}

impl LaunchRecord {
    pub(crate) fn new(
        resource: &Resource,
        agent: &AgentLaunch,
        limits: Limits,
        monitor: Option<PathBuf>,
    ) -> Result<Self, EnvironmentError> {
        // The kernel shows a process's executable without symbolic links.
        let executable = fs::canonicalize(&agent.executable)
            .map_err(EnvironmentError::file("find the executable", &agent.executable))?;
        Ok(Self {
            executable,
            arguments: agent.arguments.clone(),
            limits,
            monitor,
            maker: std::env::current_exe().and_then(fs::canonicalize).ok(),
            instance: resource.instance.clone(),
        })
    }
}

impl Layout {
    /// Name of the record of where else an instance may be found.
    pub(crate) const LOCATOR: &str = "locator.json";

    /// Checks the instance's name, since it becomes part of paths, and its directory's.
    pub(crate) fn of(resource: &Resource) -> Result<Self, EnvironmentError> {
        let name = &resource.instance.0;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > 40 || !name.chars().all(plain) || name.starts_with('-') {
            return Err(EnvironmentError::InstanceName(name.clone()));
        }
        // Destroying removes this directory with all that is in it, so it must be nobody else's.
        if resource.directory.file_name().and_then(|last| last.to_str()) != Some(name) {
            return Err(EnvironmentError::DirectoryName {
                instance: resource.instance.clone(),
                directory: resource.directory.clone(),
            });
        }
        Ok(Self { directory: resource.directory.clone() })
    }

    /// Working directory of the agent; the only one that a container may write.
    pub(crate) fn run(&self) -> PathBuf {
        self.directory.join("run")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.run().join("agent.sock")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.run().join("work")
    }

    /// Where the agent of a process of the host finds its libraries: `../lib` beside `run`.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.directory.join("lib")
    }

    pub(crate) fn stderr(&self) -> PathBuf {
        self.directory.join("stderr.log")
    }

    pub(crate) fn launch(&self) -> PathBuf {
        self.directory.join("launch.json")
    }

    /// The launch record of an instance that is being destroyed: whoever was about to start
    /// something by it finds none.
    pub(crate) fn withdrawn_launch(&self) -> PathBuf {
        self.directory.join("withdrawn.json")
    }

    /// Every executable that a process of this instance may show.
    pub(crate) fn executables(&self) -> Vec<PathBuf> {
        let launch = [self.launch(), self.withdrawn_launch()]
            .iter()
            .find_map(|path| read_record::<LaunchRecord>(path).ok().flatten());
        launch.map_or_else(Vec::new, |launch| {
            [Some(launch.executable), launch.monitor, launch.maker].into_iter().flatten().collect()
        })
    }

    /// Identity of the agent's process, as the host numbers it.
    pub(crate) fn agent_identity(&self) -> PathBuf {
        self.directory.join("agent.json")
    }

    /// Identity of the process that watches over a container.
    pub(crate) fn monitor_identity(&self) -> PathBuf {
        self.directory.join("monitor.json")
    }

    /// How a container ended, written by its monitor; how an agent in a guest did, by that.
    pub(crate) fn ended(&self) -> PathBuf {
        self.directory.join("ended.json")
    }

    /// Why the instance has no cgroup; absent where it has one.
    pub(crate) fn unlimited(&self) -> PathBuf {
        self.directory.join("unlimited.json")
    }

    /// What the monitor of a container, or QEMU, wrote to its standard error.
    pub(crate) fn monitor_log(&self) -> PathBuf {
        self.directory.join("monitor.log")
    }

    /// What was decided for a guest.
    pub(crate) fn guest(&self) -> PathBuf {
        self.directory.join("guest.json")
    }

    /// What a guest's kernel wrote to its console.
    pub(crate) fn console(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// The data disk of a guest.
    pub(crate) fn disk(&self) -> PathBuf {
        self.directory.join("disk.img")
    }

    /// Which runtime started the container.
    pub(crate) fn runtime_name(&self) -> PathBuf {
        self.directory.join("runtime.json")
    }

    pub(crate) fn locator(&self) -> PathBuf {
        self.directory.join(Self::LOCATOR)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.directory.join("bundle")
    }

    pub(crate) fn rootfs(&self) -> PathBuf {
        self.bundle().join("rootfs")
    }

    /// State of the container runtime.
    pub(crate) fn runtime_state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// Makes the directories and the launch record of a new instance.
    pub(crate) fn prepare(&self, launch: &LaunchRecord) -> Result<(), EnvironmentError> {
        let socket = self.socket();
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_BYTES_MAX {
            return Err(EnvironmentError::SocketPathTooLong { path: socket, length });
        }
        if self.launch().exists() || self.withdrawn_launch().exists() {
            return Err(EnvironmentError::InstanceExists { directory: self.directory.clone() });
        }
        let work = self.work();
        fs::create_dir_all(&work).map_err(EnvironmentError::file("create directory", &work))?;
        let stderr = self.stderr();
        fs::File::create(&stderr).map_err(EnvironmentError::file("create", &stderr))?;
        write_record(&self.launch(), launch)
    }
}

/// Writes a record so that a reader sees all of it or nothing.
pub(crate) fn write_record<T: Serialize>(path: &Path, record: &T) -> Result<(), EnvironmentError> {
    let text = serde_json::to_vec(record)
        .map_err(|source| EnvironmentError::Record { path: path.into(), source })?;
    let partial = path.with_extension("partial");
    let mut file =
        fs::File::create(&partial).map_err(EnvironmentError::file("create", &partial))?;
    file.write_all(&text).map_err(EnvironmentError::file("write", &partial))?;
    fs::rename(&partial, path).map_err(EnvironmentError::file("rename to", path))
}

/// Reads a record; `None` where there is none.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EnvironmentError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(EnvironmentError::file("read", path)(error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| EnvironmentError::Record { path: path.into(), source })
}

/// Links or copies one file of the host to a path below `root`; an absolute path means one
/// from `root`. A link costs nothing and shares the host's page cache, so that every
/// instance runs the same bytes out of the same memory.
pub(crate) fn place(host: &Path, root: &Path, inside: &Path) -> Result<(), EnvironmentError> {
    // A symbolic link would point out of the root, so the file behind it is taken.
    let host = fs::canonicalize(host).map_err(EnvironmentError::file("find", host))?;
    let target = root.join(inside.strip_prefix("/").unwrap_or(inside));
    let parent = target.parent().unwrap_or(root);
    fs::create_dir_all(parent).map_err(EnvironmentError::file("create directory", parent))?;
    match fs::hard_link(&host, &target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Another file system, one without links, or one whose links are used up.
        Err(_) => {
            fs::copy(&host, &target).map(drop).map_err(EnvironmentError::file("copy to", target))
        }
    }
}

/// The file name of a library that the agent is to load.
pub(crate) fn library_name(library: &Path) -> Result<&str, EnvironmentError> {
    let name = library.file_name().and_then(|name| name.to_str());
    checked_file_name(name.unwrap_or_default())
}

/// Checks that a name stays inside the directory that it is joined to.
pub(crate) fn checked_file_name(name: &str) -> Result<&str, EnvironmentError> {
    let plain = !name.is_empty()
        && name.len() <= 255
        && name != "."
        && name != ".."
        && !name.contains(['/', '\0']);
    if plain { Ok(name) } else { Err(EnvironmentError::FileName(name.into())) }
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::EnvironmentKind;

    use super::*;

    fn resource(name: &str) -> Resource {
        Resource {
            kind: EnvironmentKind::Native,
            instance: InstanceId(name.into()),
            directory: PathBuf::from("/nowhere").join(name),
            locator: None,
        }
    }

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", "..", "a/b", "A", "-rf", "a b", &"x".repeat(41)] {
            assert!(
                matches!(Layout::of(&resource(name)), Err(EnvironmentError::InstanceName(_))),
                "{name}"
            );
        }
        assert!(Layout::of(&resource("r4-native-0")).is_ok());
        let mut elsewhere = resource("r4-native-0");
        elsewhere.directory = PathBuf::from("/home");
        assert!(matches!(Layout::of(&elsewhere), Err(EnvironmentError::DirectoryName { .. })));
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\0b"] {
            assert!(checked_file_name(name).is_err(), "{name:?}");
        }
        assert_eq!(checked_file_name("rain 01.jpg").unwrap(), "rain 01.jpg");
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_a_cut_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("agent.json");
        assert_eq!(read_record::<Vec<u32>>(&path).unwrap(), None);
        write_record(&path, &vec![1_u32, 2]).unwrap();
        assert_eq!(read_record::<Vec<u32>>(&path).unwrap(), Some(vec![1, 2]));
        fs::write(&path, "[1,").unwrap();
        assert!(matches!(read_record::<Vec<u32>>(&path), Err(EnvironmentError::Record { .. })));
    }

    #[test]
    fn a_socket_path_that_the_kernel_would_refuse_is_refused_first() {
        let mut long = resource("long");
        long.directory = PathBuf::from("/").join("d".repeat(115)).join("long");
        let layout = Layout::of(&long).unwrap();
        let agent = AgentLaunch {
            executable: "/proc/self/exe".into(),
            arguments: vec![],
            libraries: vec![],
        };
        let limits =
            Limits { cpus: weighbridge_experiment::CpuCount::new(1.0).unwrap(), memory: None };
        let launch = LaunchRecord::new(&long, &agent, limits, None).unwrap();
        assert!(matches!(
            layout.prepare(&launch),
            Err(EnvironmentError::SocketPathTooLong { length: 136, .. })
        ));
    }
}
