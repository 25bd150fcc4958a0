//! The guest's network interfaces, brought up by messages to the kernel (rtnetlink(7)).
//!
//! Does not know what is reached through them.

use std::fs;
use std::io;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

use super::GuestAddress;

const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
/// A request that wants an answer.
const ASK: u16 = 0x1 | 0x4;
/// One that makes something new besides.
const MAKE: u16 = ASK | 0x400 | 0x200;
const HEADER_BYTES: usize = 16;

/// Brings up the loopback, and the first other interface with its address and route.
pub(super) fn bring_up(given: Option<&GuestAddress>) -> io::Result<()> {
    set_up(index_of("lo")?)?;
    let Some(given) = given else { return Ok(()) };
    let mut names: Vec<String> = fs::read_dir("/sys/class/net")?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "lo")
        .collect();
    names.sort();
    let Some(name) = names.first() else { return Ok(()) };
    let index = index_of(name)?;
    set_up(index)?;
    ask(NEW_ADDRESS, MAKE, &address_message(index, given))?;
    ask(NEW_ROUTE, MAKE, &route_message(index, given))
}

fn index_of(interface: &str) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/ifindex"))?;
    text.trim().parse().map_err(io::Error::other)
}

fn set_up(index: u32) -> io::Result<()> {
    const UP: u32 = 1;
    let mut body = vec![0; 4];
    for word in [index, UP, UP] {
        body.extend(word.to_ne_bytes());
    }
    ask(NEW_LINK, ASK, &body)
}

fn address_message(index: u32, given: &GuestAddress) -> Vec<u8> {
    const LOCAL: u16 = 2;
    const PEER: u16 = 1;
    let mut body = vec![2, given.prefix_bits, 0, 0];
    body.extend(index.to_ne_bytes());
    body.extend(attribute(LOCAL, given.address));
    body.extend(attribute(PEER, given.address));
    body
}

fn route_message(index: u32, given: &GuestAddress) -> Vec<u8> {
    const MAIN_TABLE: u8 = 254;
    const BY_BOOT: u8 = 3;
    const TO_ANYWHERE: u8 = 1;
    const INTERFACE: u16 = 4;
    const THROUGH: u16 = 5;
    let mut body = vec![2, 0, 0, 0, MAIN_TABLE, BY_BOOT, 0, TO_ANYWHERE, 0, 0, 0, 0];
    body.extend(attribute(THROUGH, given.gateway));
    body.extend(attribute(INTERFACE, index.to_ne_bytes()));
    body
}

fn attribute(kind: u16, value: [u8; 4]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&8_u16.to_ne_bytes());
    bytes[2..4].copy_from_slice(&kind.to_ne_bytes());
    bytes[4..].copy_from_slice(&value);
    bytes
}

fn ask(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(HEADER_BYTES + body.len()).map_err(io::Error::other)?;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    // Of the kernel's conversations over such sockets, routes and links are number 0.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0; 4096];
    let (count, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    refusal(&answer[..count])
}

/// The answer holds a negative error number behind its header, zero where all is well.
fn refusal(answer: &[u8]) -> io::Result<()> {
    let code = answer.get(HEADER_BYTES..HEADER_BYTES + 4).and_then(|code| code.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(-code)),
        None => Err(io::Error::other("the kernel's answer is cut short")),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::super::QEMU_ADDRESS;
    use super::*;

    /// The kernel itself reads the messages: those for an interface that does not exist are
    /// understood and refused for that, whoever asks.
    #[test]
    fn the_kernel_understands_every_message() {
        const NO_SUCH: u32 = 0x7fff_fff0;
        let answers = [
            set_up(NO_SUCH),
            ask(NEW_ADDRESS, MAKE, &address_message(NO_SUCH, &QEMU_ADDRESS)),
            ask(NEW_ROUTE, MAKE, &route_message(NO_SUCH, &QEMU_ADDRESS)),
        ];
        for answer in answers {
            let error = answer.unwrap_err();
            // Of a route the gateway may be looked at first.
            let expected = [Errno::NODEV, Errno::NETUNREACH, Errno::PERM];
            let understood = expected.map(|errno| Some(errno.raw_os_error()));
            assert!(understood.contains(&error.raw_os_error()), "{error}");
        }
    }
}
