//! Small bills of every format, written for these tests, each line with what is to be found.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use weighbridge_price::bill::{BillCheck, BillError, BillFormat, BillSummary, Found};

/// What was found on each line that is not exact: the word of the cause, or of why not.
fn found(
    bytes: &[u8],
    asked: Option<BillFormat>,
) -> Result<(Vec<(u64, String)>, BillSummary), BillError> {
    let mut check = BillCheck::open(bytes, asked)?;
    let mut all = Vec::new();
    while let Some(finding) = check.next_finding()? {
        let word = match finding.what {
            Found::Difference { cause, .. } => cause.code().to_owned(),
            Found::NotPriced(why) => why.code().to_owned(),
        };
        all.push((finding.line, word));
    }
    Ok((all, check.summary().clone()))
}

fn words(bytes: &[u8]) -> Vec<(u64, String)> {
    found(bytes, None).expect("readable").0
}

fn expected(list: &[(u64, &str)]) -> Vec<(u64, String)> {
    list.iter().map(|(line, word)| (*line, (*word).to_owned())).collect()
}

const CUR: &[u8] = include_bytes!("bills/cur.csv");
const CUR2: &[u8] = include_bytes!("bills/cur2.csv");
const FOCUS: &[u8] = include_bytes!("bills/focus-1.2.csv");
const AZURE_EA: &[u8] = include_bytes!("bills/azure-ea.csv");
const AZURE_MCA: &[u8] = include_bytes!("bills/azure-mca.csv");
const GCP: &[u8] = include_bytes!("bills/gcp.csv");
const GCP_DETAILED: &[u8] = include_bytes!("bills/gcp-detailed.csv");
const OCI: &[u8] = include_bytes!("bills/oci.csv");

const CUR_FOUND: [(u64, &str); 10] = [
    (5, "sum_of_rounded_records"),
    (6, "list_price_billed"),
    (7, "unexplained"),
    (8, "tax"),
    (9, "credit"),
    (10, "fee"),
    (11, "discount"),
    (12, "not_a_number"),
    (13, "no_price"),
    (16, "unexplained"),
];

#[test]
fn every_format_is_told_by_its_header() {
    let bills = [
        (CUR, BillFormat::Cur, "aws"),
        (CUR2, BillFormat::Cur2, "aws"),
        (FOCUS, BillFormat::Focus, "several"),
        (AZURE_EA, BillFormat::Azure, "azure"),
        (AZURE_MCA, BillFormat::Azure, "azure"),
        (GCP, BillFormat::Gcp, "gcp"),
        (GCP_DETAILED, BillFormat::Gcp, "gcp"),
        (OCI, BillFormat::Oci, "oci"),
    ];
    for (bytes, format, provider) in bills {
        let mut check = BillCheck::open(bytes, None).expect("a bill");
        assert_eq!(check.format(), format);
        while check.next_finding().expect("readable").is_some() {}
        assert_eq!(check.summary().provider(), provider, "{format}");
        let asked = found(bytes, Some(format)).expect("as asked").0;
        assert_eq!(asked, words(bytes), "{format}");
    }
}

#[test]
fn aws_legacy() {
    let (all, summary) = found(CUR, None).expect("readable");
    assert_eq!(all, expected(&CUR_FOUND));
    assert_eq!((summary.lines, summary.priced, summary.exact), (15, 9, 5));
    assert_eq!((summary.unexplained(), summary.damaged), (2, 1));
}

#[test]
fn aws_2_with_split_lines_and_two_currencies() {
    let (all, summary) = found(CUR2, None).expect("readable");
    let list = [(4, "split_of_another_line"), (5, "no_cost"), (6, "no_quantity")];
    assert_eq!(all, expected(&list));
    let sum = |code: &str| summary.money[code].computed.expect("small").normalize().to_string();
    assert_eq!((sum("USD"), sum("EUR")), ("0.096750015".to_owned(), "0.09".to_owned()));
    let billed = summary.money["EUR"].billed.expect("small").normalize().to_string();
    assert_eq!(billed, "0.18", "an empty cost is none, and is said to be missing");
}

#[test]
fn focus_of_several_providers() {
    let list = [
        (3, "covered_by_commitment"),
        (4, "list_price_billed"),
        (6, "priced_per_block"),
        (8, "refund"),
        (9, "unexplained"),
        (10, "tax"),
        (12, "billed_figure_rounded"),
    ];
    assert_eq!(words(FOCUS), expected(&list));
}

