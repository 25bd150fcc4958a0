//! A wheel of PyPI: an archive that lists the hash of each of its files.
//!
//! The format is that of the "Binary distribution format" specification of the Python
//! Packaging Authority (PEP 427): `NAME-VERSION.dist-info/RECORD` holds a line
//! `path,sha256=DIGEST,size` for every file but itself; the digest is base64 in the URL's
//! alphabet without padding (RFC 4648, section 5).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;
use zip::ZipArchive;

/// No library of ONNX Runtime is near this size, with all of CUDA's kernels in it.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// Why a wheel is not unpacked.
#[derive(Debug, Error)]
pub(crate) enum WheelError {
    #[error("cannot read the wheel {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a wheel: {reason}", path.display())]
    NotAWheel { path: PathBuf, reason: String },
    #[error(
        "{} is damaged: `{member}` does not have the hash that the wheel's RECORD gives for it",
        path.display()
    )]
    Hash { path: PathBuf, member: String },
    #[error("{} is damaged: its RECORD does not match what is in it: `{member}`", path.display())]
    Unlisted { path: PathBuf, member: String },
    #[error("{} holds no `libonnxruntime.so`; give a wheel of onnxruntime for Linux", path.display())]
    NoLibrary { path: PathBuf },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// What was unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// Name and version of the distribution, such as `onnxruntime-1.31.1`.
    pub(crate) distribution: String,
    /// File name of the library.
    pub(crate) library: String,
}

/// Reads every file of the wheel, compares it with its recorded hash, and writes the shared
/// libraries and the licences into `target`, which exists and is empty.
pub(crate) fn unpack(wheel: &Path, target: &Path) -> Result<Unpacked, WheelError> {
    let broken = |reason: &dyn std::fmt::Display| WheelError::NotAWheel {
        path: wheel.to_owned(),
        reason: reason.to_string(),
    };
    let unlisted =
        |member: &str| WheelError::Unlisted { path: wheel.to_owned(), member: member.to_owned() };
    let file =
        File::open(wheel).map_err(|source| WheelError::Read { path: wheel.to_owned(), source })?;
    let mut archive = ZipArchive::new(io::BufReader::new(file)).map_err(|error| broken(&error))?;
    let (distribution, mut recorded) = record(&mut archive).map_err(|reason| broken(&reason))?;
    let mut library = None;
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = member.name().map_err(|error| broken(&error))?.into_owned();
        if !member.is_file() {
            continue;
        }
        let Some(expected) = recorded.remove(&name) else { return Err(unlisted(&name)) };
        let wanted = wanted(&name).map(|file_name| target.join(file_name));
        let found = copy_hashed(&mut member, wanted.as_deref(), wheel)?;
        // Only RECORD itself is listed without a hash.
        if expected.is_some_and(|expected| expected != found) {
            return Err(WheelError::Hash { path: wheel.to_owned(), member: name });
        }
        let file_name = wanted.and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
        library = file_name.filter(|name| name.starts_with("libonnxruntime.so")).or(library);
    }
    if let Some((missing, _)) = recorded.pop_first() {
        return Err(unlisted(&missing));
    }
    let library = library.ok_or_else(|| WheelError::NoLibrary { path: wheel.to_owned() })?;
    Ok(Unpacked { distribution, library })
}

type Recorded = BTreeMap<String, Option<String>>;

/// Name and version of the distribution, and the hash of every file.
fn record(
    archive: &mut ZipArchive<impl io::Read + io::Seek>,
) -> Result<(String, Recorded), String> {
    let names: Vec<String> =
        archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let mut records = names.iter().filter_map(|name| {
        let folder = name.strip_suffix("/RECORD")?;
        Some((name, folder.strip_suffix(".dist-info").filter(|name| !name.contains('/'))?))
    });
    let (name, distribution) = records.next().ok_or("it has no RECORD of its files")?;
    let member = archive.by_name(name).map_err(|error| error.to_string())?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(member);
    let mut recorded = Recorded::new();
    for row in reader.records() {
        let row = row.map_err(|error| format!("its RECORD cannot be read: {error}"))?;
        let path = row.get(0).unwrap_or_default().to_owned();
        let hash = row.get(1).unwrap_or_default();
        let digest = hash.strip_prefix("sha256=").map(str::to_owned);
        if digest.is_none() && path != *name {
            return Err(format!("its RECORD gives no SHA-256 for `{path}`"));
        }
        recorded.insert(path, digest);
    }
    Ok((distribution.to_owned(), recorded))
}

/// The plain file name under which a member is kept: libraries of ONNX Runtime and licences.
/// Nothing else of its path is used.
fn wanted(member: &str) -> Option<&str> {
    let (folder, name) = member.rsplit_once('/')?;
    let library = folder == "onnxruntime/capi"
        && name.starts_with("libonnxruntime")
        && (name.ends_with(".so") || name.contains(".so."));
    let licence = folder == "onnxruntime" && matches!(name, "LICENSE" | "ThirdPartyNotices.txt");
    (library || licence).then_some(name)
}

