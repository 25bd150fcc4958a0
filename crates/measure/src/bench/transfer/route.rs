//! By which way a destination is reached from here.

use std::net::{ToSocketAddrs, UdpSocket};

/// The way in words: the interface's own address and the server's, as the kernel would route a
/// packet. Nothing is sent.
pub(super) fn words(destination: &str) -> String {
    let host = host(destination);
    let found = (host, 22).to_socket_addrs().ok().and_then(|mut found| found.next());
    let Some(server) = found else { return format!("route: `{host}` has no address here") };
    let any = if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let from = UdpSocket::bind(any)
        .and_then(|socket| socket.connect(server).and_then(|()| socket.local_addr()));
    match from {
        Ok(from) if from.ip().is_loopback() => {
            format!("route: loopback of the environment, {}", server.ip())
        }
        Ok(from) => format!("route: from {} to {}", from.ip(), server.ip()),
        Err(error) => format!("route: none to {} ({error})", server.ip()),
    }
}

/// `user@host` without the user; an address in brackets without them.
fn host(destination: &str) -> &str {
    let host = destination.rsplit_once('@').map_or(destination, |(_, host)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_is_named() {
        assert_eq!(host("me@example.org"), "example.org");
        assert_eq!(host("[::1]"), "::1");
        assert!(words("me@127.0.0.1").contains("loopback"));
        assert!(words("no-such-host.invalid").contains("no address"));
    }
}
