//! Starts the container of a bundle: by youki's library, else by `runc` if it is there.
//!
//! Called only from the monitor, a process with a single thread, since the library clones
//! itself. This module does not wait for the container and does not clean up after it.

use std::error::Error;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;

use crate::layout::{LaunchRecord, Layout};
use crate::process_identity::wait_until;

/// `runc` writes the number of the first process before it starts it.
const RUNC_STARTS_WITHIN: Duration = Duration::from_secs(10);

/// Name and version of the runtime that is tried first.
pub(crate) const LIBRARY_VERSION: &str = "libcontainer 0.7";

/// A container that runs.
pub(crate) struct Started {
    /// Its first process, as the host numbers it.
    pub(crate) process: u32,
    /// Which runtime started it.
    pub(crate) runtime: &'static str,
    /// `runc`, where it is between us and the first process; else that is our own child.
    pub(crate) between: Option<Child>,
}

/// Starts the container; the error is what each runtime that was tried said.
pub(crate) fn start(layout: &Layout, launch: &LaunchRecord) -> Result<Started, String> {
    let library = match start_by_library(layout, launch) {
        Ok(started) => return Ok(started),
        Err(reason) => reason,
    };
    let Some(runc) = find_runc() else {
        return Err(format!("{LIBRARY_VERSION}: {library}; runc is not installed"));
    };
    start_by_runc(&runc, layout, launch)
        .map_err(|reason| format!("{LIBRARY_VERSION}: {library}; runc: {reason}"))
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some layers repeat the text of their source.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn start_by_library(layout: &Layout, launch: &LaunchRecord) -> Result<Started, String> {
    let null = || File::options().read(true).write(true).open("/dev/null");
    let null_in = null().map_err(|error| format!("/dev/null: {error}"))?;
    let null_out = null().map_err(|error| format!("/dev/null: {error}"))?;
    let stderr = File::options()
        .append(true)
        .open(layout.stderr())
        .map_err(|error| format!("{}: {error}", layout.stderr().display()))?;
    let build = || {
        ContainerBuilder::new(launch.instance.0.clone(), SyscallType::default())
            .with_root_path(layout.runtime_state())?
            .with_stdin(null_in)
            .with_stdout(null_out)
            .with_stderr(stderr)
            .validate_id()?
            .as_init(layout.bundle())
            .with_systemd(false)
            .build()
    };
    let mut container = build().map_err(|error| chain(&error))?;
    container.start().map_err(|error| chain(&error))?;
    let process = container
        .pid()
        .and_then(|pid| u32::try_from(pid.as_raw()).ok())
        .ok_or("it did not tell the number of the first process")?;
    Ok(Started { process, runtime: LIBRARY_VERSION, between: None })
}

/// The first `runc` on the search path.
fn find_runc() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join("runc")).find(|file| file.is_file())
}

fn start_by_runc(
    runc: &PathBuf,
    layout: &Layout,
    launch: &LaunchRecord,
) -> Result<Started, String> {
    let number = layout.directory.join("runc.pid");
    let state = layout.directory.join("runc");
    let stderr = File::options().append(true).open(layout.stderr());
    let mut child = Command::new(runc)
        .arg("--root")
        .arg(state)
        .args(["run", "--bundle"])
        .arg(layout.bundle())
        .arg("--pid-file")
        .arg(&number)
        .arg(&launch.instance.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr.map_err(|error| error.to_string())?)
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut process = None;
    wait_until(RUNC_STARTS_WITHIN, || {
        process = fs::read_to_string(&number).ok().and_then(|text| text.trim().parse().ok());
        process.is_some() || !matches!(child.try_wait(), Ok(None))
    });
    match process {
        Some(process) => Ok(Started { process, runtime: "runc", between: Some(child) }),
        None => {
            let _ = child.kill();
            let status = child.wait().map_err(|error| error.to_string())?;
            Err(format!("it started nothing and ended with {status}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use weighbridge_experiment::{
        AgentLaunch, ByteSize, CpuCount, EnvironmentKind, InstanceId, Limits, Resource,
    };

    use super::super::bundle;
    use super::*;
    use crate::cgroup::CgroupTree;
    use crate::libraries;
    use crate::traces::{kill_processes, remove_remains, traces_in};

    /// The fallback runs the same bundle. It is there only where `runc` is installed.
    #[test]
    fn runc_runs_the_same_bundle() {
        let runc = find_runc();
        let root = rustix::process::geteuid().is_root();
        let Some(runc) = runc.filter(|_| root) else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "runc and root are needed");
            eprintln!("left out: it needs root and `apt-get install runc`");
            return;
        };
        let place = tempfile::tempdir().unwrap();
        let name = format!("test-runc-{}", std::process::id());
        let resource = Resource {
            kind: EnvironmentKind::Container,
            directory: place.path().join(&name),
            instance: InstanceId(name),
            locator: None,
        };
        let agent = AgentLaunch {
            executable: "/bin/sleep".into(),
            arguments: vec!["60".into()],
            libraries: vec![],
        };
        let limits = Limits { cpus: CpuCount::new(0.5).unwrap(), memory: Some(ByteSize(64 << 20)) };
        let launch = LaunchRecord::new(&resource, &agent, limits, None).unwrap();
        let layout = Layout::of(&resource).unwrap();
        layout.prepare(&launch).unwrap();
        let needed = libraries::needed_files(&launch.executable).unwrap();
        bundle::write_bundle(&layout, &launch, &needed).unwrap();
        let tree = CgroupTree::detect();
        tree.create(&launch.instance, &limits).unwrap();

        let started = start_by_runc(&runc, &layout, &launch);
        let inside = tree.processes(&launch.instance);
        let limit = tree.shown_cpu_limit(&crate::cgroup::relative_path(&launch.instance));
        let words = crate::last_words::last_words(&layout.stderr());
        kill_processes(&resource, &tree);
        if let Ok(Started { between: Some(mut child), .. }) = started {
            child.wait().unwrap();
        }
        remove_remains(&resource, &tree).unwrap();
        assert_eq!(inside.len(), 1, "{words:?}");
        assert_eq!(limit.unwrap().0, "0.5");
        assert_eq!(traces_in(&resource, &tree), []);
    }
}
