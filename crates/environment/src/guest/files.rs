//! Files on their way into a running guest, over a port of its serial bus.
//!
//! The host sends a mark, a header and the content; the guest answers each file. A host that
//! was killed in the middle leaves a part of a file behind: the guest looks for the next mark.
//! Both ends are in here. Does not know what the files are for.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::net::{SocketFlags, accept_with};
use serde::{Deserialize, Serialize};
use weighbridge_experiment::InstanceId;

use super::{LIBRARIES, RUN};
use crate::environment::CopySource;
use crate::error::EnvironmentError;

/// Before each file.
const MARK: &[u8; 8] = b"wbfile1\n";
/// A header names one file.
const HEADER_BYTES_MAX: u32 = 64 << 10;
/// Between looks for a host, at first and at last: the guest must not be busy with waiting
/// while something is measured in it.
const EAGER_PAUSE: Duration = Duration::from_millis(2);
const PATIENT_PAUSE: Duration = Duration::from_millis(250);
const READ_BYTES: usize = 256 << 10;

/// Where a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// `work/NAME`, as the agent sees it.
    Work,
    /// `../lib/NAME`.
    Library,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    place: Place,
    name: String,
    bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Receipt {
    error: Option<String>,
}

/// A way to where the guest takes files; used once for each.
pub(crate) type Way<'a> = dyn Fn() -> io::Result<UnixStream> + 'a;

/// The way of a guest that has a port behind a socket of its own.
pub(crate) fn over_socket(socket: &Path) -> impl Fn() -> io::Result<UnixStream> {
    let socket = socket.to_owned();
    move || UnixStream::connect(&socket)
}

