//! `weighbridge price` through the executable: lists are imported, kept, looked up.

mod through_binary;

use through_binary::{Done, Home};

const TABLE: &str = "provider,region,sku,instance,unit,price,currency,valid_from,valid_to\n\
                     lab,room-3,a,big,hour,0.10,EUR,2026-01-01T00:00:00Z,2026-07-01T00:00:00Z\n\
                     lab,room-3,b,big,hour,0.12,EUR,2026-07-01T00:00:00Z,\n";

fn price(home: &Home, arguments: &[&str]) -> Done {
    home.run(&[&["price"], arguments].concat())
}

fn imported() -> Home {
    let home = Home::new();
    let table = home.file("lab.csv", TABLE);
    let done = price(&home, &["import", "csv", table.to_str().expect("UTF-8")]);
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "csv-lab: 2 prices, a table of one's own\n"),
        "{}",
        done.stderr
    );
    home
}

#[test]
fn a_price_holds_for_its_time() {
    let home = imported();
    let at = |time: &str| price(&home, &["quote", "lab/room-3/big", "--at", time]);
    assert!(at("2026-06-30").stdout.starts_with("0.1 EUR per hour\n"));
    assert!(at("2026-07-01T00:00:00Z").stdout.starts_with("0.12 EUR per hour\n"));
    let none = at("2025-12-31");
    assert_eq!((none.code, none.stdout.as_str()), (Some(2), ""));
    assert!(
        none.stderr.contains("has no price at 2025-12-31")
            && none.stderr.contains("from 2026-01-01"),
        "{}",
        none.stderr
    );
    assert_eq!(at("yesterday").code, Some(2));
    let unknown = price(&home, &["quote", "lab/room-3/bigger"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("the nearest are lab/room-3/big"), "{}", unknown.stderr);
}

#[test]
fn lists_are_replaced_whole_or_not_at_all() {
    let home = imported();
    let lists = home.json(&["price", "list", "--format", "json"]);
    let names: Vec<_> = lists["lists"]
        .as_array()
        .expect("lists")
        .iter()
        .map(|list| list["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names[1..], ["csv-lab"], "the shipped book comes first: {names:?}");
    let broken = home.file("lab.csv", format!("{TABLE}lab,room-3,c,big,hour,free,EUR,,\n"));
    let broken = broken.to_str().expect("UTF-8");
    let done = price(&home, &["import", "csv", broken]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.stderr.contains("lab.csv") && done.stderr.contains("line 4: `price` is `free`"),
        "{}",
        done.stderr
    );
    let prices = home.json(&["price", "list", "lab/", "--format", "json"]);
    assert_eq!(prices["prices"].as_array().map(Vec::len), Some(2), "the old list is still there");
    let kept: Vec<_> = std::fs::read_dir(home.data().join("prices"))
        .expect("a shelf")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(kept.len(), 2, "nothing is left of what failed: {kept:?}");
    home.file("lab.csv", TABLE.lines().take(2).collect::<Vec<_>>().join("\n"));
    assert_eq!(price(&home, &["import", "csv", broken]).code, Some(0));
    let prices = home.json(&["price", "list", "lab/", "--format", "json"]);
    assert_eq!(prices["prices"].as_array().map(Vec::len), Some(1));
}

#[test]
fn an_offer_file_is_joined_through_files() {
    let home = Home::new();
    let count = 700;
    let product = |n: u32| {
        format!(
            "\"S{n}\":{{\"sku\":\"S{n}\",\"attributes\":{{\"regionCode\":\"eu-west-3\",\"instanceType\":\"t{n}.x\"}}}}"
        )
    };
    let term = |n: u32| {
        format!(
            "\"S{n}\":{{\"S{n}.J\":{{\"sku\":\"S{n}\",\"priceDimensions\":{{\"d\":{{\"rateCode\":\"S{n}.J.6\",\
             \"unit\":\"Hrs\",\"pricePerUnit\":{{\"USD\":\"0.{n:04}\"}}}}}}}}}}"
        )
    };
    let all = |one: &dyn Fn(u32) -> String| (1..=count).map(one).collect::<Vec<_>>().join(",");
    let offer = |products: &str| {
        format!(
            "{{\"offerCode\":\"AmazonEC2\",\"publicationDate\":\"2026-10-01T00:00:00Z\",\
             \"products\":{{{products}}},\"terms\":{{\"OnDemand\":{{{}}}}}}}",
            all(&term)
        )
    };
    let file = home.file("offer.json", offer(&all(&product)));
    let done = price(&home, &["import", "aws", file.to_str().expect("UTF-8")]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(
        done.stdout.starts_with("aws-AmazonEC2-2026-10-01T00-00-00Z: 700 prices"),
        "{}",
        done.stdout
    );
    for n in [1, 350, 700] {
        let quote =
            home.json(&["price", "quote", &format!("aws/eu-west-3/t{n}.x"), "--format", "json"]);
        let expected = format!("0.{n:04}");
        assert_eq!(quote["prices"][0]["price"], expected.trim_end_matches('0'));
    }
    let schema = home.json(&["schema", "prices"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&home.json(&[
        "price",
        "list",
        "aws/eu-west-3",
        "--format",
        "json"
    ])));
    let widow = home.file("widow.json", offer(&product(1)));
    let done = price(&home, &["import", "aws", widow.to_str().expect("UTF-8")]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("no product of this SKU"), "{}", done.stderr);
}
