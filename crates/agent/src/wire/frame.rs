use std::io::{self, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Largest frame, 64 MiB. A longer one is refused before anything is allocated for it.
pub const FRAME_BYTES_MAX: u32 = 64 << 20;

/// Why a frame could not be read or written.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The other end announced too much. The stream cannot be used any further.
    #[error(
        "a frame of {length} bytes was announced, at most {FRAME_BYTES_MAX} are accepted; the other end does not speak this protocol"
    )]
    TooLong {
        /// Announced length in bytes.
        length: u64,
    },
    /// The stream ended between two frames.
    #[error("the connection was closed")]
    Closed,
    /// The stream failed, or ended within a frame.
    #[error("the connection failed")]
    Stream(#[source] io::Error),
    /// The frame is not a message that is known.
    #[error("a frame of {length} bytes is not a message of this protocol: {reason}")]
    Decode {
        /// Its length in bytes.
        length: usize,
        /// What was wrong.
        reason: String,
    },
    /// The message cannot be written as CBOR.
    #[error("a message cannot be encoded: {reason}")]
    Encode {
        /// What was wrong.
        reason: String,
    },
}

impl FrameError {
    /// Whether the other end is gone.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Closed | Self::Stream(_))
    }
}

/// The length in a frame's head, if it is acceptable.
pub(crate) fn checked_length(head: [u8; 4]) -> Result<u32, FrameError> {
    let length = u32::from_be_bytes(head);
    if length > FRAME_BYTES_MAX {
        Err(FrameError::TooLong { length: length.into() })
    } else {
        Ok(length)
    }
}

/// A message from the body of a frame.
///
/// # Errors
///
/// The body is not CBOR, not of this message's shape, or longer than its message.
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, FrameError> {
    let fail = |reason| FrameError::Decode { length: body.len(), reason };
    let mut rest = body;
    let message = ciborium::from_reader(&mut rest).map_err(|error| fail(error.to_string()))?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(fail(format!("{} bytes follow the message", rest.len())))
    }
}

/// A whole frame: head and body.
///
/// # Errors
///
/// The message is too long or cannot be represented.
pub fn encode<M: Serialize>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    ciborium::into_writer(message, &mut frame)
        .map_err(|error| FrameError::Encode { reason: error.to_string() })?;
    let length = frame.len() - 4;
    let head = u32::try_from(length).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let head = head.ok_or(FrameError::TooLong { length: length as u64 })?;
    frame[..4].copy_from_slice(&head.to_be_bytes());
    Ok(frame)
}

/// Reads one message.
///
/// # Errors
///
/// As the variants say; [`FrameError::Closed`] only where the stream ends between frames.
pub fn read_frame<M: DeserializeOwned>(stream: &mut impl Read) -> Result<M, FrameError> {
    let mut head = [0; 4];
    let mut filled = 0;
    while filled < head.len() {
        match stream.read(&mut head[filled..]) {
            Ok(0) if filled == 0 => return Err(FrameError::Closed),
            Ok(0) => return Err(FrameError::Stream(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Stream(error)),
        }
    }
    let length = checked_length(head)?;
    // Grows with what arrives, not with what was announced.
    let mut body = Vec::new();
    let count = stream.take(length.into()).read_to_end(&mut body).map_err(FrameError::Stream)?;
    if count < length as usize {
        return Err(FrameError::Stream(io::ErrorKind::UnexpectedEof.into()));
    }
    decode(&body)
}

/// Writes one message.
///
/// # Errors
///
/// The message is too long, or the stream fails.
pub fn write_frame<M: Serialize>(stream: &mut impl Write, message: &M) -> Result<(), FrameError> {
    let frame = encode(message)?;
    stream.write_all(&frame).and_then(|()| stream.flush()).map_err(FrameError::Stream)
}
