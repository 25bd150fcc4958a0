//! Price lists of every provider: small ones written here, and real ones where they lie beside
//! the project.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use proptest::prelude::*;
use rust_decimal::Decimal;
use weighbridge_price::PriceBook;
use weighbridge_price::list::{
    AwsPart, ListError, Query, QuoteError, Rate, Term, read_aws, read_azure, read_csv, read_gcp,
};

const OFFER: &str = r#"{
  "formatVersion": "v1.0", "offerCode": "AmazonEC2", "publicationDate": "2026-10-01T00:00:00Z",
  "products": {
    "A1": {"sku": "A1", "attributes": {"servicecode": "AmazonEC2", "location": "EU (Paris)",
      "instanceType": "m9.large", "operatingSystem": "Linux", "tenancy": "Shared",
      "preInstalledSw": "NA", "capacitystatus": "Used", "usagetype": "EUW3-BoxUsage:m9.large"}},
    "A2": {"sku": "A2", "attributes": {"servicecode": "AmazonEC2", "regionCode": "eu-west-3",
      "instanceType": "m9.large", "operatingSystem": "Windows", "tenancy": "Shared",
      "preInstalledSw": "NA"}},
    "A3": {"sku": "A3", "attributes": {"servicecode": "AWSDataTransfer",
      "fromLocation": "EU (Paris)", "usagetype": "EUW3-DataTransfer-Out-Bytes"}}
  },
  "terms": {
    "OnDemand": {
      "A1": {"A1.J": {"sku": "A1", "effectiveDate": "2026-09-01T00:00:00Z", "termAttributes": {},
        "priceDimensions": {"A1.J.6": {"rateCode": "A1.J.6", "unit": "Hrs", "beginRange": "0",
          "endRange": "Inf", "pricePerUnit": {"USD": "0.1000000000"}}}}},
      "A2": {"A2.J": {"sku": "A2", "effectiveDate": "2026-09-01T00:00:00Z", "termAttributes": {},
        "priceDimensions": {"A2.J.6": {"rateCode": "A2.J.6", "unit": "Hrs", "beginRange": "0",
          "endRange": "Inf", "pricePerUnit": {"USD": "0.19"}}}}},
      "A3": {"A3.J": {"sku": "A3", "effectiveDate": "2026-09-01T00:00:00Z", "termAttributes": {},
        "priceDimensions": {
          "A3.J.1": {"rateCode": "A3.J.1", "unit": "GB", "beginRange": "0", "endRange": "10240",
            "pricePerUnit": {"USD": "0.09"}},
          "A3.J.2": {"rateCode": "A3.J.2", "unit": "GB", "beginRange": "10240", "endRange": "Inf",
            "pricePerUnit": {"USD": "0.085"}}}}}
    },
    "Reserved": {
      "A1": {"A1.R": {"sku": "A1", "effectiveDate": "2026-09-01T00:00:00Z",
        "termAttributes": {"LeaseContractLength": "1yr", "PurchaseOption": "Partial Upfront"},
        "priceDimensions": {
          "A1.R.2": {"rateCode": "A1.R.2", "unit": "Quantity", "pricePerUnit": {"USD": "250"}},
          "A1.R.6": {"rateCode": "A1.R.6", "unit": "Hrs", "pricePerUnit": {"USD": "0.03"}}}}}
    }
  }
}"#;

/// All rates of an offer file that is small enough to be joined in memory.
fn aws(bytes: &[u8]) -> Result<Vec<Rate>, ListError> {
    let (mut products, mut terms) = (BTreeMap::new(), Vec::new());
    read_aws(bytes, &mut |part| {
        match part {
            AwsPart::Product(product) => {
                let part = AwsPart::Product(product.clone());
                products.insert(part.sku().to_owned(), product);
            }
            AwsPart::Term(term) => terms.push(term),
        }
        Ok(())
    })?;
    let mut rates = Vec::new();
    for term in terms {
        let sku = AwsPart::Term(term.clone()).sku().to_owned();
        rates.extend(term.rates(&products[&sku])?);
    }
    Ok(rates)
}

type Reader = fn(&[u8], &mut dyn FnMut(Rate) -> Result<(), ListError>) -> Result<(), ListError>;

