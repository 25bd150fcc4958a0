//! The shipped book against the providers' own price lists, where they lie beside the
//! project. The lists are read as plain JSON here, not with the code under test.

use std::fs;
use std::path::Path;

use rust_decimal::Decimal;
use serde_json::Value;
use weighbridge_price::PriceBook;

/// The list, or nothing where it is absent: said, not hidden.
#[allow(clippy::print_stdout)]
fn list(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/prices").join(name);
    match fs::read_to_string(&path) {
        Ok(text) => Some(serde_json::from_str(&text).expect("a price list is JSON")),
        Err(error) => {
            println!("data absent: {} cannot be read ({error})", path.display());
            None
        }
    }
}

fn decimal(value: &Value) -> Decimal {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().expect("a decimal price")
}

fn shipped(entry: &str) -> Option<Decimal> {
    PriceBook::shipped().entry(entry).map(|entry| entry.hourly.amount)
}

#[test]
fn aws_entries_agree_with_the_offer_file() {
    let Some(offer) = list("aws-offer-file.json") else { return };
    let mut compared = Vec::new();
    for (sku, product) in offer["products"].as_object().expect("products") {
        let attributes = &product["attributes"];
        let plain = attributes["location"] == "US East (N. Virginia)"
            && attributes["operatingSystem"] == "Linux"
            && attributes["tenancy"] == "Shared"
            && attributes["preInstalledSw"] == "NA";
        let name =
            format!("aws/us-east-1/{}", attributes["instanceType"].as_str().expect("a type"));
        let Some(ours) = shipped(&name).filter(|_| plain) else { continue };
        for term in offer["terms"]["OnDemand"][sku].as_object().expect("terms").values() {
            for dimension in term["priceDimensions"].as_object().expect("dimensions").values() {
                assert_eq!(ours, decimal(&dimension["pricePerUnit"]["USD"]), "{name}");
                compared.push(name.clone());
            }
        }
    }
    compared.sort();
    assert_eq!(compared, ["aws/us-east-1/c5.xlarge", "aws/us-east-1/t2.small"]);
}

#[test]
fn azure_entries_agree_with_the_retail_prices() {
    let Some(retail) = list("azure-retail-prices.json") else { return };
    let mut compared = Vec::new();
    for item in retail["items"].as_array().expect("items") {
        let text = |key: &str| item[key].as_str().unwrap_or_default();
        let plain = text("type") == "Consumption"
            && !text("productName").ends_with("Windows")
            && !text("skuName").ends_with("Spot")
            && !text("skuName").ends_with("Low Priority");
        let name = format!("azure/{}/{}", text("armRegionName"), text("armSkuName"));
        let Some(ours) = shipped(&name).filter(|_| plain) else { continue };
        assert_eq!(text("currencyCode"), "USD");
        assert_eq!(text("unitOfMeasure"), "1 Hour");
        assert_eq!(ours, decimal(&item["retailPrice"]), "{name}");
        compared.push(name);
    }
    assert_eq!(compared.len(), 3, "{compared:?}");
}

#[test]
fn the_gcp_entry_of_parts_agrees_with_the_catalog() {
    let Some(catalog) = list("gcp-catalog-skus.json") else { return };
    let price = |sku: &str| {
        let skus = catalog["skus"].as_array().expect("skus");
        let found = skus.iter().find(|entry| entry["skuId"] == sku).expect("the sku");
        let rate = &found["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]["unitPrice"];
        assert_eq!(rate["currencyCode"], "USD");
        decimal(&rate["units"]) + Decimal::new(rate["nanos"].as_i64().expect("nanos"), 9)
    };
    let parts = price("039F-D0DA-4055")
        + price("2922-40C5-B19F") * Decimal::from(12)
        + price("2390-DCAF-DA38") * Decimal::from(85);
    assert_eq!(shipped("gcp/us-central1/a2-highgpu-1g"), Some(parts));
}
