//! Roles that no person types: the agent inside an environment, and the monitor of one
//! container. Chosen by the first argument, before the command line is parsed and before
//! any thread exists.

use std::process::ExitCode;

use weighbridge_agent::{AgentOptions, serve};
use weighbridge_environment::{container_monitor, monitor_directory};

/// Plays a hidden role to its end; `None` where the arguments name none.
#[allow(
    clippy::print_stderr,
    reason = "a role's standard error is the log that its environment keeps"
)]
pub(super) fn hidden_role() -> Option<ExitCode> {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(directory) = monitor_directory(&arguments) {
        return Some(container_monitor(&directory));
    }
    let (role, rest) = arguments.split_first()?;
    if role != "agent" {
        return None;
    }
    Some(match agent(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(source) = cause {
                text = format!("{text}: {source}");
                cause = source.source();
            }
            eprintln!("weighbridge agent: {text}");
            ExitCode::FAILURE
        }
    })
}

fn agent(rest: &[std::ffi::OsString]) -> Result<(), Box<dyn std::error::Error>> {
    let simulate = match rest {
        [] => None,
        [flag, seed] if flag == "--simulate" => {
            Some(seed.to_str().ok_or("the seed is not a number")?.parse()?)
        }
        _ => return Err("an agent takes no arguments but `--simulate SEED`".into()),
    };
    let directory = std::env::current_dir()?;
    serve(&AgentOptions { simulate, ..AgentOptions::new(directory) })?;
    Ok(())
}
