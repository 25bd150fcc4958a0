//! Arrays in files: NumPy's `.npy` and `.npz`, and raw little-endian values.
//!
//! The layout is that of NumPy's `numpy.lib.format`, versions 1 to 3; an `.npz` is a ZIP
//! archive of `.npy` files. Sizes are compared with what the file holds before anything is
//! allocated, so that a header cannot ask for more memory than its file has bytes, and an
//! archive cannot swell beyond [`BYTES_MAX`]. Deliberately unknown here: models and their
//! inputs.

use std::io::{Cursor, Read};

use npyz::{DType, Endianness, NpyHeader, Order, TypeChar};
use thiserror::Error;
use weighbridge_experiment::TensorElement;

use crate::engine::{Tensor, Values};

/// Most bytes of all arrays of one file together: 1 GiB.
pub const BYTES_MAX: u64 = 1 << 30;
/// A header of NumPy has 128 bytes unless there are dozens of axes.
const HEADER_BYTES_MAX: usize = 1024;
/// Deeper nesting is no description of a plain array.
const HEADER_BRACKETS_MAX: usize = 8;
/// More arrays than any model has inputs.
const ARRAYS_MAX: usize = 1024;

/// Why a file gives no array. Each names the file and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TensorFileError {
    /// Neither `.npy` nor `.npz`.
    #[error("`{file}` is no NumPy file (.npy or .npz); write it with numpy.save or numpy.savez")]
    Unknown {
        /// The file.
        file: String,
    },
    /// A damaged file.
    #[error("`{file}` is damaged: {reason}; write it again")]
    Damaged {
        /// The file, with the array's name where it is one of several.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Half floats.
    #[error("`{file}` holds f16 values, which are not supported; convert it to f32")]
    Half {
        /// The file.
        file: String,
    },
    /// Another type that is not taken.
    #[error("`{file}` holds {found} values; f32, f64, i8, u8, i32, i64 and bool are supported")]
    Element {
        /// The file.
        file: String,
        /// What it is made of, as NumPy writes it.
        found: String,
    },
    /// Column by column.
    #[error(
        "`{file}` is stored column by column (Fortran order); save numpy.ascontiguousarray of it"
    )]
    Fortran {
        /// The file.
        file: String,
    },
    /// Values that do not fill the shape, or do not fit it.
    #[error(
        "`{file}` has {found} bytes of values, {expected} of shape {shape:?} and type {element} \
         were expected"
    )]
    Length {
        /// The file.
        file: String,
        /// Bytes that the shape needs.
        expected: u64,
        /// Bytes that are there.
        found: u64,
        /// The shape.
        shape: Vec<u64>,
        /// The type.
        element: TensorElement,
    },
    /// More than is read.
    #[error("`{file}` holds more than 1 GiB of values, the most that is read; give less")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// No values at all.
    #[error("`{file}` holds no values: its shape is {shape:?}")]
    Empty {
        /// The file.
        file: String,
        /// The shape.
        shape: Vec<u64>,
    },
}

/// What a file of arrays holds.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorFile {
    /// One array without a name.
    One(Tensor),
    /// Arrays with their names, in the file's order.
    Named(Vec<(String, Tensor)>),
}

/// Reads `.npy` or `.npz`, whichever the bytes are.
///
/// # Errors
///
/// As the variants of [`TensorFileError`] say.
pub fn read_tensors(bytes: &[u8], file: &str) -> Result<TensorFile, TensorFileError> {
    if bytes.starts_with(b"\x93NUMPY") {
        return read_npy(bytes, file).map(TensorFile::One);
    }
    if bytes.starts_with(b"PK") {
        return read_npz(bytes, file).map(TensorFile::Named);
    }
    Err(TensorFileError::Unknown { file: file.to_owned() })
}

