//! The kernel inside a packed image: what a virtual machine without firmware has to be given.
//!
//! A `vmlinuz` is a small program that unpacks the kernel behind it. Where that lies, and how
//! long it is, stands in its header (kernel, `Documentation/arch/x86/boot.rst`: `setup_sects`,
//! `payload_offset`, `payload_length`). Unpacking is left to the programs that did the packing.
//! Does not know who boots the kernel.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use super::Kernel;
use crate::error::EnvironmentError;

/// Behind everything that was packed stands how long it was, in four bytes.
const LENGTH_BYTES: usize = 4;
const ELF: &[u8] = b"\x7fELF";

/// How payloads begin, and the program that unpacks each.
const PACKINGS: [(&[u8], &str, &[&str]); 6] = [
    (b"\xfd7zXZ\0", "xz", &["-dc"]),
    (b"\x28\xb5\x2f\xfd", "zstd", &["-dc"]),
    (b"\x1f\x8b", "gzip", &["-dc"]),
    (b"BZh", "bzip2", &["-dc"]),
    (b"\x5d\0\0", "xz", &["--format=lzma", "-dc"]),
    (b"\x02\x21\x4c\x18", "lz4", &["-dc"]),
];

/// The file with the unpacked kernel beside the image of this one, made where it is not there
/// yet.
///
/// # Errors
///
/// The image cannot be read or unpacked, or the file cannot be written.
pub fn unpacked_kernel(store: &Path, kernel: &Kernel) -> Result<PathBuf, EnvironmentError> {
    let path = kernel.unpacked_image(store);
    if path.is_file() {
        return Ok(path);
    }
    let image = kernel.image(store);
    let packed = fs::read(&image).map_err(EnvironmentError::file("read", &image))?;
    let content = unpacked(&packed)
        .map_err(|reason| EnvironmentError::PackedKernel { path: image, reason })?;
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    fs::write(&partial, content).map_err(EnvironmentError::file("write", &partial))?;
    fs::rename(&partial, &path).map_err(EnvironmentError::file("rename to", &path))?;
    Ok(path)
}

/// The kernel in `image`, as an ELF file: the image itself where it is one already.
///
/// # Errors
///
/// Why there is none in it, in words for the user.
fn unpacked(image: &[u8]) -> Result<Vec<u8>, String> {
    if image.starts_with(ELF) {
        return Ok(image.to_vec());
    }
    let payload = payload(image).ok_or("it is not the image of a Linux kernel for x86")?;
    let packing = PACKINGS.iter().find(|(begin, ..)| payload.starts_with(begin));
    let (_, program, arguments) = packing.ok_or("it is packed in a way that is not known here")?;
    let kernel = piped(program, arguments, payload).map_err(|error| {
        format!("{program}, which unpacks it: {error}; `apt-get install {}`", package(program))
    })?;
    if kernel.starts_with(ELF) {
        return Ok(kernel);
    }
    Err(format!("{program} unpacked {} bytes that are no ELF file", kernel.len()))
}

fn package(program: &str) -> &str {
    if program == "xz" { "xz-utils" } else { program }
}

/// What was packed, without the length behind it.
fn payload(image: &[u8]) -> Option<&[u8]> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let word = |at: usize| {
        let bytes = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    // A header from before there was such a field says 0 and means 4.
    let sectors = match image.get(0x1f1)? {
        0 => 4,
        sectors => usize::from(*sectors),
    };
    let begin = (sectors + 1) * 512 + word(0x248)?;
    let end = begin.checked_add(word(0x24c)?)?.checked_sub(LENGTH_BYTES)?;
    image.get(begin..end)
}

/// What the program makes of `input`.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> io::Result<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("it takes no input"))?;
    let output = thread::scope(|scope| {
        // One that ends early says why, which tells more than that nobody reads any more.
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output()
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("it ended with {}: {}", output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image_with(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 5 * 512 + 0x40];
        image[0x1f1] = 4;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&0x40_u32.to_le_bytes());
        let length = u32::try_from(payload.len() + LENGTH_BYTES).unwrap();
        image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
        image.extend(payload);
        image.extend(b"size and whatever else");
        image
    }

    #[test]
    fn the_kernel_behind_the_header_is_found_and_unpacked() {
        let kernel = [ELF, &[7; 3000]].concat();
        assert_eq!(unpacked(&kernel).unwrap(), kernel, "it may be unpacked already");
        let packed = piped("gzip", &["-c"], &kernel).unwrap();
        assert_eq!(unpacked(&image_with(&packed)).unwrap(), kernel);
        let other = piped("gzip", &["-c"], b"a photo").unwrap();
        assert!(unpacked(&image_with(&other)).unwrap_err().contains("7 bytes that are no ELF"));
    }

    #[test]
    fn what_cannot_be_unpacked_is_said() {
        assert!(unpacked(b"a photo").unwrap_err().contains("not the image"));
        let unknown = unpacked(&image_with(b"who knows")).unwrap_err();
        assert!(unknown.contains("not known here"), "{unknown}");
        let damaged = unpacked(&image_with(b"\x1f\x8bdamaged")).unwrap_err();
        assert!(damaged.contains("gzip, which unpacks it"), "{damaged}");
    }

    proptest! {
        #[test]
        fn no_header_panics(
            mut image in proptest::collection::vec(any::<u8>(), 0x250..0xa00),
        ) {
            image[0x202..0x206].copy_from_slice(b"HdrS");
            let _ = payload(&image);
        }
    }
}
