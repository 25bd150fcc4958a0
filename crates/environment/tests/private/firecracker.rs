//! The stand-in for Firecracker, laid out as a release of Firecracker is: the program and its
//! jailer in one directory. Which executable takes the agent's place stands beside them.

use std::path::{Path, PathBuf};

use weighbridge_experiment::FirecrackerSettings;

/// Cargo builds examples before it runs tests, beside them; `None` where it was told not to.
pub(crate) fn program() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a path");
    let target = test.parent().and_then(Path::parent).expect("a target directory");
    Some(target.join("examples/firecracker_stand_in")).filter(|path| path.is_file())
}

/// Settings that name a stand-in in `directory`, which runs `agent`.
pub(crate) fn installed(directory: &Path, agent: &Path) -> FirecrackerSettings {
    let program = program().expect("the stand-in");
    std::fs::create_dir_all(directory).expect("a directory");
    for name in ["firecracker", "jailer"] {
        let target = directory.join(name);
        if std::fs::hard_link(&program, &target).is_err() {
            std::fs::copy(&program, &target).expect("a copy");
        }
    }
    std::fs::write(directory.join("agent.path"), agent.to_str().expect("text")).expect("written");
    let binary = directory.join("firecracker").to_str().expect("text").to_owned();
    FirecrackerSettings { binary: Some(binary), ..FirecrackerSettings::default() }
}