fn all(reader: Reader, bytes: &[u8]) -> Result<Vec<Rate>, ListError> {
    let mut rates = Vec::new();
    reader(bytes, &mut |rate| {
        rates.push(rate);
        Ok(())
    })?;
    Ok(rates)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn answer(query: Query, rates: &[Rate]) -> Result<Rate, QuoteError> {
    let mut query = query;
    rates.iter().for_each(|rate| query.offer(rate));
    query.answer()
}

fn price(query: Query, rates: &[Rate]) -> String {
    let rate = answer(query, rates).expect("a price");
    format!("{} {} per {}", rate.price, rate.currency, rate.unit)
}

#[test]
fn an_aws_offer_file_is_joined_by_sku() {
    let rates = aws(OFFER.as_bytes()).expect("rates");
    assert_eq!(rates.len(), 6);
    let now = time("2026-11-20T00:00:00Z");
    let ask = |name| Query::new(name, now);
    assert_eq!(price(ask("aws/eu-west-3/m9.large"), &rates), "0.1 USD per Hrs");
    let windows = ask("aws/eu-west-3/m9.large").with_system("Windows");
    assert_eq!(price(windows, &rates), "0.19 USD per Hrs");
    assert_eq!(price(ask("aws/eu-west-3/A1.R.2"), &rates), "250 USD per Quantity");
    // Both parts of a reservation fit: neither is the price.
    let reserved = answer(ask("aws/eu-west-3/m9.large").under(Term::Reserved), &rates);
    assert!(matches!(reserved, Err(QuoteError::Ambiguous { .. })), "{reserved:?}");
    let before = Query::new("aws/eu-west-3/m9.large", time("2026-08-31T23:59:59Z"));
    let error = answer(before, &rates).expect_err("not yet").to_string();
    assert!(
        error.contains("has no price at 2026-08-31T23:59:59Z") && error.contains("from 2026-09-01"),
        "{error}"
    );
    let error = answer(ask("aws/eu-west-3/m9.larg"), &rates).expect_err("no such name").to_string();
    assert!(error.contains("the nearest are aws/eu-west-3/m9.large"), "{error}");
}

#[test]
fn two_lists_that_agree_are_no_question() {
    let mut rates = aws(OFFER.as_bytes()).expect("rates");
    let ask = || Query::new("aws/eu-west-3/m9.large", time("2026-11-20T00:00:00Z"));
    let again = Rate { sku: "other".to_owned(), unit: "hour".to_owned(), ..rates[0].clone() };
    assert_eq!(again.name, "aws/eu-west-3/m9.large");
    rates.push(again);
    assert_eq!(price(ask(), &rates), "0.1 USD per Hrs");
    let at = rates.len() - 1;
    rates[at].price = Decimal::new(11, 2);
    assert!(matches!(answer(ask(), &rates), Err(QuoteError::Ambiguous { .. })), "they disagree");
    // A later price of the same name ends the earlier one, in whichever order they come.
    rates[at].valid_from = Some(time("2026-10-01T00:00:00Z"));
    assert_eq!(price(ask(), &rates), "0.11 USD per hour");
    let before = Query::new("aws/eu-west-3/m9.large", time("2026-09-30T00:00:00Z"));
    assert_eq!(price(before, &rates), "0.1 USD per Hrs");
}

#[test]
fn tiers_are_told_by_what_was_used_before() {
    let mut rates = aws(OFFER.as_bytes()).expect("rates");
    for rate in &mut rates {
        // As a list names them that gives no id of their own to tiers.
        if rate.sku.starts_with("A3") {
            rate.name = "aws/eu-west-3/egress".to_owned();
        }
    }
    let ask = |used: u32| {
        Query::new("aws/eu-west-3/egress", time("2026-11-20T00:00:00Z")).after(Decimal::from(used))
    };
    assert_eq!(price(ask(0), &rates), "0.09 USD per GB");
    assert_eq!(price(ask(10_239), &rates), "0.09 USD per GB");
    assert_eq!(price(ask(10_240), &rates), "0.085 USD per GB");
    rates.retain(|rate| rate.tier_begin.is_zero());
    assert!(matches!(answer(ask(10_240), &rates), Err(QuoteError::TierGap { .. })));
}

#[test]
fn a_reservation_of_azure_is_not_an_hour() {
    let page = r#"{"BillingCurrency": "USD", "Items": [
      {"currencyCode": "USD", "tierMinimumUnits": 0, "retailPrice": 1051.2, "armRegionName": "eastus",
       "effectiveStartDate": "2026-01-01T00:00:00Z", "meterId": "m", "meterName": "D2 v9",
       "productName": "Dv9 Series", "skuId": "S/1", "skuName": "D2 v9", "serviceName": "Virtual Machines",
       "unitOfMeasure": "1 Hour", "type": "Reservation", "reservationTerm": "1 Year", "armSkuName": "Standard_D2_v9"},
      {"currencyCode": "USD", "tierMinimumUnits": 0, "retailPrice": 0.2, "armRegionName": "eastus",
       "effectiveStartDate": "2026-01-01T00:00:00Z", "meterId": "m", "meterName": "D2 v9",
       "productName": "Dv9 Series", "skuId": "S/2", "skuName": "D2 v9", "serviceName": "Virtual Machines",
       "unitOfMeasure": "1 Hour", "type": "Consumption", "armSkuName": "Standard_D2_v9",
       "savingsPlan": [{"retailPrice": 0.15, "unitPrice": 0.15, "term": "3 Years"}]}],
      "NextPageLink": null, "Count": 2}"#;
    let rates = all(|bytes, sink| read_azure(bytes, sink), page.as_bytes()).expect("rates");
    let ask = || Query::new("azure/eastus/Standard_D2_v9", time("2026-11-20T00:00:00Z"));
    assert_eq!(price(ask(), &rates), "0.2 USD per 1 Hour");
    assert_eq!(price(ask().under(Term::Reserved), &rates), "1051.2 USD per 1 Year");
    assert_eq!(price(ask().under(Term::SavingsPlan), &rates), "0.15 USD per 1 Hour");
}

