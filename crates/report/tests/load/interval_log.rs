//! A reader of interval logs by HdrHistogram's description of its V2 encoding, without its
//! library: base64, zlib, then counts as ZigZag LEB128 with runs of zeros as negative numbers.

use std::io::Read as _;

pub(crate) struct Interval {
    pub(crate) start: f64,
    pub(crate) length: f64,
    pub(crate) max: f64,
    /// Middle of each bucket that holds something, with its count.
    pub(crate) values: Vec<(u64, u64)>,
}

pub(crate) fn read(line: &str) -> Interval {
    let fields: Vec<&str> = line.split(',').collect();
    let number = |index: usize| -> f64 { fields[index].parse().expect("a number") };
    assert!(fields[3].starts_with("HISTF"), "{}", fields[3]);
    let bytes = base64(fields[3]);
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(word(0), 0x1c84_9314, "cookie of a compressed V2 histogram");
    assert_eq!(word(4) as usize, bytes.len() - 8);
    let mut payload = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[8..]).read_to_end(&mut payload).expect("zlib");
    Interval { start: number(0), length: number(1), max: number(2), values: counts(&payload) }
}

fn counts(payload: &[u8]) -> Vec<(u64, u64)> {
    let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_be_bytes(payload[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!(word(0), 0x1c84_9313, "cookie of a V2 histogram");
    assert_eq!(word(4) as usize, payload.len() - 40);
    let (digits, lowest) = (word(12), long(16));
    let unit = lowest.ilog2();
    let half = (2 * 10_u64.pow(digits)).next_power_of_two() / 2;
    let mut values = Vec::new();
    let (mut at, mut index) = (40, 0_u64);
    while at < payload.len() {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = payload[at];
            at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let count = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        if count < 0 {
            index += count.unsigned_abs();
            continue;
        }
        if count > 0 {
            // The first bucket has twice as many sub-buckets as each later one.
            let (bucket, sub) =
                if index < 2 * half { (0, index) } else { (index / half - 1, index % half + half) };
            let width = 1_u64 << (bucket + u64::from(unit));
            values.push(((sub << (bucket + u64::from(unit))) + width / 2, count.unsigned_abs()));
        }
        index += 1;
    }
    values
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut buffer, mut bits) = (0_u32, 0);
    for character in text.trim_end_matches('=').chars() {
        let value = ALPHABET.find(character).expect("base64");
        buffer = (buffer << 6) | u32::try_from(value).expect("six bits");
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    bytes
}
