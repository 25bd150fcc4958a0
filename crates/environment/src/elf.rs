//! Which dynamic linker an executable asks for, from its ELF header (elf(5)).

/// What an executable needs to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// Nothing but itself.
    Static,
    /// This dynamic linker, by its absolute path.
    Dynamic(String),
}

const PROGRAM_HEADER_INTERP: u32 = 3;
/// Offsets and sizes of the 64-bit little-endian layout.
const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn offset(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(number(bytes, at)?)).ok()
}

/// Reads the linkage of a 64-bit little-endian executable; the error says what is wrong.
pub(crate) fn linkage(bytes: &[u8]) -> Result<Linkage, String> {
    let cut_short = || "it is cut short".to_owned();
    if bytes.get(..4) != Some(b"\x7fELF") {
        return Err("it is not an ELF file".into());
    }
    if bytes.len() < HEADER_BYTES {
        return Err(cut_short());
    }
    if bytes[4] != 2 || bytes[5] != 1 {
        return Err("it is not 64-bit little-endian".into());
    }
    let table = offset(bytes, 32).ok_or_else(cut_short)?;
    let size = usize::from(u16::from_le_bytes(number(bytes, 54).ok_or_else(cut_short)?));
    let count = usize::from(u16::from_le_bytes(number(bytes, 56).ok_or_else(cut_short)?));
    if count > 0 && size < PROGRAM_HEADER_BYTES {
        return Err("its program headers are too small".into());
    }
    for index in 0..count {
        let header = table.checked_add(index * size).ok_or_else(cut_short)?;
        let kind = u32::from_le_bytes(number(bytes, header).ok_or_else(cut_short)?);
        if kind != PROGRAM_HEADER_INTERP {
            continue;
        }
        let start = offset(bytes, header + 8).ok_or_else(cut_short)?;
        let length = offset(bytes, header + 32).ok_or_else(cut_short)?;
        let end = start.checked_add(length).ok_or_else(cut_short)?;
        let text = bytes.get(start..end).ok_or_else(cut_short)?;
        let text = std::str::from_utf8(text).map_err(|_| "its linker's path is not text")?;
        let path = text.trim_end_matches('\0');
        if !path.starts_with('/') {
            return Err(format!("its linker `{path}` is not an absolute path"));
        }
        return Ok(Linkage::Dynamic(path.to_owned()));
    }
    Ok(Linkage::Static)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_very_test_asks_for_the_linker_that_it_runs_on() {
        let bytes = std::fs::read("/proc/self/exe").unwrap();
        match linkage(&bytes).unwrap() {
            Linkage::Dynamic(path) => {
                let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
                let real = std::fs::canonicalize(&path).unwrap();
                assert!(maps.contains(real.to_str().unwrap()), "{path}");
            }
            Linkage::Static => {
                assert!(!std::fs::read_to_string("/proc/self/maps").unwrap().contains("ld-"));
            }
        }
    }

    #[test]
    fn what_is_no_executable_is_said_to_be_none() {
        assert_eq!(linkage(b"#!/bin/sh\n"), Err("it is not an ELF file".into()));
        assert_eq!(linkage(b"\x7fELF\x02\x01"), Err("it is cut short".into()));
        let mut narrow = vec![0; 64];
        narrow[..6].copy_from_slice(b"\x7fELF\x01\x01");
        assert_eq!(linkage(&narrow), Err("it is not 64-bit little-endian".into()));
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 64..400),
        ) {
            bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
            let _ = linkage(&bytes);
        }

        #[test]
        fn cut_executables_never_panic(length in 0_usize..5000) {
            let bytes = std::fs::read("/proc/self/exe").unwrap();
            let _ = linkage(&bytes[..length]);
        }
    }
}
