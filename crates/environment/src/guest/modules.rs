//! The modules that a distribution's kernel needs before the agent can be reached, found in
//! its directory and put into an order in which they can be loaded.
//!
//! What depends on what is read from the modules themselves (`depends=` in their `.modinfo`),
//! since the index beside them is only made when a kernel is installed. Does not load them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is looked for; a kernel may have each built in, or not at all. The order matters
/// where one does not name the other.
const WANTED: [&str; 8] = [
    "virtio_ring",
    "virtio_pci",
    "virtio_mmio",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "vmw_vsock_virtio_transport",
    "ext4",
];

/// Without this one no guest can be talked to.
pub(super) const ESSENTIAL: &str = "virtio_console";

/// Behind a signed module (kernel, `scripts/sign-file.c`).
const SIGNATURE_MARK: &[u8] = b"~Module signature appended~\n";
/// The record before the mark, which ends with the length of the signature before it.
const SIGNATURE_RECORD_BYTES: usize = 12;

/// A module as it goes into a guest.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// What a directory of modules has of what is wanted.
pub(super) struct Found {
    /// In the order in which they can be loaded.
    pub(super) modules: Vec<Module>,
    /// Wanted, neither there nor built in as far as the directory tells.
    pub(super) missing: Vec<&'static str>,
}

/// Finds the wanted modules below a directory such as `/lib/modules/RELEASE`.
pub(super) fn find(directory: &Path) -> io::Result<Found> {
    let mut files = BTreeMap::new();
    collect(directory, &mut files)?;
    let built_in = fs::read_to_string(directory.join("modules.builtin")).unwrap_or_default();
    let built_in: BTreeSet<String> =
        built_in.lines().filter_map(|line| module_name(Path::new(line))).collect();
    let mut found = Found { modules: Vec::new(), missing: Vec::new() };
    for wanted in WANTED {
        if files.contains_key(wanted) {
            add(wanted, &files, &mut found.modules)?;
        } else if !built_in.contains(wanted) {
            found.missing.push(wanted);
        }
    }
    Ok(found)
}

/// Adds a module behind everything that it depends on.
fn add(name: &str, files: &BTreeMap<String, PathBuf>, order: &mut Vec<Module>) -> io::Result<()> {
    // What is not there is built in.
    let Some(path) = files.get(name) else { return Ok(()) };
    if order.iter().any(|module| module.name == name) {
        return Ok(());
    }
    let content = unsigned(unpacked(path)?);
    for needed in depends(&content) {
        add(&needed, files, order)?;
    }
    order.push(Module { name: name.to_owned(), content });
    Ok(())
}

fn collect(directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // Of the link itself: `build` and `source` lead out of the directory.
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else if let Some(name) = module_name(&entry.path()) {
            files.insert(name, entry.path());
        }
    }
    Ok(())
}

/// The name of the module in a file `NAME.ko`, packed or not; `-` and `_` are the same.
fn module_name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let (name, rest) = file.split_once(".ko")?;
    ["", ".xz", ".zst", ".gz"].contains(&rest).then(|| name.replace('-', "_"))
}

/// Some distributions pack their modules; a guest's kernel might not unpack them.
fn unpacked(path: &Path) -> io::Result<Vec<u8>> {
    let program = match path.extension().and_then(|extension| extension.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        Some("gz") => "gzip",
        _ => return fs::read(path),
    };
    let output = Command::new(program)
        .arg("-dc")
        .arg(path)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::other(format!("{program}, which unpacks it: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} cannot unpack it: {}", said.trim())))
}

/// The names behind `depends=`, one of the texts of a module that end with a zero byte.
fn depends(content: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = content.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let rest = &content[at + KEY.len()..];
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(0);
    let names = String::from_utf8_lossy(&rest[..end]);
    names.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

/// Without its signature: checking one costs an emulated processor far more than loading the
/// module, and who gives the guest its kernel gives it the modules too.
fn unsigned(mut content: Vec<u8>) -> Vec<u8> {
    if let Some(signed) = content.strip_suffix(SIGNATURE_MARK)
        && let Some((rest, length)) = signed.split_last_chunk::<4>()
        && let Some(record) = rest.len().checked_sub(SIGNATURE_RECORD_BYTES - 4)
        && let Some(end) = record.checked_sub(u32::from_be_bytes(*length) as usize)
    {
        content.truncate(end);
    }
    content
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn module(depends: &str, signature: usize) -> Vec<u8> {
        let mut bytes = format!("\x7fELF code\0license=GPL\0depends={depends}\0more").into_bytes();
        if signature > 0 {
            bytes.extend(vec![b'S'; signature]);
            bytes.extend([0; 8]);
            bytes.extend(u32::try_from(signature).unwrap().to_be_bytes());
            bytes.extend(SIGNATURE_MARK);
        }
        bytes
    }

    #[test]
    fn modules_come_behind_what_they_depend_on_without_signatures() {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("kernel/drivers");
        fs::create_dir_all(&kernel).unwrap();
        for (file, depends) in [
            ("virtio.ko", ""),
            ("virtio_ring.ko", "virtio"),
            ("virtio-pci.ko", "virtio_ring,virtio,virtio-pci-modern-dev"),
            ("virtio_pci_modern_dev.ko", ""),
            ("virtio_net.ko", "net_failover"),
            ("unwanted.ko", ""),
        ] {
            fs::write(kernel.join(file), module(depends, 300)).unwrap();
        }
        fs::write(directory.path().join("modules.builtin"), "kernel/fs/ext4/ext4.ko\n").unwrap();
        let found = find(directory.path()).unwrap();
        let names: Vec<_> = found.modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(
            names,
            ["virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci", "virtio_net"]
        );
        assert_eq!(found.modules[0].content, module("", 0));
        assert_eq!(
            found.missing,
            ["virtio_mmio", "virtio_blk", "virtio_console", "vmw_vsock_virtio_transport"]
        );
    }

    #[test]
    fn names_of_files_are_told_from_other_files() {
        let name = |file: &str| module_name(Path::new(file));
        assert_eq!(name("/a/virtio-blk.ko.xz").as_deref(), Some("virtio_blk"));
        assert_eq!(name("virtio_blk.ko").as_deref(), Some("virtio_blk"));
        assert_eq!(name("virtio_blk.ko.sig"), None);
        assert_eq!(name("modules.dep"), None);
    }

    proptest! {
        #[test]
        fn damaged_modules_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = depends(&bytes);
            bytes.extend(SIGNATURE_MARK);
            let length = bytes.len();
            prop_assert!(unsigned(bytes).len() <= length);
        }
    }
}
