//! A stand-in for the real executable, for this crate's tests: an agent that does on
//! command what an agent must not do, the monitor of containers, and a parent to be killed.
//!
//! Unlike the real agent it outlives its connections and its parent, so that the tests
//! prove the environment's own clean-up.

// It speaks to the tests over its standard streams.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use weighbridge_environment::{container_monitor, monitor_directory, open};
use weighbridge_experiment::{
    AgentLaunch, CpuCount, CreateRequest, EnvironmentKind, EnvironmentSettings, InstanceId, Limits,
    Resource,
};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(directory) = monitor_directory(&arguments) {
        return container_monitor(&directory);
    }
    let arguments: Vec<String> =
        arguments.into_iter().map(|a| a.into_string().expect("text")).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--version"] => ExitCode::SUCCESS,
        ["make", kind, directory] => make_and_wait(kind, directory.into()),
        ["agent", "exit", code] => {
            eprintln!("leaving as asked");
            code.parse::<u8>().expect("a code").into()
        }
        ["agent", "allocate", mebibytes] => allocate(mebibytes.parse().expect("a number")),
        _ => serve(&arguments),
    }
}

/// A parent that makes one instance and then does nothing, until it is killed.
fn make_and_wait(kind: &str, directory: PathBuf) -> ExitCode {
    let kind = EnvironmentKind::from_name(kind).expect("a kind");
    let name = directory.file_name().expect("a name").to_str().expect("text").to_owned();
    let request = CreateRequest {
        resource: Resource { kind, instance: InstanceId(name), directory, locator: None },
        limits: Limits { cpus: CpuCount::new(1.0).expect("a count"), memory: None },
        agent: AgentLaunch {
            executable: std::env::current_exe().expect("a path"),
            arguments: vec!["agent".into()],
            libraries: Vec::new(),
        },
        settings: EnvironmentSettings::of_kind(kind),
        service_ports: Vec::new(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let environment = open(kind);
    runtime.block_on(environment.create(&request)).expect("an instance");
    println!("made");
    std::thread::sleep(Duration::from_secs(600));
    ExitCode::FAILURE
}

/// Touches memory until it is killed for it.
fn allocate(mebibytes: usize) -> ExitCode {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..mebibytes {
        kept.push(vec![1; 1 << 20]);
    }
    eprintln!("{} MiB were given", kept.len());
    ExitCode::SUCCESS
}

/// Answers one line for each line, for any number of connections.
fn serve(arguments: &[String]) -> ExitCode {
    let listener = if arguments.iter().any(|word| word == "--listening-stdin") {
        let inherited = std::io::stdin().as_fd().try_clone_to_owned().expect("a listening socket");
        UnixListener::from(inherited)
    } else {
        UnixListener::bind("agent.sock").expect("agent.sock")
    };
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        std::thread::spawn({
            let arguments = arguments.to_vec();
            move || {
                let mut writer = stream.try_clone().expect("a stream");
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let answer = answer(&line, &arguments);
                    if writeln!(writer, "{answer}").is_err() {
                        return;
                    }
                }
            }
        });
    }
    ExitCode::FAILURE
}

fn answer(line: &str, arguments: &[String]) -> String {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("arguments", _) => arguments.join(" "),
        ("environment", _) => {
            let mut names: Vec<_> = std::env::vars().map(|(n, v)| format!("{n}={v}")).collect();
            names.sort();
            names.join(" ")
        }
        ("list", directory) => match std::fs::read_dir(directory) {
            Ok(entries) => {
                let mut names: Vec<_> = entries
                    .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                    .collect();
                names.sort();
                names.join(" ")
            }
            Err(error) => error.to_string(),
        },
        ("read", path) => std::fs::read_to_string(path).unwrap_or_else(|e| e.to_string()),
        ("write", path) => match std::fs::write(path, "written") {
            Ok(()) => "done".into(),
            Err(error) => error.to_string(),
        },
        ("spin", _) => {
            std::thread::spawn(|| {
                let mut number = 0_u64;
                loop {
                    number = std::hint::black_box(number.wrapping_add(1));
                }
            });
            "spinning".into()
        }
        _ => "what?".into(),
    }
}
