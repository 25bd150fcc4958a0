//! The project's own rules, made executable: `cargo run -p xtask -- tidy`; and its fuzz
//! targets: `cargo run -p xtask -- fuzz [TARGET] [--seconds N]`.
//!
//! What a compiler cannot see and a reviewer forgets: which crate may see which, how long a
//! file may grow, that every promised number names its proof. What this tool deliberately
//! does **not** do: format, lint, or fix anything.

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
        Some("fuzz") => match fuzz::run(&root, &arguments[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("fuzz: {error:#}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: cargo run -p xtask -- tidy | fuzz [TARGET] [--seconds N]");
            ExitCode::from(2)
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