#[test]
fn azure_of_both_agreements() {
    let list = [
        (4, "printed_inputs_rounded"),
        (5, "unexplained"),
        (6, "covered_by_commitment"),
        (7, "fee"),
        (8, "billed_figure_rounded"),
        (9, "unexplained"),
    ];
    assert_eq!(words(AZURE_EA), expected(&list));
    assert_eq!(words(AZURE_MCA), expected(&[(3, "unexplained")]));
}

#[test]
fn google_with_and_without_prices() {
    assert_eq!(words(GCP), expected(&[(2, "no_price_column"), (3, "tax")]));
    let list = [(4, "rounded_to_step"), (5, "unexplained"), (6, "price_block"), (7, "adjustment")];
    assert_eq!(words(GCP_DETAILED), expected(&list));
}

#[test]
fn oracle_to_the_eighteenth_place() {
    assert_eq!(words(OCI), expected(&[(4, "unexplained"), (5, "refund")]));
}

#[test]
fn gzip_marks_and_line_ends_change_nothing() {
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend_from_slice(CUR);
    let text = String::from_utf8(marked.clone()).expect("UTF-8").replace('\n', "\r\n");
    let half = CUR.len() / 2;
    let members = [gzip(&CUR[..half]), gzip(&CUR[half..])].concat();
    let unended = CUR.strip_suffix(b"\n").expect("a line end").to_vec();
    for bytes in [marked.clone(), text.into_bytes(), gzip(CUR), gzip(&marked), members, unended] {
        assert_eq!(words(&bytes), expected(&CUR_FOUND));
    }
}

#[test]
fn columns_may_be_in_any_order_and_quoted() {
    let text = std::str::from_utf8(OCI).expect("UTF-8");
    let turned: Vec<String> = text
        .lines()
        .map(|line| {
            line.split(',').rev().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",")
        })
        .collect();
    assert_eq!(words(turned.join("\n").as_bytes()), words(OCI));
}

#[test]
fn a_cut_off_gzip_file_is_an_error_wherever_it_is_cut() {
    let whole = gzip(CUR);
    for length in [5, 12, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        let error = found(&whole[..length], None).expect_err("cut off");
        assert!(matches!(error, BillError::GzipEndsEarly { .. }), "{length}: {error}");
    }
    let mut damaged = whole.clone();
    let middle = whole.len() / 2;
    damaged[middle] ^= 0xff;
    assert!(found(&damaged, None).is_err(), "one byte was changed");
}

#[test]
fn what_is_no_bill_is_called_by_its_name() {
    let message = |bytes: &[u8]| found(bytes, None).expect_err("no bill").to_string();
    assert!(message(b"").starts_with("it is empty"));
    assert!(message(b"name,age\nkim,20\n").contains("2 columns, is of no known bill"));
    assert!(message(b"PAR1\x15\x04").contains("a Parquet file"));
    assert!(message(&gzip(b"PAR1\x15\x04")).contains("a Parquet file"));
    assert!(message(b"PK\x03\x04rest").contains("a zip archive"));
    assert!(message(b"\xff\xfea\0,\0").contains("UTF-16"));
    assert!(message(b"a;b;c\n1;2;3\n").contains("separated by commas"));
    let lacking = message(b"sku.id,cost,currency\n");
    assert!(
        lacking.contains("Google Cloud billing export")
            && lacking.contains("usageamountinpricingunits"),
        "{lacking}"
    );
    let asked = found(CUR, Some(BillFormat::Oci)).expect_err("another format").to_string();
    assert!(
        asked.contains("not of Oracle Cloud cost report") && asked.contains("costmycost"),
        "{asked}"
    );
}

#[test]
fn damage_is_placed() {
    let error = |text: &str| found(text.as_bytes(), None).expect_err("damaged");
    let cur = std::str::from_utf8(CUR).expect("UTF-8");
    let cut = &cur[..cur.len() - 30];
    assert!(matches!(error(cut), BillError::Columns { line: 16, found: 9, expected: 11 }));
    let quoted = cur.replace("half of the last place", "\"half of the last place");
    assert!(matches!(error(&quoted), BillError::Quote { line: 4, .. }));
    let twice = cur.replace("identity/LineItemId", "lineItem/UsageAmount");
    assert!(matches!(error(&twice), BillError::RepeatedColumn { .. }));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("packed");
    encoder.finish().expect("packed")
}
