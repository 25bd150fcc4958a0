//! Builds the agent for another processor: `cargo run -p xtask -- agent aarch64`.
//!
//! One file that needs nothing of the host it runs on: linked statically, with the engine that
//! is part of it. What this deliberately does not do: install anything, or copy it anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// A processor that an agent can be built for.
struct Machine {
    /// What `uname -m` says there; also the directory of its agent.
    name: &'static str,
    target: &'static str,
    /// The C compiler, which links too.
    compiler: &'static str,
    /// What holds compiler and C library on Debian.
    packages: &'static str,
}

const MACHINES: [Machine; 2] = [
    Machine {
        name: "aarch64",
        target: "aarch64-unknown-linux-gnu",
        compiler: "aarch64-linux-gnu-gcc",
        packages: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    },
    Machine {
        name: "x86_64",
        target: "x86_64-unknown-linux-gnu",
        compiler: "x86_64-linux-gnu-gcc",
        packages: "gcc-x86-64-linux-gnu libc6-dev-amd64-cross",
    },
];

/// Builds the agent for the machine that the arguments name.
///
/// # Errors
///
/// The machine is not known, a tool is missing, or the build fails.
#[allow(clippy::print_stdout, reason = "a command-line tool")]
pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let names = || MACHINES.map(|machine| machine.name).join(", ");
    let (name, profile) = match arguments {
        [name] => (name, "release"),
        [name, option] if option == "--dev" => (name, "dev"),
        _ => bail!("name a machine: {}", names()),
    };
    let machine = MACHINES
        .iter()
        .find(|machine| machine.name == name)
        .with_context(|| format!("there is no machine `{name}`; use one of: {}", names()))?;
    check_tools(machine)?;
    let target_directory =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    build(root, machine, profile, &target_directory)?;
    let built = if profile == "dev" { "debug" } else { profile };
    let agent = target_directory.join(machine.target).join(built).join("weighbridge-agent");
    let kept = root.join("target/agents").join(machine.name);
    std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
    let kept = kept.join("weighbridge-agent");
    let bytes = std::fs::copy(&agent, &kept)
        .with_context(|| format!("cannot copy {} to {}", agent.display(), kept.display()))?;
    println!("{} ({:.1} MB), for a host of kind ssh:", kept.display(), bytes as f64 / 1e6);
    println!("weighbridge run --agent-dir target/agents …");
    Ok(())
}

fn check_tools(machine: &Machine) -> anyhow::Result<()> {
    let finds = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|done| done.status.success())
    };
    if !finds(machine.compiler, &["--version"]) {
        bail!(
            "there is no {}; apt-get install --no-install-recommends {}",
            machine.compiler,
            machine.packages
        );
    }
    let installed = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", machine.target])
        .output()
        .context("cannot start rustc")?;
    let libraries = String::from_utf8_lossy(&installed.stdout).trim().to_owned();
    if !Path::new(&libraries).is_dir() {
        bail!("Rust cannot build for it yet; rustup target add {}", machine.target);
    }
    Ok(())
}

fn build(
    root: &Path,
    machine: &Machine,
    profile: &str,
    target_directory: &Path,
) -> anyhow::Result<()> {
    let variable = machine.target.to_uppercase().replace('-', "_");
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["build", "--profile", profile, "--package", "weighbridge-agent"])
        .args(["--bin", "weighbridge-agent", "--target", machine.target])
        .env("CARGO_TARGET_DIR", target_directory)
        .env(format!("CARGO_TARGET_{variable}_LINKER"), machine.compiler)
        // Its C library inside, so that it runs beside an older one or none.
        .env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), "-C target-feature=+crt-static")
        .env(format!("CC_{}", machine.target.replace('-', "_")), machine.compiler)
        .status()
        .context("cannot start cargo")?;
    if !status.success() {
        bail!("the build for {} failed; what cargo said stands above", machine.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_not_known_is_refused_with_those_that_are() {
        let refused = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            run(Path::new("."), &words).expect_err("refused").to_string()
        };
        assert!(refused(&[]).contains("aarch64"));
        assert!(refused(&["vax"]).contains("no machine `vax`; use one of: aarch64, x86_64"));
    }
}