/// Reads one array of NumPy.
///
/// # Errors
///
/// As the variants of [`TensorFileError`] say.
pub fn read_npy(bytes: &[u8], file: &str) -> Result<Tensor, TensorFileError> {
    let damaged = |reason: String| TensorFileError::Damaged { file: file.to_owned(), reason };
    let values = checked_header(bytes).map_err(damaged)?;
    let header = NpyHeader::from_reader(&mut &bytes[..values])
        .map_err(|error| damaged(error.to_string()))?;
    if header.order() == Order::Fortran && header.shape().len() > 1 {
        return Err(TensorFileError::Fortran { file: file.to_owned() });
    }
    let (element, swapped) = element(&header.dtype(), file)?;
    values_of(&bytes[values..], element, header.shape(), swapped, file)
}

/// Where the values begin, after a header that can be given to the parser: short, flat, and
/// with numbers whose product is one.
fn checked_header(bytes: &[u8]) -> Result<usize, String> {
    let cut_short = || "it is cut short".to_owned();
    let (head, length) = match bytes.get(6) {
        Some(1) => (10, bytes.get(8..10).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])))),
        Some(2 | 3) => {
            (12, bytes.get(8..12).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize))
        }
        Some(version) => return Err(format!("version {version} of the format is not known")),
        None => return Err(cut_short()),
    };
    let length = length.ok_or_else(cut_short)?;
    if length > HEADER_BYTES_MAX {
        return Err(format!("its header has {length} bytes, more than {HEADER_BYTES_MAX}"));
    }
    let text = bytes.get(head..head + length).ok_or_else(cut_short)?;
    if text.iter().filter(|byte| b"([{".contains(byte)).count() > HEADER_BRACKETS_MAX {
        return Err("its header is nested".to_owned());
    }
    let numbers = text.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty());
    let product = numbers
        .map(|run| str::from_utf8(run).ok()?.parse::<u64>().ok())
        .try_fold(1_u64, |product, number| product.checked_mul(number?.max(1)));
    if product.is_none_or(|product| product > 1 << 60) {
        return Err("its shape is larger than any memory".to_owned());
    }
    Ok(head + length)
}

/// The type of an array, and whether its bytes are the other way round.
fn element(dtype: &DType, file: &str) -> Result<(TensorElement, bool), TensorFileError> {
    let unfit = || TensorFileError::Element { file: file.to_owned(), found: dtype.descr() };
    let DType::Plain(plain) = dtype else { return Err(unfit()) };
    let element = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Float, 4) => TensorElement::F32,
        (TypeChar::Float, 8) => TensorElement::F64,
        (TypeChar::Float, 2) => return Err(TensorFileError::Half { file: file.to_owned() }),
        (TypeChar::Int, 1) => TensorElement::I8,
        (TypeChar::Uint, 1) => TensorElement::U8,
        (TypeChar::Int, 4) => TensorElement::I32,
        (TypeChar::Int, 8) => TensorElement::I64,
        (TypeChar::Bool, 1) => TensorElement::Bool,
        _ => return Err(unfit()),
    };
    Ok((element, plain.endianness() == Endianness::Big))
}

/// Reads all arrays of an archive, in its order.
///
/// # Errors
///
/// As the variants of [`TensorFileError`] say.
pub fn read_npz(bytes: &[u8], file: &str) -> Result<Vec<(String, Tensor)>, TensorFileError> {
    let damaged = |reason: String| TensorFileError::Damaged { file: file.to_owned(), reason };
    let mut archive =
        zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    if archive.len() > ARRAYS_MAX {
        return Err(damaged(format!("it holds {} files", archive.len())));
    }
    let mut left = BYTES_MAX;
    let mut arrays = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| damaged(error.to_string()))?;
        let name = entry.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        let Some(array) = name.strip_suffix(".npy") else { continue };
        let mut content = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| damaged(format!("{name}: {error}")))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| TensorFileError::TooLarge { file: file.to_owned() })?;
        if !content.starts_with(b"\x93NUMPY") {
            return Err(damaged(format!("{name} in it is no array")));
        }
        arrays.push((array.to_owned(), read_npy(&content, &format!("{file}: {name}"))?));
    }
    if arrays.is_empty() {
        return Err(damaged("it holds no array".to_owned()));
    }
    Ok(arrays)
}

