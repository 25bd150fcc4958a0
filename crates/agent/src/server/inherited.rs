//! A socket that somebody else made and that listens already: standard input.
//!
//! In a guest of Firecracker it is a socket of the host's and the guest's own family
//! (vsock(7)), of which nothing here needs to know. Serves one client after the other.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use rustix::net::{SocketFlags, accept_with};

use super::{AgentError, Parting, converse, wait_for_client};

/// Serves clients until one tells the agent to end, or none comes.
pub(super) fn serve(simulate: Option<u64>, within: Duration) -> Result<(), AgentError> {
    serve_on(std::io::stdin(), simulate, within)
}

fn serve_on(
    listener: impl AsFd,
    simulate: Option<u64>,
    within: Duration,
) -> Result<(), AgentError> {
    loop {
        wait_for_client(&listener, within)?;
        let accepted = accept_with(&listener, SocketFlags::CLOEXEC);
        let client = accepted.map_err(|error| AgentError::Accept(error.into()))?;
        match converse(File::from(client), Path::new("."), simulate) {
            Ok(Parting::Told) => return Ok(()),
            // What one client did wrong has been answered and is over with it.
            Ok(Parting::Left) | Err(AgentError::Wire(_) | AgentError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;
    use crate::wire::{Answer, Hello, PROTOCOL, Request, encode, read_frame};

    const SOON: Duration = Duration::from_secs(20);

    fn greet(socket: &Path) -> UnixStream {
        let mut stream = UnixStream::connect(socket).unwrap();
        let hello = Request::Hello(Hello { protocol: PROTOCOL, token: None });
        stream.write_all(&encode(&hello).unwrap()).unwrap();
        assert!(matches!(read_frame(&mut stream).unwrap(), Answer::Welcome(_)));
        stream
    }

    #[test]
    fn clients_are_served_in_turn_until_one_says_that_it_is_enough() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let agent = std::thread::spawn(move || serve_on(listener, Some(1), SOON));
        drop(greet(&socket));
        UnixStream::connect(&socket).unwrap().write_all(b"nonsense of nobody").unwrap();
        let mut last = greet(&socket);
        last.write_all(&encode(&Request::Shutdown).unwrap()).unwrap();
        assert_eq!(read_frame::<Answer>(&mut last).unwrap(), Answer::Bye);
        agent.join().unwrap().unwrap();
    }

    #[test]
    fn a_socket_to_which_nobody_comes_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("s")).unwrap();
        let given_up = serve_on(listener, Some(1), Duration::from_millis(20));
        assert!(matches!(given_up, Err(AgentError::NobodyConnected { .. })));
    }
}
