//! Real bills with one line changed at a time, where they lie beside the project: the changed
//! line is found, and no other is blamed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rust_decimal::Decimal;
use weighbridge_price::bill::{BillCheck, Cause, Found};

/// A bill as cells, with the columns that a line is priced by.
struct Bill {
    rows: Vec<Vec<String>>,
    quantity: usize,
    price: usize,
    cost: usize,
}

/// The bill, or nothing where it is absent: said, not hidden.
#[allow(clippy::print_stdout)]
fn bill(name: &str, columns: [&str; 3]) -> Option<Bill> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/billing").join(name);
    let Ok(text) = fs::read(&path) else {
        println!("data absent: the real bill {name} cannot be read");
        return None;
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
    let row = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> =
        reader.records().map(|record| row(record.expect("a record"))).collect();
    let at = |name: &str| rows[0].iter().position(|heading| heading == name).expect("a column");
    let [quantity, price, cost] = columns.map(at);
    Some(Bill { rows, quantity, price, cost })
}

impl Bill {
    fn print(&self) -> Vec<u8> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in &self.rows {
            writer.write_record(row).expect("written to memory");
        }
        writer.into_inner().expect("flushed")
    }

    /// What is found, by the number of the record (the header is 0).
    fn found(&self) -> BTreeMap<u64, Option<Cause>> {
        let text = self.print();
        let mut check = BillCheck::open(text.as_slice(), None).expect("a bill");
        let mut found = BTreeMap::new();
        while let Some(finding) = check.next_finding().expect("readable") {
            let cause = match finding.what {
                Found::Difference { cause, .. } => Some(cause),
                Found::NotPriced(_) => None,
            };
            found.insert(finding.line - 1, cause);
        }
        found
    }
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

/// Changes every line in every way, one at a time. Lines that cost nothing, or less than
/// `smallest`, and those for which `skip` says so, are left out: a change there is below the
/// last digit that the provider prints.
fn changed(mut bill: Bill, smallest: Decimal, skip: impl Fn(&[String]) -> bool) -> (u32, u32, u32) {
    let clean = bill.found();
    let changes: [(usize, Decimal); 4] = [
        (bill.cost, Decimal::from(2)),
        (bill.cost, Decimal::NEGATIVE_ONE),
        (bill.quantity, Decimal::new(15, 1)),
        (bill.price, Decimal::new(11, 1)),
    ];
    let (mut made, mut seen, mut named) = (0, 0, 0);
    for row in 1..bill.rows.len() {
        let cost = number(&bill.rows[row][bill.cost]).unwrap_or_default().abs();
        if cost < smallest || skip(&bill.rows[row]) {
            continue;
        }
        for (column, factor) in changes {
            let Some(value) = number(&bill.rows[row][column]) else { continue };
            let before =
                std::mem::replace(&mut bill.rows[row][column], (value * factor).to_string());
            let mut found = bill.found();
            let line = row as u64;
            let (then, now) = (clean.get(&line), found.remove(&line));
            made += 1;
            seen += u32::from(now.is_some() && now.as_ref() != then);
            named += u32::from(now == Some(Some(Cause::Unexplained)));
            found.extend(clean.get_key_value(&line).map(|(line, cause)| (*line, *cause)));
            assert_eq!(found, clean, "another line than {line} is blamed");
            bill.rows[row][column] = before;
        }
    }
    (made, seen, named)
}

#[test]
fn a_changed_line_of_a_real_bill_is_found() {
    let aws = ["lineItem/UsageAmount", "lineItem/UnblendedRate", "lineItem/UnblendedCost"];
    let oci = ["usage/billedQuantity", "cost/unitPrice", "cost/myCost"];
    let azure = ["Quantity", "EffectivePrice", "CostInBillingCurrency"];
    let focus = ["PricingQuantity", "ListUnitPrice", "BilledCost"];
    let nano = Decimal::new(1, 9);
    let any = |_: &[String]| false;
    // Other providers of the FOCUS sample are priced by other columns.
    let not_aws = |row: &[String]| !row.iter().any(|cell| cell == "AWS");
    let mut sum = (0, 0, 0);
    let mut add = |bill: Option<Bill>, smallest, skip: &dyn Fn(&[String]) -> bool| {
        let Some(bill) = bill else { return };
        let (made, seen, named) = changed(bill, smallest, skip);
        sum = (sum.0 + made, sum.1 + seen, sum.2 + named);
    };
    // A sum of rounded AWS records may be off by a nanodollar: changes must be above that.
    add(bill("aws-cur-legacy-150.csv", aws), nano * Decimal::from(20), &any);
    add(bill("oci-cost-report-60.csv", oci), Decimal::new(1, 16), &any);
    add(bill("azure-ea-export.csv", azure), nano, &any);
    add(bill("focus-1.0-sample-100.csv", focus), nano * Decimal::from(20), &not_aws);
    let (made, seen, named) = sum;
    assert!(seen * 100 >= made * 99, "found {seen} of {made}");
    assert!(named * 100 >= made * 95, "{named} of {made} with the right cause");
}
