//! Roles that no person types: the agent inside an environment, the first process of a
//! virtual machine, the monitor of one container, and the bare loop that `bench/harness_bias.py` holds a run against. Chosen by the first argument, before the command line is parsed and before
//! any thread exists.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use weighbridge_agent::{AgentOptions, PROCESS_ROLE, serve, serve_process};
use weighbridge_environment::{container_monitor, guest_init, is_guest_init, monitor_directory};
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::{Input, Session, catalogue};

use crate::engines::{VERSION_ROLE, version_role};

/// Plays a hidden role to its end; `None` where the arguments name none.
#[allow(
    clippy::print_stderr,
    reason = "a role's standard error is the log that its environment keeps"
)]
pub(super) fn hidden_role() -> Option<ExitCode> {
    if is_guest_init() {
        guest_init();
        return Some(ExitCode::SUCCESS);
    }
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(directory) = monitor_directory(&arguments) {
        return Some(container_monitor(&directory));
    }
    let (role, rest) = arguments.split_first()?;
    let played = match role.to_str()? {
        "agent" => agent(rest),
        PROCESS_ROLE => serve_process().map_err(Into::into),
        VERSION_ROLE => engine_version(rest),
        "bare-loop" => bare_loop(rest),
        _ => return None,
    };
    Some(match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(source) = cause {
                text = format!("{text}: {source}");
                cause = source.source();
            }
            // Whoever tries a library shows the text as it is.
            if role == VERSION_ROLE {
                eprintln!("{text}");
            } else {
                eprintln!("weighbridge {}: {text}", role.display());
            }
            ExitCode::FAILURE
        }
    })
}

fn agent(rest: &[std::ffi::OsString]) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = AgentOptions::new(std::env::current_dir()?);
    match rest {
        [] => {}
        [flag, seed] if flag == "--simulate" => {
            options.simulate = Some(seed.to_str().ok_or("the seed is not a number")?.parse()?);
        }
        [flag, device] if flag == "--device" => options.device = Some(device.into()),
        [flag] if flag == "--listening-stdin" => options.listening_stdin = true,
        _ => {
            return Err(
                "an agent takes no arguments but `--simulate SEED`, `--device PATH` or `--listening-stdin`".into()
            );
        }
    }
    serve(&options)?;
    Ok(())
}

/// `engine-version LIBRARY`: loads ONNX Runtime and prints its version. A process of its own,
/// because a broken library may end it.
fn engine_version(rest: &[std::ffi::OsString]) -> Result<(), Box<dyn std::error::Error>> {
    let [library] = rest else { return Err("usage: engine-version LIBRARY".into()) };
    let version = version_role(Path::new(library))?;
    std::io::stdout().write_all(version.as_bytes())?;
    Ok(())
}

/// `bare-loop APPLICATION THREADS INFERENCES PHOTO`: the shipped model on one photo with no
/// agent, no wire and no meters around it, by the very code that a trial runs. Prints the
/// engine's call of each inference in nanoseconds, one a line.
fn bare_loop(rest: &[std::ffi::OsString]) -> Result<(), Box<dyn std::error::Error>> {
    let words: Option<Vec<&str>> = rest.iter().map(|word| word.to_str()).collect();
    let Some([application, threads, inferences, photo]) = words.as_deref() else {
        return Err("usage: bare-loop APPLICATION THREADS INFERENCES PHOTO".into());
    };
    let application = ApplicationName::from_name(application).ok_or("no such application")?;
    let input = Input::new(*photo, std::fs::read(photo)?);
    let model = (catalogue::shipped(application).model)().into_owned();
    let mut session = Session::load(application, model, threads.parse()?)?;
    let mut times = Vec::new();
    for _ in 0..inferences.parse()? {
        let (_, timing) = session.run_once(&input)?;
        times.push(timing.infer_nanoseconds.to_string());
    }
    std::io::stdout().write_all((times.join("\n") + "\n").as_bytes())?;
    Ok(())
}
