//! The command line: what can be typed, and which stage answers it.
//!
//! Parsing touches nothing outside. Every command gets what it needs handed in; exit codes
//! are 0 done, 1 failed, 2 usage, 3 the run finished but something asked for gave nothing.

mod app_export;
mod app_result;
mod app_run;
mod applications;
mod arguments;
mod bills;
mod campaigns;
mod check;
mod engines;
mod environments;
mod load;
mod model_choice;
mod output;
mod prices;
mod reading;
mod roles;
mod schema;
mod serve;
mod spool;
mod weigh;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
pub(crate) use output::note;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All that was asked is there.
    Done,
    /// The user stopped it.
    Interrupted,
    /// The run finished, but a cell gave no number or an environment was not available.
    Incomplete,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Interrupted => Self::from(1),
            Outcome::Incomplete => Self::from(3),
        }
    }
}

/// Runs the role or the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    if let Some(code) = roles::hidden_role() {
        return code;
    }
    let arguments = Arguments::parse();
    match dispatch(arguments.command) {
        Ok(outcome) => outcome.into(),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::print_error(&error);
            let usage = error.downcast_ref::<UsageError>().is_some()
                || error.downcast_ref::<weighbridge_price::PriceError>().is_some()
                || error.downcast_ref::<weighbridge_price::list::QuoteError>().is_some()
                || error.downcast_ref::<weighbridge_experiment::file::FileError>().is_some();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// A mistake in what was typed, found after parsing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

fn dispatch(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::App(arguments) => return applications::app(arguments),
        Command::Check(arguments) => return check::check(&arguments),
        Command::Price(arguments) => return prices::price(&arguments),
        Command::Bill(arguments) => return bills::bill(&arguments),
        Command::Completions { shell } => return completions(shell),
        Command::Engine(arguments) => return engines::engine(arguments),
        Command::Man => return manual(),
        Command::Schema { name } => return schema::print(name),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(async {
        match command {
            Command::Run(arguments) => weigh::run(arguments).await,
            Command::Campaign(arguments) => campaigns::campaign(arguments).await,
            Command::Env(arguments) => environments::env(arguments).await,
            Command::Load(arguments) => load::load(*arguments).await,
            Command::Runs(arguments) => reading::runs(&arguments).await,
            Command::Report(arguments) => reading::report(&arguments).await,
            Command::Figure(arguments) => reading::figure(&arguments).await,
            Command::Compare(arguments) => reading::compare(&arguments).await,
            Command::Reap => weigh::reap().await,
            Command::Serve(arguments) => Box::pin(serve::serve(&arguments)).await,
            Command::App(_)
            | Command::Check(_)
            | Command::Bill(_)
            | Command::Price(_)
            | Command::Completions { .. }
            | Command::Engine(_)
            | Command::Man
            | Command::Schema { .. } => {
                unreachable!("answered above, without a runtime")
            }
        }
    })
}

fn completions(shell: clap_complete::Shell) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "weighbridge", &mut script);
    output::write_bytes(&script)?;
    Ok(Outcome::Done)
}

fn manual() -> anyhow::Result<Outcome> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .context("cannot render the manual page")?;
    output::write_bytes(&page)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
