//! A kernel that was prepared for guests, as it lies in the store.
//!
//! The store holds one directory for each kernel, named by the digest of its image, and one
//! record that says which is used. Does not know where a kernel comes from.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use weighbridge_experiment::Sha256Digest;

use crate::error::EnvironmentError;
use crate::file_digest::digest_of;
use crate::layout::{read_record, write_record};

/// A kernel with the modules that a guest loads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// Version of the kernel, as it names itself.
    pub release: String,
    /// Digest of its image.
    pub sha256: Sha256Digest,
    /// Names of its modules, in the order in which they are loaded.
    pub modules: Vec<String>,
    /// Where it was got.
    pub origin: String,
}

impl Kernel {
    /// The kernel that guests of this store boot; `None` where none was prepared.
    ///
    /// # Errors
    ///
    /// Its record cannot be read.
    pub fn in_use(store: &Path) -> Result<Option<Self>, EnvironmentError> {
        read_record(&record(store))
    }

    /// Has guests of this store boot this kernel, which lies in its directory.
    pub(super) fn put_in_use(&self, store: &Path) -> Result<(), EnvironmentError> {
        write_record(&record(store), self)
    }

    /// The directory of a kernel.
    pub(super) fn directory(store: &Path, sha256: &Sha256Digest) -> PathBuf {
        store.join("kernels").join(sha256.short())
    }

    /// The image that a virtual machine boots.
    #[must_use]
    pub fn image(&self, store: &Path) -> PathBuf {
        Self::directory(store, &self.sha256).join("vmlinuz")
    }

    /// A kernel of the user's that lies unpacked in a file and needs no modules.
    pub(crate) fn of_file(path: &Path) -> Result<Self, EnvironmentError> {
        Ok(Self {
            release: format!("of {}", path.display()),
            sha256: digest_of(path)?,
            modules: Vec::new(),
            origin: path.display().to_string(),
        })
    }

    /// Where the image lies unpacked, once it was.
    pub(super) fn unpacked_image(&self, store: &Path) -> PathBuf {
        Self::directory(store, &self.sha256).join("vmlinux")
    }

    /// Its modules, in the order in which they are loaded.
    pub(super) fn module_files(&self, store: &Path) -> Vec<(String, PathBuf)> {
        let directory = Self::directory(store, &self.sha256);
        let place = |(number, name): (usize, &String)| {
            let file = module_file(number, name);
            let path = directory.join(&file);
            (file, path)
        };
        self.modules.iter().enumerate().map(place).collect()
    }

    /// Whether everything of it is there.
    pub(crate) fn is_whole(&self, store: &Path) -> bool {
        self.image(store).is_file()
            && self.module_files(store).iter().all(|(_, path)| path.is_file())
    }
}

/// A name that sorts into the order in which the modules are loaded.
pub(super) fn module_file(number: usize, name: &str) -> String {
    format!("{number:02}-{name}.ko")
}

fn record(store: &Path) -> PathBuf {
    store.join("kernel.json")
}

/// The version in the header of an image for x86 (kernel, `Documentation/arch/x86/boot.rst`);
/// `None` where it is no such image.
pub(super) fn release(image: &Path) -> std::io::Result<Option<String>> {
    Ok(release_in(&fs::read(image)?))
}

fn release_in(image: &[u8]) -> Option<String> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = u16::from_le_bytes(image.get(0x20e..0x210)?.try_into().ok()?);
    let text = image.get(usize::from(offset) + 0x200..)?;
    let end = text.iter().take(256).position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&text[..end]).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_image_names_its_release_and_other_files_do_not() {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image[0x300..0x311].copy_from_slice(b"6.1.0-48 (who) #1");
        assert_eq!(release_in(&image), Some("6.1.0-48".to_owned()));
        assert_eq!(release_in(b"\x7fELF"), None);
    }

    proptest! {
        #[test]
        fn no_image_panics(mut image in proptest::collection::vec(any::<u8>(), 0x210..0x300)) {
            image[0x202..0x206].copy_from_slice(b"HdrS");
            let _ = release_in(&image);
        }
    }

    #[test]
    fn a_store_without_a_kernel_says_so() {
        let store = tempfile::tempdir().unwrap();
        assert_eq!(Kernel::in_use(store.path()).unwrap(), None);
        let kernel = Kernel {
            release: "6.1".into(),
            sha256: Sha256Digest::of(b"kernel"),
            modules: vec!["virtio".into()],
            origin: "a test".into(),
        };
        kernel.put_in_use(store.path()).unwrap();
        assert_eq!(Kernel::in_use(store.path()).unwrap().as_ref(), Some(&kernel));
        assert!(!kernel.is_whole(store.path()));
        assert_eq!(kernel.module_files(store.path())[0].0, "00-virtio.ko");
    }
}
