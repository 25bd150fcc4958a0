//! The agent's end of a character device, such as a port of a virtual serial bus.
//!
//! A device is no connection: clients come and go on the other side, and what one of them
//! left half-sent is still there when the next one begins. So each conversation begins at the
//! first `hello` that is found, whatever lies before it, and ends where the next one is found
//! or the device says that nobody is there. Does not know which kind of device it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::{AgentError, Parting, converse};

/// As much as is read at once.
const PIECE_BYTES: usize = 32 << 10;
/// A greeting is a few dozen bytes; a token makes it a little longer.
const HELLO_BYTES_MAX: u32 = 4096;
/// How `hello` begins in CBOR, after the header of its map: the text of seven bytes
/// "request", the text of five bytes "hello" (RFC 8949, section 3).
const HELLO: &[u8] = b"\x67request\x65hello";
/// A device without a client is ready at once, each time it is asked.
const NOBODY_PAUSE: Duration = Duration::from_millis(5);

/// Serves one client after the other until one tells the agent to end, or none comes.
pub(super) fn serve(
    device: &Path,
    simulate: Option<u64>,
    within: Duration,
) -> Result<(), AgentError> {
    let failed = |source| AgentError::Device { path: device.to_owned(), source };
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        // Waiting is done by poll, which also tells when the other side has left.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(device)
        .map_err(failed)?;
    serve_port(&mut Port::<File>::new(opened), simulate, within, failed)
}

