use weighbridge_experiment::Sha256Digest;

use super::reader::{Found, Reader, text_of};

pub(super) fn read(reader: &mut Reader<'_>) {
    let hypervisor = hypervisor_flag(reader);
    reader.add("hypervisor_present", "/proc/cpuinfo flag hypervisor", hypervisor);
    reader.add_file("hypervisor_type", "/sys/hypervisor/type");
    reader.add_file("machine_vendor", "/sys/class/dmi/id/sys_vendor");
    reader.add_file("machine_product", "/sys/class/dmi/id/product_name");
    let virtualisation = virtualisation(reader);
    reader.add(
        "virtualisation",
        "/sys/hypervisor/type, /sys/class/dmi/id, /proc/cpuinfo",
        virtualisation,
    );
    let container = container(reader);
    reader.add("container", "/proc/1/environ, /.dockerenv, /run/.containerenv", container);
    let version = cgroup_version(reader);
    reader.add("cgroup_version", "/sys/fs/cgroup", version);
    let controllers = cgroup_controllers(reader);
    reader.add("cgroup_controllers", "/sys/fs/cgroup", controllers);
    let mounts = reader.text("/proc/mounts");
    reader.add("root_file_system", "/proc/mounts", file_system(&mounts, &["/"]));
    reader.add("temporary_file_system", "/proc/mounts", file_system(&mounts, &["/tmp", "/"]));
    // Tells two hosts and two boots apart without naming either.
    let boot = reader.text("/proc/sys/kernel/random/boot_id");
    let boot = boot.map(|text| Sha256Digest::of(text.trim().as_bytes()).short().to_owned());
    reader.add(
        "boot_digest",
        "/proc/sys/kernel/random/boot_id, SHA-256, first 12 characters",
        boot,
    );
}

fn hypervisor_flag(reader: &Reader<'_>) -> Found {
    let text = reader.text("/proc/cpuinfo")?;
    let flags = super::reader::field(&text, "flags")
        .ok_or("no `flags` in /proc/cpuinfo; this architecture does not print them")?;
    Ok(if flags.split_ascii_whitespace().any(|flag| flag == "hypervisor") { "yes" } else { "no" }
        .to_owned())
}

/// Names that firmware gives to virtual machines, and what they mean.
const PRODUCTS: [(&str, &str); 12] = [
    ("KVM", "kvm"),
    ("QEMU", "qemu"),
    ("Amazon EC2", "amazon"),
    ("Google Compute Engine", "google"),
    ("VMware", "vmware"),
    ("VirtualBox", "virtualbox"),
    ("innotek", "virtualbox"),
    ("Xen", "xen"),
    ("Bochs", "bochs"),
    ("OpenStack", "openstack"),
    ("Microsoft Corporation", "microsoft"),
    ("DigitalOcean", "digitalocean"),
];

fn virtualisation(reader: &Reader<'_>) -> Found {
    if let Ok(kind) = reader.text("/sys/hypervisor/type") {
        return Ok(kind);
    }
    let firmware: Vec<String> = ["sys_vendor", "product_name", "board_vendor", "bios_vendor"]
        .iter()
        .filter_map(|file| reader.text(&format!("/sys/class/dmi/id/{file}")).ok())
        .collect();
    for (name, kind) in PRODUCTS {
        // Microsoft also makes machines of metal.
        if kind == "microsoft" && !firmware.iter().any(|text| text.contains("Virtual Machine")) {
            continue;
        }
        if firmware.iter().any(|text| text.contains(name)) {
            return Ok(kind.to_owned());
        }
    }
    match hypervisor_flag(reader)?.as_str() {
        "yes" => Ok("a virtual machine of unknown kind".to_owned()),
        _ => Ok("none found".to_owned()),
    }
}

fn container(reader: &Reader<'_>) -> Found {
    if reader.exists("/.dockerenv") {
        return Ok("docker".to_owned());
    }
    if reader.exists("/run/.containerenv") {
        return Ok("podman".to_owned());
    }
    let environment = reader.text("/proc/1/environ")?;
    let named = environment.split('\0').find_map(|variable| variable.strip_prefix("container="));
    Ok(named.filter(|name| !name.is_empty()).unwrap_or("none found").to_owned())
}

fn cgroup_version(reader: &Reader<'_>) -> Found {
    let names = reader.names("/sys/fs/cgroup")?;
    let has = |name: &str| names.iter().any(|found| found == name);
    if has("cgroup.controllers") {
        return Ok("v2".to_owned());
    }
    let v1 = has("memory") || has("cpu") || has("cpuacct") || has("cpu,cpuacct");
    match (v1, has("unified")) {
        (true, true) => Ok("hybrid (controllers in v1)".to_owned()),
        (true, false) => Ok("v1".to_owned()),
        _ => Err("neither version is mounted under /sys/fs/cgroup".to_owned()),
    }
}

fn cgroup_controllers(reader: &Reader<'_>) -> Found {
    if let Ok(text) = reader.text("/sys/fs/cgroup/cgroup.controllers") {
        return Ok(text);
    }
    // Version 1: every directory but those of pure hierarchies is a controller.
    let names = reader.names("/sys/fs/cgroup")?;
    let controllers: Vec<String> =
        names.into_iter().filter(|name| name != "unified" && name != "systemd").collect();
    Ok(controllers.join(" "))
}

/// The type of the last mount on the first of these places that is a mount point.
fn file_system(mounts: &Found, places: &[&str]) -> Found {
    let text = text_of(mounts)?;
    let on = |place: &str| {
        text.lines().rev().find_map(|line| {
            let mut words = line.split_ascii_whitespace().skip(1);
            (words.next()? == place).then(|| words.next().map(str::to_owned))?
        })
    };
    places
        .iter()
        .find_map(|place| on(place))
        .ok_or_else(|| format!("{} is not in /proc/mounts", places.join(" or ")))
}
