//! `weighbridge`: the one executable, in all of its roles.
//!
//! Three roles never meet in one process: the command a person runs, the agent inside an
//! environment, and the monitor that supervises one container. The last two are chosen
//! before any thread exists, because a container is cloned from a single-threaded process.

mod campaign;
mod cli;
mod clock;
mod data_directory;
mod engines;
mod interrupt;
mod run;

use std::process::ExitCode;

/// musl's and glibc's allocators cost the inference engine up to 30 %.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
