//! A network for an instance that has a network namespace of its own: a pair of virtual
//! Ethernet devices, and address translation by this host for what leaves it.
//!
//! What is about to be made is written down before, so a later process removes what a killed one
//! left. The pair's name is the first that is free, so that addresses are the same from one trial
//! to the next; whose it is follows from its hardware address, which the instance decides. Nothing of the host's own settings is
//! changed: where it does not forward packets, only the host itself is reached, and that is
//! said. This module does not know what runs in the namespace.

use std::fmt;
use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::{Deserialize, Serialize};
use weighbridge_experiment::{Fact, InstanceId, Resource, Sha256Digest};

use crate::error::EnvironmentError;
use crate::layout::{Layout, read_record, write_record};
use crate::traces::Trace;

/// 198.18.0.0/15 is set aside for benchmarks of networks (RFC 2544), so nobody's own network
/// is hidden by it. Each instance has four addresses of it.
const FIRST_ADDRESS: u32 = 0xc612_0000;
const NETWORKS: u32 = 1 << 15;
/// What `ip` says where a device of the name is there already.
const TAKEN: &str = "File exists";
/// The device inside, under the name that programs expect.
const INSIDE: &str = "eth0";
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
const DEVICES: &str = "/sys/class/net";

/// The device and addresses of one instance, written down before they exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkRecord {
    /// The end on this host.
    device: String,
    /// Its hardware address: only the instance's own has it.
    hardware: String,
    host: Ipv4Addr,
    inside: Ipv4Addr,
}

impl NetworkRecord {
    /// What an instance would have in the network of this number.
    fn of(instance: &InstanceId, number: u32) -> Self {
        let digest = Sha256Digest::of(instance.0.as_bytes());
        let pairs = digest.as_str().as_bytes().chunks(2).take(5);
        // 02: given by software, for one device (IEEE 802).
        let hardware = pairs.fold("02".to_owned(), |text, pair| {
            format!("{text}:{}", String::from_utf8_lossy(pair))
        });
        let first = FIRST_ADDRESS + number * 4;
        Self {
            device: format!("wb{number}"),
            hardware,
            host: Ipv4Addr::from_bits(first + 1),
            inside: Ipv4Addr::from_bits(first + 2),
        }
    }

    /// The rules of this host's packet filter: table, chain, and the rest. Packets of the
    /// instance leave under the host's address; where a filter drops what is forwarded, as
    /// Docker's does, those of the instance are let through.
    fn rules(&self, instance: &InstanceId) -> [Vec<String>; 3] {
        let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let comment = format!("-m comment --comment weighbridge-{instance}");
        let (device, inside) = (&self.device, self.inside);
        [
            words(format!("nat POSTROUTING -s {inside}/32 ! -o {device} {comment} -j MASQUERADE")),
            words(format!("filter FORWARD -i {device} {comment} -j ACCEPT")),
            words(format!("filter FORWARD -o {device} {comment} -j ACCEPT")),
        ]
    }

    /// Whether the device is there and the instance's: another may have taken the name.
    fn exists(&self) -> bool {
        let address = fs::read_to_string(Path::new(DEVICES).join(&self.device).join("address"));
        address.is_ok_and(|address| address.trim() == self.hardware)
    }

    /// The lines of `ip` that make the pair, with its other end in the namespace of a process
    /// or under another name here.
    fn pair(&self, other_end: &str) -> String {
        let Self { device, hardware, .. } = self;
        format!("link add {device} address {hardware} type veth peer name {other_end}\n")
    }
}

impl fmt::Display for NetworkRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match fs::read_to_string(FORWARDING) {
            Ok(text) if text.trim() == "1" => "address translation by this host",
            _ => "this host only: it does not forward packets (net.ipv4.ip_forward is 0)",
        };
        write!(formatter, "veth pair, {} behind {}, {reach}", self.inside, self.host)
    }
}

fn record_of(layout: &Layout) -> std::path::PathBuf {
    layout.directory.join("network.json")
}

/// Why something did not work, with the instance.
fn failed<'a>(
    instance: &'a InstanceId,
    action: &'static str,
) -> impl Fn(String) -> EnvironmentError + 'a {
    move |reason| EnvironmentError::Network { instance: instance.clone(), action, reason }
}