#[test]
fn the_catalog_of_google_has_a_rate_for_each_region_and_tier() {
    let page = r#"{"skus": [{"skuId": "AAAA-1111", "description": "Egress", "serviceRegions": ["us-east1", "us-west1"],
      "category": {"serviceDisplayName": "Compute Engine", "resourceGroup": "Egress", "usageType": "OnDemand"},
      "pricingInfo": [{"effectiveTime": "2026-01-01T00:00:00Z",
        "aggregationInfo": {"aggregationLevel": "ACCOUNT", "aggregationInterval": "MONTHLY", "aggregationCount": 1},
        "pricingExpression": {"usageUnit": "GiBy", "displayQuantity": 1, "tieredRates": [
          {"startUsageAmount": 0, "unitPrice": {"currencyCode": "USD"}},
          {"startUsageAmount": 1, "unitPrice": {"currencyCode": "USD", "units": "1", "nanos": 85000000}}]}}]}],
      "nextPageToken": ""}"#;
    let rates = all(|bytes, sink| read_gcp(bytes, sink), page.as_bytes()).expect("rates");
    assert_eq!(rates.len(), 4);
    assert_eq!(rates[0].tier_scope.as_deref(), Some("account, monthly"));
    let ask = |used| Query::new("gcp/us-west1/AAAA-1111", time("2026-11-20T00:00:00Z")).after(used);
    assert_eq!(price(ask(Decimal::ZERO), &rates), "0 USD per GiBy");
    assert_eq!(price(ask(Decimal::ONE), &rates), "1.085 USD per GiBy");
}

