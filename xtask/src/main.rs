//! The project's own rules, made executable: `cargo run -p xtask -- tidy`; and its fuzz
//! targets: `cargo run -p xtask -- fuzz [TARGET] [--seconds N]`; and agents for other
//! processors: `cargo run -p xtask -- agent MACHINE`.
//!
//! What a compiler cannot see and a reviewer forgets: which crate may see which, how long a
//! file may grow, that every promised number names its proof. What this tool deliberately
//! does **not** do: format, lint, or fix anything.

mod agent;
mod dependencies;
mod files;
mod fuzz;
mod specification;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// One broken rule: where, and what to do.
struct Finding {
    place: String,
    message: String,
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    match arguments.first().map(String::as_str) {
        Some("tidy") => tidy(&root),
        Some("fuzz") => ended("fuzz", fuzz::run(&root, &arguments[1..])),
        Some("agent") => ended("agent", agent::run(&root, &arguments[1..])),
        _ => {
            eprintln!(
                "usage: cargo run -p xtask -- tidy | fuzz [TARGET] [--seconds N] | agent MACHINE"
            );
            ExitCode::from(2)
        }
    }
}

#[allow(clippy::print_stderr, reason = "a command-line tool")]
fn ended(what: &str, outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{what}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]
fn tidy(root: &Path) -> ExitCode {
    let findings = [dependencies::check(root), files::check(root), specification::check(root)]
        .into_iter()
        .collect::<anyhow::Result<Vec<_>>>();
    match findings {
        Err(error) => {
            eprintln!("tidy: {error:#}");
            ExitCode::FAILURE
        }
        Ok(findings) => {
            let findings: Vec<_> = findings.into_iter().flatten().collect();
            for finding in &findings {
                println!("{}: {}", finding.place, finding.message);
            }
            println!("tidy: {} findings", findings.len());
            if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}
