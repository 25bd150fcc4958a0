//! Bytes and packets of an instance's own network namespace.

use std::fs;

use super::pinned::PinnedFile;
use crate::Roots;

/// Received and sent, over all interfaces but `lo`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct NetworkTotals {
    pub(super) receive_bytes: u64,
    pub(super) receive_packets: u64,
    pub(super) transmit_bytes: u64,
    pub(super) transmit_packets: u64,
}

/// `/proc/PID/net/dev`: two lines of heading, then `name: ` and 16 numbers, of which the
/// first two are received bytes and packets and the ninth and tenth the sent ones.
pub(super) fn parse_network(text: &str) -> Option<NetworkTotals> {
    let mut totals = NetworkTotals::default();
    for line in text.lines().skip(2) {
        let (name, numbers) = line.split_once(':')?;
        if name.trim() == "lo" {
            continue;
        }
        // All 16 must be there: a line cut short would shift the columns.
        let numbers: Vec<u64> =
            numbers.split_ascii_whitespace().map_while(|number| number.parse().ok()).collect();
        let [
            receive_bytes,
            receive_packets,
            _,
            _,
            _,
            _,
            _,
            _,
            transmit_bytes,
            transmit_packets,
            _,
            _,
            _,
            _,
            _,
            _,
            ..,
        ] = numbers[..]
        else {
            return None;
        };
        totals.receive_bytes = totals.receive_bytes.checked_add(receive_bytes)?;
        totals.receive_packets = totals.receive_packets.checked_add(receive_packets)?;
        totals.transmit_bytes = totals.transmit_bytes.checked_add(transmit_bytes)?;
        totals.transmit_packets = totals.transmit_packets.checked_add(transmit_packets)?;
    }
    Some(totals)
}

/// The network counters of `process`, if its namespace is not the one of `other`.
///
/// The kernel keeps the namespace alive as long as the returned file is open.
///
/// # Errors
///
/// Why the counters are not those of the instance alone.
pub(super) fn open_own_namespace(
    roots: &Roots,
    process: &str,
    other: &str,
    whose: &str,
) -> Result<PinnedFile, String> {
    let namespace = |of: &str| {
        let path = roots.proc.join(of).join("ns/net");
        fs::read_link(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    if namespace(process)? == namespace(other)? {
        return Err(format!("shares {whose} network namespace, whose counters are not its own"));
    }
    open(roots, process)
}

pub(super) fn open(roots: &Roots, process: &str) -> Result<PinnedFile, String> {
    let path = roots.proc.join(process).join("net/dev");
    PinnedFile::open(path.clone())
        .map_err(|error| format!("cannot open {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "Inter-|   Receive       |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n\
        \x20   lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0\n\
        \x20 eth0: 1000 10    0    0    0     0          0         0  2000   20    0    0    0     0       0          0\n\
        \x20 eth1:1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n";

    #[test]
    fn loopback_is_left_out_and_interfaces_are_added() {
        let expected = NetworkTotals {
            receive_bytes: 1001,
            receive_packets: 12,
            transmit_bytes: 2003,
            transmit_packets: 24,
        };
        assert_eq!(parse_network(TEXT), Some(expected));
        assert_eq!(
            parse_network(&TEXT.replace("2000   20", "")),
            None,
            "a line cut short is not guessed"
        );
    }

    #[test]
    fn a_shared_namespace_is_said_and_not_counted() {
        let directory = tempfile::tempdir().expect("a directory");
        let roots = Roots::below(directory.path());
        for (name, namespace) in [("self", "net:[1]"), ("7", "net:[1]"), ("8", "net:[2]")] {
            let process = roots.proc.join(name);
            fs::create_dir_all(process.join("ns")).expect("a directory");
            fs::create_dir_all(process.join("net")).expect("a directory");
            fs::write(process.join("net/dev"), TEXT).expect("written");
            std::os::unix::fs::symlink(namespace, process.join("ns/net")).expect("linked");
        }
        let reason = open_own_namespace(&roots, "7", "self", "the host's").expect_err("shared");
        assert!(reason.contains("shares the host's network namespace"), "{reason}");
        assert!(open_own_namespace(&roots, "8", "self", "the host's").is_ok());
        assert!(
            open_own_namespace(&roots, "9", "self", "the host's")
                .expect_err("gone")
                .contains("cannot read")
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[\\PC\\n]*", numbers in prop::collection::vec(any::<u64>(), 0..20)) {
            let _ = parse_network(&text);
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            let _ = parse_network(&format!("a\nb\neth0: {n}\neth1: {n}", n = numbers.join(" ")));
        }
    }
}