fn run(command: &mut Command, standard_input: &str) -> Result<Output, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let words = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no `{program}` on the search path"),
        _ => format!("`{program}`: {error}"),
    };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(words)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that ended without reading says why by itself.
        let _ = input.write_all(standard_input.as_bytes());
    }
    child.wait_with_output().map_err(words)
}

fn checked(command: &mut Command, standard_input: &str) -> Result<(), String> {
    let done = run(command, standard_input)?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(format!("`{}` said: {said}", command.get_program().to_string_lossy()))
}

/// One rule of the packet filter: `-A` or `-I` makes it, `-C` asks for it, `-D` removes it.
fn filter(action: &str, rule: &[String]) -> Command {
    let mut command = Command::new("iptables");
    // It waits for others that change the rules at the same time.
    command
        .args(["-w", "10", "-t"])
        .args(rule.first())
        .arg(action)
        .args(rule.get(1..).unwrap_or_default());
    command
}

fn ip(lines: &str) -> Result<(), String> {
    checked(Command::new("ip").args(["-batch", "-"]), lines)
}

/// Makes the first pair whose name is free; the kernel decides who comes first.
fn make_pair(
    instance: &InstanceId,
    other_end: &dyn Fn(&NetworkRecord) -> String,
    write_down: &dyn Fn(&NetworkRecord) -> Result<(), String>,
) -> Result<NetworkRecord, String> {
    for number in 0..NETWORKS {
        let record = NetworkRecord::of(instance, number);
        if Path::new(DEVICES).join(&record.device).exists() {
            continue;
        }
        write_down(&record)?;
        match ip(&record.pair(&other_end(&record))) {
            Ok(()) => return Ok(record),
            Err(said) if said.contains(TAKEN) => {}
            Err(said) => return Err(said),
        }
    }
    Err(format!("all {NETWORKS} networks of ours are taken"))
}

/// Gives the namespace of a process a device with a way out. What was made before an error is
/// left for [`remove`], which the caller's own clean-up calls.
///
/// # Errors
///
/// `ip` or `iptables` is missing, or refuses.
pub(crate) fn attach(
    layout: &Layout,
    instance: &InstanceId,
    process: u32,
) -> Result<(), EnvironmentError> {
    let failed = failed(instance, "make the network of");
    let write_down = |record: &NetworkRecord| {
        write_record(&record_of(layout), record).map_err(|error| error.chain())
    };
    let other_end = |_: &NetworkRecord| format!("{INSIDE} netns {process}");
    let record = make_pair(instance, &other_end, &write_down).map_err(&failed)?;
    let NetworkRecord { device, host, inside, .. } = &record;
    let here = format!("addr add {host}/30 dev {device}\nlink set {device} up\n");
    let there = format!(
        "link set lo up\naddr add {inside}/30 dev {INSIDE}\nlink set {INSIDE} up\n\
         route add default via {host}\n"
    );
    ip(&here).map_err(&failed)?;
    let namespace = format!("--net=/proc/{process}/ns/net");
    checked(Command::new("nsenter").args([&namespace, "ip", "-batch", "-"]), &there)
        .map_err(&failed)?;
    add_rules(&record, instance).map_err(&failed)
}

fn add_rules(record: &NetworkRecord, instance: &InstanceId) -> Result<(), String> {
    for rule in record.rules(instance) {
        // Before all others: a chain may end with a rule that drops.
        checked(&mut filter("-I", &rule), "")?;
    }
    Ok(())
}

/// Removes device and rules, whether or not all of them were made.
///
/// # Errors
///
/// `ip` or `iptables` refuses.
pub(crate) fn remove(resource: &Resource) -> Result<(), EnvironmentError> {
    let layout = Layout::of(resource)?;
    let path = record_of(&layout);
    // A record that was cut short was not followed by anything.
    let Ok(Some(record)) = read_record::<NetworkRecord>(&path) else { return Ok(()) };
    let failed = failed(&resource.instance, "remove the network of");
    take_away(&record, &resource.instance).map_err(failed)?;
    fs::remove_file(&path).map_err(EnvironmentError::file("remove", path))
}

