//! The network of a guest: an interface of the host that leads to it and to nothing else.
//!
//! Its name follows from the instance, so that one which a killed process left is found. Made
//! and removed by `ip` (iproute2). Does not know what the guest does with it.

use std::path::Path;
use std::process::{Command, Stdio};

use weighbridge_experiment::{InstanceId, Sha256Digest};

use crate::guest::GuestAddress;
use crate::programs;

/// Networks of four addresses in 172.31.0.0/16: a name of its own for each guest.
const NETWORKS: u32 = 1 << 14;
const PREFIX_BITS: u8 = 30;

/// The name of an instance's interface: at most 15 bytes, says the kernel.
pub(super) fn name(instance: &InstanceId) -> String {
    format!("wb{}", &Sha256Digest::of(instance.0.as_bytes()).to_string()[..12])
}

/// Whether there is an interface of this instance.
pub(super) fn exists(instance: &InstanceId) -> bool {
    Path::new("/sys/class/net").join(name(instance)).exists()
}

/// Makes the interface, for a program of this user to use. The error is for the user.
pub(super) fn make(instance: &InstanceId, user: u32) -> Result<GuestAddress, String> {
    let name = name(instance);
    let taken = ip(&["-4", "-o", "address", "show"])?;
    let first = seed(&name);
    let network = (0..NETWORKS)
        .map(|step| (first + step) % NETWORKS)
        .find(|network| !taken.contains(&format!(" {}/", written(host_end(*network)))))
        .ok_or("every network in 172.31.0.0/16 is in use")?;
    let host = host_end(network);
    let address = format!("{}/{PREFIX_BITS}", written(host));
    ip(&["tuntap", "add", "dev", &name, "mode", "tap", "user", &user.to_string()])?;
    ip(&["address", "add", &address, "dev", &name])?;
    ip(&["link", "set", "dev", &name, "up"])?;
    let [a, b, c, d] = host;
    Ok(GuestAddress { address: [a, b, c, d + 1], gateway: host, prefix_bits: PREFIX_BITS })
}

/// Removes the interface; one that is not there is no error.
pub(super) fn remove(instance: &InstanceId) -> Result<(), String> {
    if !exists(instance) {
        return Ok(());
    }
    match ip(&["link", "delete", "dev", &name(instance)]) {
        // Somebody else may have been quicker.
        Err(reason) if exists(instance) => Err(reason),
        _ => Ok(()),
    }
}

/// The host's end; the guest's is the address behind it.
fn host_end(network: u32) -> [u8; 4] {
    let [_, _, third, fourth] = (network * 4 + 1).to_be_bytes();
    [172, 31, third, fourth]
}

fn written([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}

/// Different names rarely try the same network first.
fn seed(name: &str) -> u32 {
    let digits = name.get(2..6).unwrap_or_default();
    u32::from_str_radix(digits, 16).unwrap_or(0) % NETWORKS
}

fn ip(arguments: &[&str]) -> Result<String, String> {
    let program =
        programs::find("ip").ok_or("`ip` is not installed; `apt-get install iproute2`")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("ip: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`ip {}` ended with {}: {}", arguments.join(" "), output.status, said.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_the_kernel_and_an_address_its_network() {
        let instance = InstanceId("wb-9aa1cc4f8a69-b17-c0".into());
        assert_eq!(name(&instance).len(), 14);
        assert_eq!(host_end(0), [172, 31, 0, 1]);
        assert_eq!(host_end(NETWORKS - 1), [172, 31, 255, 253]);
        assert!(!exists(&instance));
        remove(&instance).unwrap();
    }

    /// Whether the kernel and this process can have such interfaces differs from host to host.
    #[test]
    #[allow(clippy::print_stdout, reason = "what is left out must be seen")]
    fn an_interface_is_made_with_an_address_and_removed() {
        let usable = std::fs::File::options().read(true).write(true).open("/dev/net/tun");
        if let Err(error) = usable {
            println!("hardware absent: /dev/net/tun, {error}");
            return;
        }
        let instance = InstanceId(format!("tap-test-{}", std::process::id()));
        let made = make(&instance, 0);
        let there = exists(&instance);
        remove(&instance).unwrap();
        let given = made.unwrap();
        assert!(there && !exists(&instance));
        assert_eq!(given.address[3], given.gateway[3] + 1);
    }
}
