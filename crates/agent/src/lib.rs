//! What runs inside an environment, and the one protocol over which it is asked.
//!
//! ```text
//! Hello → Welcome   Describe → Described   Prepare → Ready
//! Warmup → WarmupDone   Trial → TrialDone   Digest → Digested   Shutdown → Bye
//! ```
//!
//! * [`wire`]: the messages, and their frames over any byte stream.
//! * [`serve`]: the agent. Synchronous, on one thread besides those of the engine and the
//!   sampler, so that nothing of its own runs beside an inference.
//! * [`AgentClient`]: the other end, asynchronous.
//!
//! What this crate deliberately does **not** know: how its environment was made, what other
//! cells exist, the order of trials, prices, and what is done with its answers. The agent
//! reads files only in its own directory and the one beside it, and writes none but its socket
//! and, for as long as a benchmark runs, that benchmark's files.

mod benchmark;
mod client;
mod command;
mod engine;
mod files;
mod measured;
mod process;
mod server;
mod simulated;
mod task;
pub mod wire;
mod work;

pub use client::{AgentClient, ClientError, Transport};
pub use process::{PROCESS_ROLE, serve_process};
pub use server::{AgentError, AgentOptions, serve, serve_stream};