fn take_away(record: &NetworkRecord, instance: &InstanceId) -> Result<(), String> {
    for rule in record.rules(instance) {
        while run(&mut filter("-C", &rule), "")?.status.success() {
            checked(&mut filter("-D", &rule), "")?;
        }
    }
    if !record.exists() {
        return Ok(());
    }
    let deleted = ip(&format!("link del {}\n", record.device));
    // The kernel removes it with the namespace, maybe between the question and the removal.
    if record.exists() { deleted } else { Ok(()) }
}

/// What of an instance's network is on this host.
pub(crate) fn traces(resource: &Resource) -> Vec<Trace> {
    let Ok(layout) = Layout::of(resource) else { return Vec::new() };
    let Ok(Some(record)) = read_record::<NetworkRecord>(&record_of(&layout)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if record.exists() {
        found.push(Trace::Elsewhere(format!("network device {}", record.device)));
    }
    let stands = |rule: &Vec<String>| {
        run(&mut filter("-C", rule), "").is_ok_and(|done| done.status.success())
    };
    let rules = record.rules(&resource.instance);
    let standing = rules.iter().filter(|rule| stands(rule));
    found.extend(standing.map(|rule| {
        Trace::Elsewhere(format!("packet filter rule for {} in {}", resource.instance, rule[1]))
    }));
    found
}

/// Makes and removes a pair of devices and the rules, to say whether that works here. Both
/// ends stay on this host.
///
/// # Errors
///
/// Why it does not work, in words.
pub(crate) fn try_out(instance: &InstanceId) -> Result<(), String> {
    let other_end = |record: &NetworkRecord| format!("{}p", record.device);
    let record = make_pair(instance, &other_end, &|_| Ok(()))?;
    let made = add_rules(&record, instance);
    let removed = take_away(&record, instance);
    made.and(removed)
}

/// How an instance reaches others.
pub(crate) fn fact(layout: &Layout) -> Fact {
    let source = "the container's namespaces";
    match read_record::<NetworkRecord>(&record_of(layout)) {
        Ok(Some(record)) => Fact::known("container_network", record.to_string(), source),
        Ok(None) => Fact::known("container_network", "none: loopback only", source),
        Err(error) => Fact::missing("container_network", error.chain(), source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> InstanceId {
        InstanceId(name.to_owned())
    }

    #[test]
    fn networks_do_not_overlap_and_stay_in_the_range_for_benchmarks() {
        let of = |name: &str, number| NetworkRecord::of(&instance(name), number);
        let first = of("wb-1-b0-c0", 0);
        assert_eq!((first.host, first.inside), ([198, 18, 0, 1].into(), [198, 18, 0, 2].into()));
        assert_eq!(of("wb-1-b0-c0", 1).host, Ipv4Addr::from([198, 18, 0, 5]));
        let last = of("wb-1-b0-c0", NETWORKS - 1);
        assert_eq!(last.inside, Ipv4Addr::from([198, 19, 255, 254]));
        // A device's name has 15 bytes at most.
        assert!(last.device.len() <= 15, "{last:?}");
        let another = of("wb-1-b0-c1", 0);
        assert_eq!(another.device, first.device);
        assert_ne!(another.hardware, first.hardware, "whose device it is can be told");
        assert!(first.hardware.len() == 17 && first.hardware.starts_with("02:"), "{first:?}");
        assert!(!first.exists() || !another.exists());
    }

    #[test]
    fn rules_name_the_instance_and_nothing_else_of_the_host() {
        let record = NetworkRecord::of(&instance("wb-1"), 0);
        for rule in record.rules(&instance("wb-1")) {
            let text = rule.join(" ");
            assert!(text.contains("--comment weighbridge-wb-1"), "{text}");
            assert!(text.contains(&record.device) || text.contains(&record.inside.to_string()));
            let command = format!("{:?}", filter("-C", &rule));
            assert!(command.contains(&format!("\"-t\" \"{}\" \"-C\" \"{}\"", rule[0], rule[1])));
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = run(&mut Command::new("no-such-program-of-ours"), "");
        assert!(missing.unwrap_err().contains("no `no-such-program-of-ours`"));
    }
}