fn serve_port<D: Read + Write + AsFd>(
    port: &mut Port<D>,
    simulate: Option<u64>,
    within: Duration,
    failed: impl Fn(io::Error) -> AgentError,
) -> Result<(), AgentError> {
    loop {
        if !port.next_client(within).map_err(&failed)? {
            return Err(AgentError::NobodyConnected { seconds: within.as_secs() });
        }
        match converse(&mut *port, Path::new("."), simulate) {
            Ok(Parting::Told) => return Ok(()),
            // What one client did wrong has been answered and is over with it.
            Ok(Parting::Left) | Err(AgentError::Wire(_) | AgentError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A device with what was read from it and not yet asked for.
struct Port<D> {
    device: D,
    read: Vec<u8>,
    /// What before here was asked for.
    begin: usize,
    /// Where the greeting of the present client ends; no other one is looked for before.
    greeting_end: usize,
}

impl<D: Read + Write + AsFd> Port<D> {
    fn new(device: D) -> Self {
        Self { device, read: Vec::new(), begin: 0, greeting_end: 0 }
    }

    /// Drops what comes until a greeting does; `false` when none does in time.
    fn next_client(&mut self, within: Duration) -> io::Result<bool> {
        let began = Instant::now();
        loop {
            if let Some((at, end)) = greeting(&self.read[self.begin..]) {
                self.greeting_end = self.begin + end;
                self.begin += at;
                return Ok(true);
            }
            // The beginning of one may be there already.
            let kept = self.read.len().saturating_sub(HELLO_BYTES_MAX as usize).max(self.begin);
            self.read.drain(..kept);
            (self.begin, self.greeting_end) = (0, 0);
            let left = within.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(false);
            }
            match self.fill(Some(left)) {
                Ok(0) => std::thread::sleep(NOBODY_PAUSE.min(left)),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Appends what the device has; 0 when nobody is on the other side.
    fn fill(&mut self, within: Option<Duration>) -> io::Result<usize> {
        let before = self.read.len();
        self.read.resize(before + PIECE_BYTES, 0);
        let count = loop {
            match self.device.read(&mut self.read[before..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = wait(&self.device, PollFlags::IN, within) {
                        break Err(error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.read.truncate(before + count.as_ref().copied().unwrap_or(0));
        count
    }
}

impl<D: Read + Write + AsFd> Read for Port<D> {
    /// The end is where the client has left, or where another one begins.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.begin == self.read.len() {
            self.read.clear();
            (self.begin, self.greeting_end) = (0, 0);
            if self.fill(None)? == 0 {
                return Ok(0);
            }
        }
        let from = self.begin.max(self.greeting_end).min(self.read.len());
        let end = greeting(&self.read[from..]).map_or(self.read.len(), |(at, _)| from + at);
        let count = into.len().min(end - self.begin);
        into[..count].copy_from_slice(&self.read[self.begin..self.begin + count]);
        self.begin += count;
        Ok(count)
    }
}

impl<D: Read + Write + AsFd> Write for Port<D> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.device.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = wait(&self.device, PollFlags::OUT, None)?;
                    // Without a client there is never room; the answer is nobody's any more.
                    if ready.contains(PollFlags::HUP) {
                        return Err(io::ErrorKind::BrokenPipe.into());
                    }
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.device.flush()
    }
}

fn wait(device: &impl AsFd, what: PollFlags, within: Option<Duration>) -> io::Result<PollFlags> {
    let began = Instant::now();
    loop {
        let limit = within.map(|within| {
            let left = within.saturating_sub(began.elapsed());
            Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        let mut events = [PollFd::new(device, what)];
        match poll(&mut events, limit.as_ref()) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(events[0].revents()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Where the first greeting begins and ends, its frame's head included. The end may lie
/// beyond the bytes: the rest is still to come.
fn greeting(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = bytes[from..].windows(HELLO.len()).position(|window| window == HELLO) {
        let text = from + found;
        // Before the text stand the header of a map and the four bytes of the length.
        if let Some(at) = text.checked_sub(5) {
            let length =
                u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            let map = (0xa0..=0xb7).contains(&bytes[text - 1]);
            if map && length as usize > HELLO.len() && length <= HELLO_BYTES_MAX {
                return Some((at, at + 4 + length as usize));
            }
        }
        from = text + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::thread;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::{Answer, Hello, PROTOCOL, Request, encode, read_frame};

    const SOON: Duration = Duration::from_secs(20);

    fn hello() -> Vec<u8> {
        encode(&Request::Hello(Hello { protocol: PROTOCOL, token: None })).unwrap()
    }

    /// A socket stands in for the device: it never says that a client has left.
    fn served() -> (UnixStream, thread::JoinHandle<Result<(), AgentError>>) {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let agent = thread::spawn(move || {
            let failed = |source| AgentError::Device { path: "pair".into(), source };
            serve_port(&mut Port::new(far), Some(1), SOON, failed)
        });
        (near, agent)
    }

    fn assert_welcome(near: &mut UnixStream) {
        match read_frame(near).unwrap() {
            Answer::Welcome(welcome) => assert!(welcome.simulated),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_client_follows_another_whatever_the_first_left_half_sent() {
        let (mut near, agent) = served();
        near.write_all(b"stale bytes of nobody").unwrap();
        near.write_all(&hello()).unwrap();
        assert_welcome(&mut near);
        // The head of a long frame, of which the rest never comes.
        near.write_all(&[0, 0, 200, 0, 1, 2, 3]).unwrap();
        thread::sleep(Duration::from_millis(20));
        near.write_all(&hello()).unwrap();
        assert_welcome(&mut near);
        near.write_all(&hello()).unwrap();
        assert_welcome(&mut near);
        near.write_all(&encode(&Request::Shutdown).unwrap()).unwrap();
        assert_eq!(read_frame::<Answer>(&mut near).unwrap(), Answer::Bye);
        agent.join().unwrap().unwrap();
    }

    #[test]
    fn a_device_to_which_nobody_comes_is_given_up() {
        let (near, far) = UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        assert!(!Port::new(far).next_client(Duration::from_millis(30)).unwrap());
        let (gone, far) = UnixStream::pair().unwrap();
        drop(gone);
        assert!(!Port::new(far).next_client(Duration::from_millis(30)).unwrap());
        drop(near);
    }

    proptest! {
        #[test]
        fn a_greeting_is_found_behind_anything_and_in_nothing_else(
            before in proptest::collection::vec(any::<u8>(), 0..200),
            after in proptest::collection::vec(any::<u8>(), 0..50),
        ) {
            prop_assume!(greeting(&before).is_none());
            let mut bytes = before.clone();
            bytes.extend(hello());
            bytes.extend(&after);
            let expected = (before.len(), before.len() + hello().len());
            prop_assert_eq!(greeting(&bytes), Some(expected));
            let other = encode(&Request::Describe).unwrap();
            prop_assert_eq!(greeting(&other), None);
        }
    }
}
