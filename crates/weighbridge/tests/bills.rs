//! `weighbridge bill check` through the executable: what is printed, and the exit codes.

mod through_binary;

use serde_json::{Value, json};
use through_binary::{Done, Home, checkout};

fn fixture(name: &str) -> String {
    checkout().join("crates/price/tests/bills").join(name).display().to_string()
}

fn check(home: &Home, arguments: &[&str]) -> Done {
    home.run(&[&["bill", "check"], arguments].concat())
}

const CUR: &str = "lineItem/LineItemType,lineItem/UsageAmount,lineItem/CurrencyCode,\
                   lineItem/UnblendedRate,lineItem/UnblendedCost\n";

#[test]
fn json_is_the_published_format() {
    let home = Home::new();
    let done = check(&home, &[&fixture("oci.csv"), "--format", "json"]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    let document: Value = serde_json::from_str(&done.stdout).expect("JSON");
    let expected = json!({
        "format": "weighbridge.bill-check/1",
        "provider": "oci",
        "lines": 5,
        "priced": 5,
        "exact": 3,
        "not_priced": [],
        "differences": [
            {"line": 4, "billed": "0.000000721947119615", "computed": "0.000000721947119616",
             "cause": "unexplained"},
            {"line": 5, "billed": "-0.5", "computed": "0.5", "cause": "refund"},
        ],
    });
    assert_eq!(document, expected);
    let schema = home.json(&["schema", "bill-check"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for name in ["cur", "cur2", "focus-1.2", "azure-ea", "azure-mca", "gcp", "gcp-detailed", "oci"]
    {
        let done = check(&home, &[&fixture(&format!("{name}.csv")), "--format", "json"]);
        let document: Value = serde_json::from_str(&done.stdout).expect("JSON");
        assert!(validator.is_valid(&document), "{name}: {document}");
    }
}

#[test]
fn exit_codes_tell_exact_unreadable_and_unexplained() {
    let home = Home::new();
    let clean = home.file("clean.csv", format!("{CUR}Usage,1,USD,0.1,0.1\nTax,1,USD,,9\n"));
    let wrong = home.file("wrong.csv", format!("{CUR}Usage,1,USD,0.1,0.2\n"));
    let damaged = home.file("damaged.csv", format!("{CUR}Usage,NaN,USD,0.1,0.1\n"));
    let cut = home.file("cut.csv", format!("{CUR}Usage,1,USD,0.1,0.1\nUsage,1,US"));
    let [clean, wrong, damaged, cut] =
        [&clean, &wrong, &damaged, &cut].map(|path| path.to_str().expect("UTF-8"));
    assert_eq!(check(&home, &[clean]).code, Some(0));
    assert_eq!(check(&home, &[wrong]).code, Some(3));
    let done = check(&home, &[damaged]);
    assert_eq!(done.code, Some(3));
    assert!(done.stdout.contains("column lineItem/UsageAmount holds `NaN`"), "{}", done.stdout);
    let done = check(&home, &[cut]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""));
    assert!(done.stderr.contains("cut.csv") && done.stderr.contains("line 3"), "{}", done.stderr);
    assert_eq!(check(&home, &[]).code, Some(2), "a file is needed");
    assert_eq!(check(&home, &[clean, "--from", "ibm"]).code, Some(2));
    assert_eq!(check(&home, &[clean, "--from", "oci"]).code, Some(1));
    // The files after one that cannot be read are checked all the same.
    let done = check(&home, &[cut, "/nonexistent", clean, "--format", "json"]);
    assert_eq!(done.code, Some(1));
    let document: Value = serde_json::from_str(&done.stdout).expect("one document");
    assert_eq!(document["exact"], 1);
    assert!(done.stderr.contains("2 of 3 files"), "{}", done.stderr);
}

#[test]
fn a_table_says_money_causes_and_where_to_look() {
    let home = Home::new();
    let done = check(&home, &[&fixture("cur.csv")]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    for part in [
        "AWS Cost and Usage Report (legacy), 15 lines",
        "9 priced: 5 exact, 2 differ and are explained, 2 differ without an explanation",
        "6 not priced",
        "USD       29.9269333338",
        "sum_of_rounded_records",
        "Without an explanation",
        "Damaged",
    ] {
        assert!(done.stdout.contains(part), "`{part}` is not in: {}", done.stdout);
    }
    let none = check(&home, &[&fixture("gcp.csv")]);
    assert!(
        none.stdout.contains("no line priced"),
        "a cost of zero would be a lie: {}",
        none.stdout
    );
}

#[test]
fn a_bill_of_many_lines_keeps_every_finding_in_order() {
    let home = Home::new();
    let mut text = CUR.to_owned();
    for line in 0..20_000 {
        text.push_str(if line % 2 == 0 { "Tax,1,USD,,9\n" } else { "Usage,1,USD,0.1,0.2\n" });
    }
    let bill = home.file("large.csv", text);
    let bill = bill.to_str().expect("UTF-8");
    let done = check(&home, &[bill, "--format", "json"]);
    let document: Value = serde_json::from_str(&done.stdout).expect("JSON");
    for (key, first) in [("not_priced", 2), ("differences", 3)] {
        let lines: Vec<u64> = document[key]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| entry["line"].as_u64().expect("a line"))
            .collect();
        assert!(lines.iter().copied().eq((first..).step_by(2).take(10_000)), "{key}");
    }
    let rows = check(&home, &[bill, "--format", "csv"]).stdout;
    assert_eq!(rows.lines().count(), 20_001);
    assert!(rows.starts_with("file,line,finding,billed,computed,cause\n"), "{rows:.80}");
    let table = check(&home, &[bill]).stdout;
    assert!(table.contains("and 9980 more"), "{table}");
}
