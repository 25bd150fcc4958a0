//! Bytes of a bill as text: gzip is unpacked as it is read, a byte-order mark dropped, and
//! what is something else entirely is called by its name.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::BillError;

type Begun<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// Text of a bill, unpacked.
pub(super) enum BillBytes<R: Read> {
    Plain(Begun<R>),
    /// Boxed: the decoder's tables are large beside the other variant.
    Gzip(Box<Begun<MultiGzDecoder<Begun<R>>>>),
}

/// Bytes that tell what a file is.
const MAGIC: usize = 4;
const BUFFER: usize = 64 << 10;

impl<R: Read> BillBytes<R> {
    pub(super) fn open(reader: R) -> Result<Self, BillError> {
        let (start, reader) = begin(reader)?;
        if start.starts_with(&[0x1f, 0x8b]) {
            // Providers append members to one file.
            let (start, reader) = begin(MultiGzDecoder::new(reader)).map_err(gzip_error)?;
            refuse_other_containers(&start)?;
            return Ok(Self::Gzip(Box::new(reader)));
        }
        refuse_other_containers(&start)?;
        Ok(Self::Plain(reader))
    }

    /// Whether the file is compressed: errors of reading then mean another thing.
    pub(super) fn is_gzip(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }
}

/// Looks at the first bytes, puts them back, and drops a byte-order mark.
fn begin<R: Read>(mut reader: R) -> Result<(Vec<u8>, Begun<R>), BillError> {
    let mut start = Vec::with_capacity(MAGIC);
    let read = reader.by_ref().take(MAGIC as u64).read_to_end(&mut start);
    read.map_err(|source| BillError::Read { line: 1, source })?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start).to_vec();
    Ok((start, BufReader::with_capacity(BUFFER, Cursor::new(text).chain(reader))))
}

fn gzip_error(error: BillError) -> BillError {
    match error {
        BillError::Read { line, source } => at_gzip(line, source),
        other => other,
    }
}

/// What an error of reading a compressed file means.
pub(super) fn at_gzip(line: u64, source: io::Error) -> BillError {
    match source.kind() {
        io::ErrorKind::UnexpectedEof => BillError::GzipEndsEarly { line },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            BillError::GzipDamaged { line, source }
        }
        _ => BillError::Read { line, source },
    }
}

fn refuse_other_containers(start: &[u8]) -> Result<(), BillError> {
    let (what, advice) = match start {
        [b'P', b'A', b'R', b'1', ..] => {
            ("a Parquet file", "export the bill as CSV, or as CSV with gzip")
        }
        [b'P', b'K', 3, 4, ..] => ("a zip archive", "unpack it and give the CSV file"),
        [0x1f, 0x8b, ..] => ("gzip inside gzip", "unpack it once"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("text in UTF-16", "save it as UTF-8"),
        _ => return Ok(()),
    };
    Err(BillError::Container { what, advice })
}

impl<R: Read> Read for BillBytes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
        }
    }
}

impl<R: Read> BufRead for BillBytes<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(reader) => reader.fill_buf(),
            Self::Gzip(reader) => reader.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(reader) => reader.consume(amount),
            Self::Gzip(reader) => reader.consume(amount),
        }
    }
}
