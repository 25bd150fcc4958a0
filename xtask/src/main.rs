//! The project's own rules, made executable: `cargo run -p xtask -- tidy`.
//!
//! What a compiler cannot see and a reviewer forgets: which crate may see which, how long a
//! file may grow, that every promised number names its proof. What this tool deliberately
//! does **not** do: format, lint, or fix anything.

mod dependencies;
mod files;
mod specification;

use std::path::PathBuf;
use std::process::ExitCode;

/// One broken rule: where, and what to do.
struct Finding {
    place: String,
    message: String,
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]
fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("tidy") {
        eprintln!("usage: cargo run -p xtask -- tidy");
        return ExitCode::from(2);
    }
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let findings = [dependencies::check(&root), files::check(&root), specification::check(&root)]
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