/// Reads a member to its end and gives its digest as RECORD writes it; keeps a copy if wanted.
fn copy_hashed(
    member: &mut impl Read,
    target: Option<&Path>,
    wheel: &Path,
) -> Result<String, WheelError> {
    let write_error =
        |source| WheelError::Write { path: target.unwrap_or(wheel).to_owned(), source };
    let mut copy = target.map(File::create).transpose().map_err(write_error)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    let mut member = member.take(FILE_BYTES_MAX);
    loop {
        let length = member
            .read(&mut piece)
            .map_err(|source| WheelError::Read { path: wheel.to_owned(), source })?;
        if length == 0 {
            break;
        }
        hasher.update(&piece[..length]);
        if let Some(copy) = &mut copy {
            copy.write_all(&piece[..length]).map_err(write_error)?;
        }
    }
    if let (Some(copy), Some(target)) = (copy, target) {
        copy.sync_all().map_err(write_error)?;
        make_executable(target).map_err(write_error)?;
    }
    Ok(url_base64(&hasher.finalize()))
}

/// Readable by everyone: an agent in a container may run as another user.
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// RFC 4648, section 5, without padding.
fn url_base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for character in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * character)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    #[test]
    fn digests_are_written_as_record_writes_them() {
        // RFC 4648, section 10, without the padding; and the digest of nothing, as it stands
        // in every RECORD beside an empty file.
        let vectors =
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (plain, text) in vectors {
            assert_eq!(url_base64(plain.as_bytes()), text);
        }
        let empty = url_base64(&Sha256::digest(b""));
        assert_eq!(empty, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
    }

    const MEMBERS: [(&str, &str); 4] = [
        ("onnxruntime/capi/libonnxruntime.so.1.31.1", "a library"),
        ("onnxruntime/LICENSE", "a licence"),
        ("onnxruntime/__init__.py", ""),
        ("onnxruntime-1.31.1.dist-info/METADATA", "Name: onnxruntime"),
    ];

    /// A wheel in which the content of `members` differs from what RECORD was made of.
    fn wheel(path: &Path, members: &[(&str, &str)], recorded: &[(&str, &str)]) {
        let mut archive = ZipWriter::new(File::create(path).expect("created"));
        let mut add = |name: &str, content: &[u8]| {
            archive.start_file(name, SimpleFileOptions::default()).expect("a member");
            archive.write_all(content).expect("written");
        };
        let mut record = String::new();
        for (name, content) in recorded {
            let digest = url_base64(&Sha256::digest(content));
            record += &format!("{name},sha256={digest},{}\r\n", content.len());
        }
        record += "onnxruntime-1.31.1.dist-info/RECORD,,\r\n";
        for (name, content) in members {
            add(name, content.as_bytes());
        }
        add("onnxruntime-1.31.1.dist-info/RECORD", record.as_bytes());
        archive.finish().expect("finished");
    }

    fn unpacked(
        members: &[(&str, &str)],
        recorded: &[(&str, &str)],
    ) -> Result<Vec<String>, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, target) = (directory.path().join("a.whl"), directory.path().join("out"));
        fs::create_dir(&target).expect("created");
        wheel(&file, members, recorded);
        let unpacked = unpack(&file, &target).map_err(|error| error.to_string())?;
        assert_eq!(unpacked.distribution, "onnxruntime-1.31.1");
        assert_eq!(unpacked.library, "libonnxruntime.so.1.31.1");
        let mut names: Vec<String> = fs::read_dir(&target)
            .expect("the target")
            .map(|entry| entry.expect("a file").file_name().into_string().expect("plain"))
            .collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn libraries_and_licences_are_kept_and_nothing_else() {
        let kept = unpacked(&MEMBERS, &MEMBERS).expect("a good wheel");
        assert_eq!(kept, ["LICENSE", "libonnxruntime.so.1.31.1"]);
    }

    #[test]
    fn any_file_with_another_hash_is_refused_even_one_that_is_not_kept() {
        for changed in 0..MEMBERS.len() {
            let mut members = MEMBERS;
            members[changed].1 = "another content";
            let refused = unpacked(&members, &MEMBERS).expect_err("changed");
            assert!(refused.contains(MEMBERS[changed].0) && refused.contains("hash"), "{refused}");
        }
    }

    #[test]
    fn files_and_record_must_list_the_same() {
        let refused = unpacked(&MEMBERS, &MEMBERS[..3]).expect_err("not in RECORD");
        assert!(refused.contains("METADATA"), "{refused}");
        let refused = unpacked(&MEMBERS[..3], &MEMBERS).expect_err("not in the archive");
        assert!(refused.contains("METADATA"), "{refused}");
        let refused = unpacked(&MEMBERS[1..], &MEMBERS[1..]).expect_err("no library");
        assert!(refused.contains("no `libonnxruntime.so`"), "{refused}");
    }

    #[test]
    fn members_never_leave_the_folder() {
        for name in ["../../etc/LICENSE", "onnxruntime/capi/../../libonnxruntime.so", "LICENSE"] {
            assert_eq!(wanted(name), None, "{name}");
        }
        assert_eq!(wanted("onnxruntime/capi/libonnxruntime.so.1"), Some("libonnxruntime.so.1"));
    }

    #[test]
    fn what_is_no_archive_is_no_wheel() {
        let here = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let refused = unpack(here, Path::new("/nowhere")).expect_err("a text");
        assert!(matches!(refused, WheelError::NotAWheel { .. }), "{refused}");
    }
}
