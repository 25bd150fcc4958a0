//! Messages between an agent and whoever asks it, protocol 2.
//!
//! A frame is a big-endian 32-bit length and as many bytes of CBOR ([`read_frame`],
//! [`write_frame`]). The first request is [`Request::Hello`] with the version; every request
//! has exactly one answer, and a failure is an answer too, never a dropped connection.

mod engine;
mod frame;
mod message;
mod task;

pub use engine::{EngineChoice, SharedLibrary};
pub(crate) use frame::checked_length;
pub use frame::{FRAME_BYTES_MAX, FrameError, decode, encode, read_frame, write_frame};
pub use message::{
    Answer, Failure, FileToRead, Hello, Pass, Prepare, Ready, Request, Stage, Trial, TrialDone,
    WarmupDone, Welcome, wire_schema,
};
pub use task::{CommandTask, OnnxTask, Task, TensorToMake, TransferTask};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL: u32 = 2;

/// Most inferences of one pass: their timings must fit one frame.
pub const INFERENCES_MAX: u32 = 100_000;

/// Name of the agent's socket in its directory.
pub const SOCKET_NAME: &str = "agent.sock";

/// Name of the file in the agent's directory whose content a client must know, where the
/// file exists.
pub const TOKEN_NAME: &str = "token";