/// Reads values that lie one after another, the lowest byte first.
///
/// # Errors
///
/// As the variants of [`TensorFileError`] say.
pub fn read_raw(
    bytes: &[u8],
    element: TensorElement,
    shape: &[u64],
    file: &str,
) -> Result<Tensor, TensorFileError> {
    values_of(bytes, element, shape, false, file)
}

fn values_of(
    bytes: &[u8],
    element: TensorElement,
    shape: &[u64],
    swapped: bool,
    file: &str,
) -> Result<Tensor, TensorFileError> {
    let too_large = || TensorFileError::TooLarge { file: file.to_owned() };
    let count = shape.iter().try_fold(1_u64, |count, axis| count.checked_mul(*axis));
    let expected = count
        .and_then(|count| count.checked_mul(element.bytes() as u64))
        .filter(|bytes| *bytes <= BYTES_MAX)
        .ok_or_else(too_large)?;
    if expected == 0 {
        return Err(TensorFileError::Empty { file: file.to_owned(), shape: shape.to_vec() });
    }
    let found = bytes.len() as u64;
    if found != expected {
        let (file, shape) = (file.to_owned(), shape.to_vec());
        return Err(TensorFileError::Length { file, expected, found, shape, element });
    }
    let shape = shape.iter().map(|axis| usize::try_from(*axis)).collect::<Result<_, _>>();
    Ok(Tensor { shape: shape.map_err(|_| too_large())?, values: decoded(bytes, element, swapped) })
}

/// Whole elements of `N` bytes each, turned round where they are the other way.
fn numbers<const N: usize, T>(bytes: &[u8], swapped: bool, read: fn([u8; N]) -> T) -> Vec<T> {
    let (whole, _) = bytes.as_chunks::<N>();
    let turn = |mut element: [u8; N]| {
        element.reverse();
        element
    };
    if swapped {
        whole.iter().map(|element| read(turn(*element))).collect()
    } else {
        whole.iter().map(|element| read(*element)).collect()
    }
}