#[test]
fn a_table_of_ones_own_is_checked_line_by_line() {
    let good = "provider,region,sku,instance,unit,price,currency,tier_begin,tier_end,valid_from\n\
                lab,room-3,rack-1,big,hour,1.0E-2,eur,,,2026-01-01T00:00:00Z\n";
    let read = |text: &str| all(|bytes, sink| read_csv(bytes, sink), text.as_bytes());
    let rates = read(good).expect("rates");
    let ask = Query::new("lab/room-3/big", time("2026-11-20T00:00:00Z"));
    assert_eq!(price(ask, &rates), "0.01 EUR per hour");
    for (from, to, complaint) in [
        (",price,", ",cost,", "line 1: there is no column `price`"),
        ("tier_begin", "tier_start", "line 1: `tier_start` is no column of a price"),
        ("1.0E-2", "-1", "line 2: the price -1 is negative"),
        ("1.0E-2", "NaN", "line 2: `price` is `NaN`, which is no amount"),
        ("1.0E-2", "", "line 2: `price` is empty"),
        (",eur,,,", ",eur,5,5,", "line 2: its tier from 5 ends before it begins"),
        ("2026-01-01T00:00:00Z", "1.1.2026", "line 2: `valid_from` is `1.1.2026`"),
        ("hour,", "", "line 2: it has 9 columns, the header 10"),
    ] {
        let error = read(&good.replace(from, to)).expect_err(to).to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
}

#[test]
fn what_is_no_list_is_refused() {
    let azure = |text: &str| all(|bytes, sink| read_azure(bytes, sink), text.as_bytes());
    assert!(matches!(azure("{\"skus\": []}"), Err(ListError::NoList("Items"))));
    assert!(matches!(azure("{\"Items\": [{"), Err(ListError::Json(_))));
    assert!(matches!(azure("[]"), Err(ListError::Json(_))));
    assert!(matches!(aws(b"{\"products\": {}}"), Err(ListError::NoList(_))));
    for at in (1..OFFER.len()).step_by(97).filter(|at| OFFER.is_char_boundary(*at)) {
        assert!(aws(&OFFER.as_bytes()[..at]).is_err(), "cut off at {at}");
    }
    let wrong = OFFER.replace("0.1000000000", "free");
    assert_eq!(
        aws(wrong.as_bytes()).expect_err("no amount").to_string(),
        "the price A1.J.6: `free` is no amount"
    );
}

/// The list, or nothing where it is absent: said, not hidden.
#[allow(clippy::print_stdout)]
fn real(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/prices").join(name);
    let read = fs::read(&path);
    if let Err(error) = &read {
        println!("data absent: the real price list {name} cannot be read ({error})");
    }
    read.ok()
}

/// Every entry of the shipped book that a real list has too must come out the same.
fn agrees_with_the_book(rates: &[Rate], expected: &[&str]) {
    let mut compared = Vec::new();
    for entry in PriceBook::shipped().entries() {
        let mut query = Query::new(&entry.name, time("2026-11-20T00:00:00Z"));
        rates.iter().for_each(|rate| query.offer(rate));
        if let Ok(rate) = query.answer() {
            assert_eq!(
                (rate.price, rate.currency.as_str()),
                (entry.hourly.amount, "USD"),
                "{}",
                entry.name
            );
            compared.push(entry.name.as_str());
        }
    }
    assert_eq!(compared, expected);
}

#[test]
fn the_real_lists_agree_with_the_shipped_book() {
    if let Some(offer) = real("aws-offer-file.json") {
        let rates = aws(&offer).expect("rates");
        let of = |term| rates.iter().filter(|rate| rate.term == term).count();
        assert_eq!(of(Term::OnDemand), 5);
        agrees_with_the_book(&rates, &["aws/us-east-1/c5.xlarge", "aws/us-east-1/t2.small"]);
    }
    if let Some(retail) = real("azure-retail-prices.json") {
        let rates = all(|bytes, sink| read_azure(bytes, sink), &retail).expect("rates");
        let of = |term| rates.iter().filter(|rate| rate.term == term).count();
        assert_eq!((rates.len(), of(Term::DevTest), of(Term::Reserved)), (60, 14, 12));
        assert!(
            rates
                .iter()
                .filter(|rate| rate.term == Term::Reserved)
                .all(|rate| rate.unit.contains("Year"))
        );
    }
    if let Some(catalog) = real("gcp-catalog-skus.json") {
        let rates = all(|bytes, sink| read_gcp(bytes, sink), &catalog).expect("rates");
        assert_eq!(rates.len(), 17, "seven SKUs, five of them in three regions");
        let gpu = Query::new("gcp/us-central1/039F-D0DA-4055", time("2026-11-20T00:00:00Z"));
        assert_eq!(price(gpu, &rates), "2.933908 USD per h");
    }
}

proptest! {
    #[test]
    fn changed_lists_are_read_or_refused(at in 0_usize..4000, with in "\\PC{0,3}") {
        let mut text: Vec<char> = OFFER.chars().collect();
        let at = at.min(text.len());
        text.splice(at..(at + 1).min(text.len()), with.chars());
        let bytes = text.into_iter().collect::<String>().into_bytes();
        let _ = read_aws(bytes.as_slice(), &mut |_| Ok(()));
        let _ = all(|bytes, sink| read_azure(bytes, sink), &bytes);
        let _ = all(|bytes, sink| read_gcp(bytes, sink), &bytes);
        let _ = all(|bytes, sink| read_csv(bytes, sink), &bytes);
    }
}