/// Sends one file to the guest that listens at the end of the way, and waits until it is
/// written there. `within` is the longest silence, not the whole time.
pub(crate) fn send(
    instance: &InstanceId,
    way: &Way<'_>,
    (place, name): (Place, &str),
    source: &CopySource,
    within: Duration,
) -> Result<(), EnvironmentError> {
    let failed = |reason: String| EnvironmentError::GuestFile {
        instance: instance.clone(),
        name: name.to_owned(),
        reason,
    };
    let sent = |bytes: u64, content: &mut dyn Read| {
        let mut stream = way()?;
        stream.set_read_timeout(Some(within))?;
        stream.set_write_timeout(Some(within))?;
        let header = Header { place, name: name.to_owned(), bytes };
        stream.write_all(MARK)?;
        write_record(&mut stream, &header)?;
        let copied = io::copy(&mut content.take(bytes), &mut stream)?;
        if copied < bytes {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        read_record::<Receipt>(&mut stream)
    };
    let receipt = match source {
        CopySource::Bytes(bytes) => sent(bytes.len() as u64, &mut &**bytes),
        CopySource::File(path) => {
            let mut file = File::open(path).map_err(EnvironmentError::file("read", path))?;
            let metadata = file.metadata().map_err(EnvironmentError::file("read", path))?;
            sent(metadata.len(), &mut file)
        }
    };
    match receipt {
        Ok(Receipt { error: None }) => Ok(()),
        Ok(Receipt { error: Some(error) }) => Err(failed(error)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(failed(format!("it did not answer within {} s", within.as_secs())))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

/// Takes files from `port` for as long as the guest runs, telling of each.
pub(super) fn receive(port: &Path, received: impl Fn(Place)) -> io::Result<()> {
    let opened = File::options().read(true).write(true).open(port)?;
    let mut writer = opened.try_clone()?;
    let mut reader = BufReader::with_capacity(READ_BYTES, opened);
    let mut pause = EAGER_PAUSE;
    loop {
        take(&mut reader, &mut writer, |place| {
            pause = EAGER_PAUSE;
            received(place);
        })?;
        // Nobody there shows as the end of the device, as often as it is asked.
        thread::sleep(pause);
        pause = (pause * 2).min(PATIENT_PAUSE);
    }
}

/// Takes files from everyone who connects to a socket, for as long as the guest runs.
pub(super) fn receive_from_clients(
    listener: &impl AsFd,
    received: impl Fn(Place),
) -> io::Result<()> {
    loop {
        let client = File::from(accept_with(listener, SocketFlags::CLOEXEC)?);
        let Ok(mut writer) = client.try_clone() else { continue };
        let mut reader = BufReader::with_capacity(READ_BYTES, client);
        // One that leaves too early has done no harm.
        let _ = take(&mut reader, &mut writer, &received);
    }
}

/// Takes files until nobody is there.
fn take(
    reader: &mut impl Read,
    writer: &mut impl Write,
    mut received: impl FnMut(Place),
) -> io::Result<()> {
    while let Some(header) = next_header(reader)? {
        let error = match keep(&header, reader) {
            Ok(()) => None,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(error) => Some(error.to_string()),
        };
        let arrived = error.is_none();
        write_record(writer, &Receipt { error })?;
        if arrived {
            received(header.place);
        }
    }
    Ok(())
}

/// The header behind the next mark; `None` when nobody is there.
fn next_header(reader: &mut impl Read) -> io::Result<Option<Header>> {
    let mut last = [0; MARK.len()];
    loop {
        let mut byte = [0];
        match reader.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        last.rotate_left(1);
        last[MARK.len() - 1] = byte[0];
        if last == *MARK {
            match read_record(reader) {
                Ok(header) => return Ok(Some(header)),
                // It was cut; the next mark may follow.
                Err(_) => last = [0; MARK.len()],
            }
        }
    }
}

/// Writes the content to its place; all of it or nothing is seen there.
fn keep(header: &Header, reader: &mut impl Read) -> io::Result<()> {
    let directory = match header.place {
        Place::Work => Path::new(RUN).join("work"),
        Place::Library => LIBRARIES.into(),
    };
    let mut content = reader.take(header.bytes);
    let kept = write_whole(&directory, header, &mut content);
    // What could not be written is taken from the port all the same, or it would be looked
    // through for a mark.
    io::copy(&mut content, &mut io::sink())?;
    kept
}

fn write_whole(directory: &Path, header: &Header, content: &mut impl Read) -> io::Result<()> {
    let name = crate::layout::checked_file_name(&header.name)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let partial = directory.join(".partial");
    // A program of the user's comes as one of the libraries.
    let mode = if header.place == Place::Library { 0o755 } else { 0o644 };
    // One that was cut short may be there still, with the mode that it was made with.
    let _ = fs::remove_file(&partial);
    let mut options = File::options();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&partial)?;
    let copied = io::copy(content, &mut file)?;
    if copied < header.bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    fs::rename(partial, directory.join(name))
}

/// A big-endian length of 32 bits, and as many bytes of JSON.
fn write_record<T: Serialize>(stream: &mut impl Write, record: &T) -> io::Result<()> {
    let text = serde_json::to_vec(record)?;
    let length = u32::try_from(text.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &text].concat())
}

fn read_record<T: for<'a> Deserialize<'a>>(stream: &mut impl Read) -> io::Result<T> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes(head);
    if length > HEADER_BYTES_MAX {
        return Err(io::Error::other(format!("a record of {length} bytes was announced")));
    }
    let mut text = vec![0; length as usize];
    stream.read_exact(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn message(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        let header = Header { place: Place::Work, name: name.into(), bytes: content.len() as u64 };
        write_record(&mut bytes, &header).unwrap();
        bytes.extend(content);
        bytes
    }

    proptest! {
        #[test]
        fn a_file_is_found_behind_anything(
            before in proptest::collection::vec(any::<u8>(), 0..100),
            content in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let bytes = [before, message("a.jpg", &content)].concat();
            let mut reader = &bytes[..];
            let header = next_header(&mut reader).unwrap().unwrap();
            prop_assert_eq!((header.name.as_str(), header.bytes), ("a.jpg", content.len() as u64));
            prop_assert_eq!(reader, &content[..]);
        }
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all_and_never_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let header = |name: &str| Header { place: Place::Work, name: name.into(), bytes: 5 };
        let at = directory.path();
        write_whole(at, &header("a"), &mut &b"hello"[..]).unwrap();
        assert_eq!(fs::read(at.join("a")).unwrap(), b"hello");
        let cut = write_whole(at, &header("b"), &mut &b"hell"[..]).unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!at.join("b").exists());
        assert!(write_whole(at, &header("../c"), &mut &b"hello"[..]).is_err());
        let program = Header { place: Place::Library, ..header("true") };
        write_whole(at, &program, &mut &b"hello"[..]).unwrap();
        let mode = |name: &str| fs::metadata(at.join(name)).unwrap().permissions().mode();
        assert_eq!((mode("a") & 0o111, mode("true") & 0o100), (0, 0o100));
    }

    /// A socket stands in for the port and the one that QEMU makes of it.
    #[test]
    fn what_a_guest_answers_is_what_the_sender_learns() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("files.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let answers = [None, Some("no space left".to_owned())];
        let guest = thread::spawn(move || {
            for error in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let header = next_header(&mut stream).unwrap().unwrap();
                let mut content = vec![0; header.bytes as usize];
                stream.read_exact(&mut content).unwrap();
                assert_eq!(content, b"hello");
                write_record(&mut stream, &Receipt { error }).unwrap();
            }
            // The third is cut off.
            listener.accept().unwrap();
        });
        let instance = InstanceId("run-1".into());
        let source = CopySource::Bytes(b"hello".as_slice().into());
        let soon = Duration::from_secs(10);
        let send = || send(&instance, &over_socket(&socket), (Place::Work, "a"), &source, soon);
        send().unwrap();
        assert!(send().unwrap_err().to_string().contains("no space left"));
        assert!(send().is_err());
        guest.join().unwrap();
    }
}
