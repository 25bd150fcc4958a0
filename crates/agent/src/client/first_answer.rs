//! The answer to a greeting, on a stream on which an earlier client may have left something.
//!
//! A port of a virtual serial bus outlives its clients: what the agent said to one that left,
//! whole or cut in two, may come first. It is passed over, up to the first answer that can
//! only be one to a greeting. On a fresh connection that is the first thing that comes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::wire::{Answer, FrameError, Stage, checked_length, decode};

/// How an answer begins in CBOR, after the header of its map: the text of six bytes "answer".
const ANSWER: &[u8] = b"\x66answer";
/// Longest run of bytes without an answer in it that is still taken for remains.
const REMAINS_BYTES_MAX: usize = 64 << 20;

/// Reads until there is an answer to a greeting.
pub(super) async fn first_answer<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Answer, FrameError> {
    let mut read = Vec::new();
    loop {
        match answer_in(&mut read) {
            Some(answer) => return Ok(answer),
            None if read.len() > REMAINS_BYTES_MAX => {
                return Err(FrameError::TooLong { length: read.len() as u64 });
            }
            None => {}
        }
        if stream.read_buf(&mut read).await.map_err(FrameError::Stream)? == 0 {
            let nothing = read.is_empty();
            let cut = FrameError::Stream(io::ErrorKind::UnexpectedEof.into());
            return Err(if nothing { FrameError::Closed } else { cut });
        }
    }
}

/// The answer to a greeting in what was read; what certainly is none is dropped.
fn answer_in(read: &mut Vec<u8>) -> Option<Answer> {
    let mut from = 0;
    while let Some(at) = next_frame(read, from) {
        let head = [read[at], read[at + 1], read[at + 2], read[at + 3]];
        let length = checked_length(head).ok()? as usize;
        let Some(body) = read.get(at + 4..at + 4 + length) else {
            // The rest is still to come, unless this only looks like the head of a frame.
            return greeting_answer_after(read, at + 1);
        };
        match decode(body) {
            Ok(answer) if answers_a_greeting(&answer) => return Some(answer),
            // An answer to somebody else, or one that was cut and runs into the next, by
            // chance in a shape that can be read: the search goes on inside it.
            Ok(_) | Err(_) => from = at + 1,
        }
    }
    read.drain(..from);
    None
}

/// An answer that lies whole behind a frame which is cut short.
fn greeting_answer_after(read: &[u8], mut from: usize) -> Option<Answer> {
    while let Some(at) = next_frame(read, from) {
        let length = u32::from_be_bytes([read[at], read[at + 1], read[at + 2], read[at + 3]]);
        let body = read.get(at + 4..at + 4 + length as usize);
        if let Some(answer) = body.and_then(|body| decode(body).ok())
            && answers_a_greeting(&answer)
        {
            return Some(answer);
        }
        from = at + 1;
    }
    None
}

/// Where the next thing begins that looks like an answer's frame.
fn next_frame(read: &[u8], from: usize) -> Option<usize> {
    let mut start = from;
    loop {
        let found = read.get(start..)?.windows(ANSWER.len()).position(|w| w == ANSWER)?;
        let text = start + found;
        if let Some(at) = text.checked_sub(5).filter(|at| *at >= from) {
            let head = [read[at], read[at + 1], read[at + 2], read[at + 3]];
            if (0xa0..=0xb7).contains(&read[text - 1]) && checked_length(head).is_ok() {
                return Some(at);
            }
        }
        start = text + 1;
    }
}

fn answers_a_greeting(answer: &Answer) -> bool {
    match answer {
        Answer::Welcome(_) | Answer::VersionRefused { .. } => true,
        Answer::Failed(failure) => matches!(failure.stage, Stage::Hello | Stage::Wire),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Failure, Welcome, encode};

    fn welcome() -> Answer {
        Answer::Welcome(Welcome {
            protocol: 2,
            agent_version: "1".into(),
            process: 7,
            simulated: false,
            guest: None,
        })
    }

    async fn found(bytes: &[u8]) -> Result<Answer, FrameError> {
        first_answer(&mut &*bytes).await
    }

    #[tokio::test]
    async fn answers_to_somebody_else_are_passed_over_whole_or_cut() {
        let trial = Failure::new(Stage::Trial, "nothing was prepared");
        let stale = encode(&Answer::Failed(trial)).unwrap();
        for cut in 0..=stale.len() {
            for before in [&stale[..cut], &stale[cut..]] {
                let mut bytes = before.to_vec();
                bytes.extend(encode(&welcome()).unwrap());
                assert_eq!(found(&bytes).await.unwrap(), welcome(), "cut at {cut}");
            }
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_an_end_is_an_end() {
        let refused = Answer::Failed(Failure::new(Stage::Hello, "its token is wrong"));
        assert_eq!(found(&encode(&refused).unwrap()).await.unwrap(), refused);
        assert!(matches!(found(b"").await, Err(FrameError::Closed)));
        assert!(matches!(found(b"HTTP/1.1 400").await, Err(FrameError::Stream(_))));
    }

    proptest! {
        #[test]
        fn a_welcome_is_found_behind_anything(before in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = before;
            bytes.extend(encode(&welcome()).unwrap());
            prop_assert_eq!(answer_in(&mut bytes), Some(welcome()));
        }
    }
}
