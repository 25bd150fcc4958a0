//! The agent by itself, without the rest of Weighbridge: small enough to be built for another
//! processor and copied there.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use weighbridge_agent::{AgentOptions, PROCESS_ROLE, serve, serve_process};

const USAGE: &str = "usage: weighbridge-agent [--directory PATH] [--device PATH] [--simulate SEED] [--die-with-parent]";

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == PROCESS_ROLE) {
        return match serve_process() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "weighbridge-agent: {}", chain(&error));
                ExitCode::FAILURE
            }
        };
    }
    let (message, code) = match options(std::env::args().skip(1)) {
        Err(problem) => (format!("{problem}\n{USAGE}"), 2),
        Ok(options) => match serve(&options) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => (chain(&error), 1),
        },
    };
    // Without standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "weighbridge-agent: {message}");
    ExitCode::from(code)
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<AgentOptions, String> {
    let mut options = AgentOptions::new(PathBuf::from("."));
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--directory" => options.directory = PathBuf::from(value()?),
            "--device" => options.device = Some(PathBuf::from(value()?)),
            "--listening-stdin" => options.listening_stdin = true,
            "--simulate" => {
                let seed = value()?;
                options.simulate = Some(
                    seed.parse()
                        .map_err(|_| format!("`{seed}` is not a seed; give a whole number"))?,
                );
            }
            "--die-with-parent" => options.die_with_parent = true,
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    Ok(options)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
