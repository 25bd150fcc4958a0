//! As much of SFTP version 3 as putting files needs (draft-ietf-secsh-filexfer-02): the version
//! that OpenSSH's server speaks.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use thiserror::Error;

const VERSION: u32 = 3;
/// OpenSSH's clients send pieces of this size.
const PIECE: usize = 32 << 10;
/// So many pieces may be under way, as with OpenSSH's clients.
const OUTSTANDING_MAX: usize = 64;
/// No answer to what is asked here is larger.
const ANSWER_MAX: u32 = 256 << 10;
/// Directories of earlier runs that were not removed are passed by, but not for ever.
const DIRECTORIES_MAX: u32 = 1000;

const INIT: u8 = 1;
const IS_VERSION: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const WRITE: u8 = 6;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RMDIR: u8 = 15;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;

/// Write, create, cut.
const OPEN_FLAGS: u32 = 0x02 | 0x08 | 0x10;
const OK: u32 = 0;

/// Why a request did not work.
#[derive(Debug, Error)]
pub(super) enum SftpError {
    #[error("the connection ended")]
    Ended(#[source] io::Error),
    #[error("the server answered what SFTP 3 does not have there")]
    Unexpected,
    #[error("the server refused to {what} `{path}`: {reason}")]
    Refused { what: &'static str, path: String, reason: String },
}

impl From<io::Error> for SftpError {
    fn from(error: io::Error) -> Self {
        Self::Ended(error)
    }
}

/// A session over any pair of streams.
pub(super) struct Session<R, W> {
    input: R,
    output: W,
    next: u32,
}

/// A request being written.
struct Packet(Vec<u8>);

impl Packet {
    fn new(kind: u8, id: u32) -> Self {
        // The length is filled in when it is sent.
        let mut bytes = vec![0, 0, 0, 0, kind];
        bytes.extend(id.to_be_bytes());
        Self(bytes)
    }

    fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    fn offset(mut self, offset: u64) -> Self {
        self.0.extend(offset.to_be_bytes());
        self
    }

    fn text(mut self, text: &[u8]) -> Self {
        self.0.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(text);
        self
    }

    fn finished(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

/// An answer being read.
struct Answer {
    kind: u8,
    body: Vec<u8>,
    at: usize,
}

impl Answer {
    fn number(&mut self) -> Result<u32, SftpError> {
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_be_bytes).map_err(|_| SftpError::Unexpected)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], SftpError> {
        let end = self.at.checked_add(count).ok_or(SftpError::Unexpected)?;
        let piece = self.body.get(self.at..end).ok_or(SftpError::Unexpected)?;
        self.at = end;
        Ok(piece)
    }

    fn text(&mut self) -> Result<Vec<u8>, SftpError> {
        let length = self.number()? as usize;
        self.take(length).map(<[u8]>::to_vec)
    }
}

impl<R: Read, W: Write> Session<R, W> {
    /// Agrees on the version.
    pub(super) fn begin(input: R, output: W) -> Result<Self, SftpError> {
        let mut session = Self { input, output, next: 1 };
        session.output.write_all(&[0, 0, 0, 5, INIT])?;
        session.output.write_all(&VERSION.to_be_bytes())?;
        session.output.flush()?;
        let mut answer = session.answer()?;
        if answer.kind == IS_VERSION && answer.number()? == VERSION {
            Ok(session)
        } else {
            Err(SftpError::Unexpected)
        }
    }

    fn answer(&mut self) -> Result<Answer, SftpError> {
        let mut head = [0; 5];
        self.input.read_exact(&mut head)?;
        let [a, b, c, d, kind] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        if !(1..=ANSWER_MAX).contains(&length) {
            return Err(SftpError::Unexpected);
        }
        let mut body = vec![0; length as usize - 1];
        self.input.read_exact(&mut body)?;
        Ok(Answer { kind, body, at: 0 })
    }

    fn send(&mut self, kind: u8, fill: impl FnOnce(Packet) -> Packet) -> Result<u32, SftpError> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.output.write_all(&fill(Packet::new(kind, id)).finished())?;
        self.output.flush()?;
        Ok(id)
    }

    /// The status that answers a request; `Err` inside says why it was refused.
    fn status(&mut self, id: u32) -> Result<Result<(), String>, SftpError> {
        let mut answer = self.answer()?;
        if answer.kind != STATUS || answer.number()? != id {
            return Err(SftpError::Unexpected);
        }
        let code = answer.number()?;
        if code == OK {
            return Ok(Ok(()));
        }
        let words = answer.text().unwrap_or_default();
        Ok(Err(format!("{} (code {code})", String::from_utf8_lossy(&words))))
    }

    fn simple(&mut self, kind: u8, what: &'static str, path: &str) -> Result<(), SftpError> {
        let id = self.send(kind, |packet| match kind {
            MKDIR => packet.text(path.as_bytes()).number(0),
            _ => packet.text(path.as_bytes()),
        })?;
        let refused = |reason| SftpError::Refused { what, path: path.to_owned(), reason };
        self.status(id)?.map_err(refused)
    }

    /// Makes a directory of this name with a number behind it that no other has.
    pub(super) fn make_directory(&mut self, name: &str) -> Result<String, SftpError> {
        let mut number = 0;
        loop {
            let path = format!("{name}-{number}");
            match self.simple(MKDIR, "make the directory", &path) {
                Ok(()) => return Ok(path),
                Err(SftpError::Refused { .. }) if number < DIRECTORIES_MAX => number += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Removes a directory that is empty.
    pub(super) fn remove_directory(&mut self, path: &str) -> Result<(), SftpError> {
        self.simple(RMDIR, "remove the directory", path)
    }

    /// Removes a file.
    pub(super) fn remove(&mut self, path: &str) -> Result<(), SftpError> {
        self.simple(REMOVE, "remove", path)
    }

    /// Writes a file and closes it. Pieces are sent before earlier ones are answered, as
    /// OpenSSH's clients do it.
    pub(super) fn put(&mut self, path: &str, content: &[u8]) -> Result<(), SftpError> {
        let refused =
            |reason: String| SftpError::Refused { what: "write", path: path.to_owned(), reason };
        let id =
            self.send(OPEN, |packet| packet.text(path.as_bytes()).number(OPEN_FLAGS).number(0))?;
        let mut answer = self.answer()?;
        let answers = answer.number()?;
        let handle = match answer.kind {
            HANDLE if answers == id => answer.text()?,
            STATUS => {
                let code = answer.number()?;
                let words = answer.text().unwrap_or_default();
                let words = String::from_utf8_lossy(&words);
                return Err(refused(format!("{words} (code {code})")));
            }
            _ => return Err(SftpError::Unexpected),
        };
        let mut asked = VecDeque::new();
        let mut offset = 0_u64;
        for piece in content.chunks(PIECE) {
            if asked.len() == OUTSTANDING_MAX
                && let Some(oldest) = asked.pop_front()
            {
                self.status(oldest)?.map_err(refused)?;
            }
            let write = |packet: Packet| packet.text(&handle).offset(offset).text(piece);
            asked.push_back(self.send(WRITE, write)?);
            offset += piece.len() as u64;
        }
        for id in asked {
            self.status(id)?.map_err(refused)?;
        }
        let id = self.send(CLOSE, |packet| packet.text(&handle))?;
        self.status(id)?.map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body: Vec<u8> = parts.concat();
        let length = u32::try_from(body.len() + 1).expect("short");
        [&length.to_be_bytes()[..], &[kind], &body].concat()
    }

    fn status(id: u32, code: u32, words: &str) -> Vec<u8> {
        let length = u32::try_from(words.len()).expect("short");
        let parts: [&[u8]; 5] = [
            &id.to_be_bytes(),
            &code.to_be_bytes(),
            &length.to_be_bytes(),
            words.as_bytes(),
            &[0, 0, 0, 0],
        ];
        packet(STATUS, &parts)
    }

    fn version() -> Vec<u8> {
        packet(IS_VERSION, &[&VERSION.to_be_bytes()])
    }

    #[test]
    fn a_file_is_opened_written_in_pieces_and_closed() {
        let handle = packet(HANDLE, &[&1_u32.to_be_bytes(), &1_u32.to_be_bytes(), b"h"]);
        let answers =
            [version(), handle, status(2, 0, ""), status(3, 0, ""), status(4, 0, "")].concat();
        let mut sent = Vec::new();
        let mut session = Session::begin(&answers[..], &mut sent).expect("a session");
        session.put("d/0", &[7; 48_000]).expect("written");
        let mut kinds = Vec::new();
        let mut rest = &sent[..];
        let mut bytes = 0;
        while let Some((head, tail)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            kinds.push(tail[0]);
            if tail[0] == WRITE {
                // Id, handle of one byte, offset, length.
                bytes += length - (1 + 4 + 5 + 8 + 4);
            }
            rest = &tail[length..];
        }
        assert_eq!(kinds, [INIT, OPEN, WRITE, WRITE, CLOSE]);
        assert_eq!(bytes, 48_000);
    }

    #[test]
    fn a_refusal_says_why() {
        let answers = [version(), status(1, 3, "Permission denied")].concat();
        let mut session = Session::begin(&answers[..], io::sink()).expect("a session");
        let error = session.put("d/0", b"x").expect_err("refused").to_string();
        assert!(error.contains("write `d/0`: Permission denied (code 3)"), "{error}");
    }

    #[test]
    fn a_taken_name_is_passed_by() {
        let answers = [version(), status(1, 4, "Failure"), status(2, 0, "")].concat();
        let mut session = Session::begin(&answers[..], io::sink()).expect("a session");
        assert_eq!(session.make_directory("d").expect("made"), "d-1");
    }

    #[test]
    fn what_is_no_sftp_is_refused() {
        for answers in
            [&b""[..], b"\0\0\0\0x", b"\xff\xff\xff\xffxxxx", b"\0\0\0\x05\x02\0\0\0\x09"]
        {
            assert!(Session::begin(answers, io::sink()).is_err(), "{answers:?}");
        }
    }
}
