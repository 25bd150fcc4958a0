use std::io::BufReader;

use proptest::prelude::*;

use super::*;

type Read = Vec<(u64, Vec<String>)>;

/// Everything in `text`, through a buffer of so many bytes.
fn read(text: &[u8], buffer: usize) -> Result<Read, RecordError> {
    let mut records = Records::new(BufReader::with_capacity(buffer, text));
    let mut record = Record::default();
    let mut all = Vec::new();
    while records.next(&mut record)? {
        let cell = |index| String::from_utf8_lossy(record.cell(index)).into_owned();
        all.push((record.line(), (0..record.len()).map(cell).collect()));
    }
    Ok(all)
}

fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
    (line, cells.iter().map(|&cell| cell.to_owned()).collect())
}

#[test]
fn lines_quotes_and_empty_cells() {
    let text =
        b"a,b,c\r\n\r\n\"x, y\",\"say \"\"no\"\"\",\n,,\n\"two\nlines\",2,3\r\nlast,\"\",end";
    let expected = [
        row(1, &["a", "b", "c"]),
        row(3, &["x, y", "say \"no\"", ""]),
        row(4, &["", "", ""]),
        row(5, &["two\nlines", "2", "3"]),
        row(7, &["last", "", "end"]),
    ];
    for buffer in [1, 2, 3, 7, 4096] {
        assert_eq!(read(text, buffer).expect("well formed"), expected, "buffer of {buffer}");
    }
}

#[test]
fn a_file_without_records_is_not_an_error_here() {
    for text in [&b""[..], b"\n", b"\r\n\r\n", b"\r"] {
        assert_eq!(read(text, 4).expect("nothing"), Vec::new());
    }
}

#[test]
fn a_quote_that_never_closes_is_found() {
    assert!(matches!(read(b"a,b\n1,\"cut of", 16), Err(RecordError::OpenQuote)));
    assert!(matches!(read(b"a,\"b\"x\n", 16), Err(RecordError::AfterQuote)));
    assert!(matches!(read(b"a,\"b\"\rx\n", 16), Err(RecordError::AfterQuote)));
}

#[test]
fn a_record_has_an_end() {
    let endless = vec![b'x'; RECORD_BYTES_MAX + 10];
    assert!(matches!(read(&endless, 1 << 16), Err(RecordError::TooLong)));
    let commas = vec![b','; RECORD_BYTES_MAX + 10];
    assert!(matches!(read(&commas, 1 << 16), Err(RecordError::TooLong)));
}

proptest! {
    /// What another implementation writes is read back cell by cell.
    #[test]
    fn reads_what_the_csv_crate_writes(
        rows in prop::collection::vec(
            prop::collection::vec("[ a-z0-9,\"\r\n.;é]{0,8}", 3), 1..8),
        buffer in 1_usize..40,
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).expect("written to memory");
        }
        let text = writer.into_inner().expect("flushed");
        let read: Vec<_> =
            read(&text, buffer).expect("well formed").into_iter().map(|(_, cells)| cells).collect();
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400), buffer in 1_usize..40) {
        let _ = read(&bytes, buffer);
    }
}