fn decoded(bytes: &[u8], element: TensorElement, swapped: bool) -> Values {
    match element {
        TensorElement::F32 => Values::F32(numbers(bytes, swapped, f32::from_le_bytes)),
        TensorElement::F64 => Values::F64(numbers(bytes, swapped, f64::from_le_bytes)),
        TensorElement::I8 => Values::I8(numbers(bytes, swapped, i8::from_le_bytes)),
        TensorElement::U8 => Values::U8(bytes.to_vec()),
        TensorElement::I32 => Values::I32(numbers(bytes, swapped, i32::from_le_bytes)),
        TensorElement::I64 => Values::I64(numbers(bytes, swapped, i64::from_le_bytes)),
        TensorElement::Bool => Values::Bool(bytes.iter().map(|byte| *byte != 0).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    /// As `numpy.save` writes it: `descr` such as `<f4`, `shape` such as `(2, 3)`.
    fn npy(descr: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        let mut text =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
        while (10 + text.len() + 1) % 64 != 0 {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(values);
        bytes
    }

    fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in arrays {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).expect("begun");
            writer.write_all(content).expect("written");
        }
        writer.finish().expect("closed").into_inner()
    }

    fn refusal(bytes: &[u8]) -> String {
        read_tensors(bytes, "x.npy").expect_err("refused").to_string()
    }

    #[test]
    fn every_type_is_read_in_either_byte_order() {
        let little = npy("<f4", false, "(2,)", &[0, 0, 128, 63, 0, 0, 0, 64]);
        let big = npy(">f4", false, "(2,)", &[63, 128, 0, 0, 64, 0, 0, 0]);
        let expected = TensorFile::One(Tensor::f32(vec![2], vec![1.0, 2.0]));
        assert_eq!(read_tensors(&little, "x").expect("read"), expected);
        assert_eq!(read_tensors(&big, "x").expect("read"), expected);
        for (descr, bytes, values) in [
            ("|b1", vec![0, 1], Values::Bool(vec![false, true])),
            ("|u1", vec![7, 255], Values::U8(vec![7, 255])),
            ("|i1", vec![255, 1], Values::I8(vec![-1, 1])),
            ("<i4", vec![1, 0, 0, 0, 2, 0, 0, 0], Values::I32(vec![1, 2])),
        ] {
            let read = read_npy(&npy(descr, false, "(1, 2)", &bytes), "x").expect("read");
            assert_eq!(read, Tensor { shape: vec![1, 2], values });
        }
        let scalar = read_npy(&npy("<i8", false, "()", &[5, 0, 0, 0, 0, 0, 0, 0]), "x");
        assert_eq!(scalar, Ok(Tensor { shape: vec![], values: Values::I64(vec![5]) }));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        assert!(refusal(&npy("<f2", false, "(1,)", &[0, 0])).contains("f16"));
        assert!(refusal(&npy("<c8", false, "(1,)", &[0; 8])).contains("c8"));
        assert!(refusal(&npy("<f4", true, "(2, 2)", &[0; 16])).contains("Fortran"));
        assert!(refusal(&npy("<f4", false, "(2, 2)", &[0; 15])).contains("15 bytes"));
        assert!(refusal(&npy("<f4", false, "(2, 0)", &[])).contains("no values"));
        assert!(refusal(b"a text").contains("no NumPy file"));
        let huge = npy("<f4", false, "(4294967295, 4294967295, 4294967295)", &[]);
        assert!(refusal(&huge).contains("larger than any memory"));
        let large = npy("<f4", false, "(1000000, 1000000)", &[]);
        assert!(refusal(&large).contains("1 GiB"));
        assert!(refusal(&npy("<f4", false, &"(".repeat(60), &[])).contains("nested"));
    }

    #[test]
    fn an_archive_gives_its_arrays_by_name() {
        let one = npy("<f4", false, "(1,)", &[0, 0, 128, 63]);
        let two = npy("|u1", false, "(1,)", &[9]);
        let archive = npz(&[("image.npy", one), ("mask.npy", two), ("note.txt", vec![1])]);
        let TensorFile::Named(arrays) = read_tensors(&archive, "x.npz").expect("read") else {
            panic!("an archive");
        };
        let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["image", "mask"]);
        assert!(refusal(&npz(&[("a.npy", vec![1, 2])])).contains("a.npy in it is no array"));
        assert!(refusal(&npz(&[])).contains("holds no array"));
        assert!(refusal(&archive[..archive.len() / 2]).contains("damaged"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_array_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_tensors(&bytes, "any");
            let mut npy = b"\x93NUMPY\x01\x00".to_vec();
            npy.extend(&bytes);
            let _ = read_tensors(&npy, "any");
        }

        #[test]
        fn damaged_headers_never_panic(at in 8_usize..80, with in "[0-9(),{}' ]{0,20}") {
            let mut bytes = npy("<f4", false, "(2, 3)", &[0; 24]);
            bytes.splice(at..at + 1, with.bytes());
            let _ = read_tensors(&bytes, "any");
        }

        #[test]
        fn what_is_written_is_read(values in prop::collection::vec(any::<i64>(), 1..40)) {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let shape = format!("({},)", values.len());
            let read = read_npy(&npy("<i8", false, &shape, &bytes), "x").expect("read");
            prop_assert_eq!(read.values, Values::I64(values.clone()));
            let raw = read_raw(&bytes, TensorElement::I64, &[values.len() as u64], "x");
            prop_assert_eq!(raw.expect("read").values, Values::I64(values));
        }
    }
}
