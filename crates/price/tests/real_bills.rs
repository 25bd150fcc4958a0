//! Bills that providers really printed, where they lie beside the project: every count is
//! asserted, and every line that differs, with its cause.

use std::fs;
use std::path::Path;

use weighbridge_price::bill::{BillCheck, BillFormat, BillSummary, Cause, Found};

struct Checked {
    format: BillFormat,
    summary: BillSummary,
    /// Lines that differ, with their cause.
    differ: Vec<(u64, Cause)>,
    /// Words for why lines were not priced, with the first such line.
    not_priced: Vec<(&'static str, u64)>,
}

/// The check of a real bill, or nothing where it is absent: said, not hidden.
#[allow(clippy::print_stdout)]
fn checked(name: &str) -> Option<Checked> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/billing").join(name);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            println!("data absent: the real bill {name} cannot be read ({error})");
            return None;
        }
    };
    let mut check = BillCheck::open(bytes.as_slice(), None).expect("a bill");
    let mut differ = Vec::new();
    let mut not_priced: Vec<(&'static str, u64)> = Vec::new();
    while let Some(finding) = check.next_finding().expect("readable to its end") {
        match finding.what {
            Found::Difference { cause, .. } => differ.push((finding.line, cause)),
            Found::NotPriced(why) => {
                if !not_priced.iter().any(|(code, _)| *code == why.code()) {
                    not_priced.push((why.code(), finding.line));
                }
            }
        }
    }
    Some(Checked { format: check.format(), summary: check.summary().clone(), differ, not_priced })
}

fn counts(summary: &BillSummary) -> (u64, u64, u64) {
    (summary.lines, summary.priced, summary.exact)
}

#[test]
fn aws_legacy_report() {
    let Some(bill) = checked("aws-cur-legacy-150.csv") else { return };
    assert_eq!((bill.format, bill.summary.provider()), (BillFormat::Cur, "aws"));
    assert_eq!(counts(&bill.summary), (150, 148, 136));
    let sums = [9, 44, 70, 79, 87, 88, 98, 103, 128, 130, 133, 134];
    assert_eq!(bill.differ, sums.map(|line| (line, Cause::SumOfRoundedRecords)));
    assert_eq!(bill.not_priced, [("tax", 2)]);
}

#[test]
fn oracle_cost_report() {
    let Some(bill) = checked("oci-cost-report-60.csv") else { return };
    assert_eq!((bill.format, bill.summary.provider()), (BillFormat::Oci, "oci"));
    assert_eq!(counts(&bill.summary), (60, 60, 60));
    assert_eq!(bill.differ, []);
    assert_eq!(bill.not_priced, []);
}

#[test]
fn azure_enterprise_export() {
    let Some(bill) = checked("azure-ea-export.csv") else { return };
    assert_eq!((bill.format, bill.summary.provider()), (BillFormat::Azure, "azure"));
    assert_eq!(counts(&bill.summary), (27, 27, 22));
    assert_eq!(bill.differ, [10, 16, 17, 20, 28].map(|line| (line, Cause::PrintedInputsRounded)));
    assert_eq!(bill.not_priced, []);
}

#[test]
fn google_standard_export_prints_no_price() {
    let Some(bill) = checked("gcp-billing-export.csv") else { return };
    assert_eq!((bill.format, bill.summary.provider()), (BillFormat::Gcp, "gcp"));
    assert_eq!(counts(&bill.summary), (25, 0, 0));
    assert_eq!(bill.not_priced, [("no_price_column", 2)]);
}

#[test]
fn focus_of_three_providers() {
    let Some(bill) = checked("focus-1.0-sample-100.csv") else { return };
    assert_eq!((bill.format, bill.summary.provider()), (BillFormat::Focus, "several"));
    assert_eq!(counts(&bill.summary), (100, 100, 100));
    assert_eq!(bill.differ, []);
}

#[test]
#[allow(clippy::print_stdout)]
fn a_table_of_units_is_no_bill() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/billing/azure-pricing-units.csv");
    let Ok(bytes) = fs::read(&path) else {
        println!("data absent: {} cannot be read", path.display());
        return;
    };
    assert!(BillCheck::open(bytes.as_slice(), None).is_err());
}
