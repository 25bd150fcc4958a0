use std::io;

use thiserror::Error;

use crate::wire::{Failure, FrameError};

/// Why an agent did not do what it was asked.
#[derive(Debug, Error)]
pub enum ClientError {
    /// Nobody listened in time.
    #[error(
        "the agent did not listen on {endpoint} within {seconds:.1} s; ask its environment how it ended"
    )]
    NotListening {
        /// Where it was expected.
        endpoint: String,
        /// How long it was waited for.
        seconds: f64,
        /// The last attempt.
        source: io::Error,
    },
    /// The endpoint cannot be used at all.
    #[error("cannot connect to the agent on {endpoint}")]
    Connect {
        /// Where.
        endpoint: String,
        /// Why.
        source: io::Error,
    },
    /// The connection ended. How the agent ended is known to its environment.
    #[error("the agent ended or dropped its connection during {during}")]
    Lost {
        /// What it had been asked.
        during: &'static str,
        /// How that showed.
        source: FrameError,
    },
    /// The two ends speak different versions.
    #[error(
        "the agent speaks protocol {theirs}, this program {ours}; the same executable must run on both ends"
    )]
    Version {
        /// Of this program.
        ours: u32,
        /// Of the agent.
        theirs: u32,
    },
    /// The agent tried and says why it failed.
    #[error("{0}")]
    Failed(Failure),
    /// The answer belongs to another request.
    #[error("the agent answered {asked} with something else; it does not follow the protocol")]
    Unexpected {
        /// What it had been asked.
        asked: &'static str,
    },
    /// A frame could not be made or understood.
    #[error("cannot exchange {during} with the agent")]
    Frame {
        /// What was asked.
        during: &'static str,
        /// Why.
        source: FrameError,
    },
    /// No answer in time.
    #[error("the agent did not answer {during} within {seconds:.1} s")]
    Deadline {
        /// What it had been asked.
        during: &'static str,
        /// How long it was waited for.
        seconds: f64,
    },
    /// A former request was given up before its answer, which may still come.
    #[error(
        "a former request to this agent was given up, so its next answer would be the wrong one; connect to a new agent"
    )]
    OutOfStep,
}
