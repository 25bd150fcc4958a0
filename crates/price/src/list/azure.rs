//! Azure Retail Prices API:
//! <https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices>.

use std::io::Read;

use jiff::Timestamp;
use serde::Deserialize;

use super::amount::Amount;
use super::error::ListError;
use super::rate::{Rate, Term};
use super::stream::{Sink, each};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    currency_code: String,
    #[serde(default)]
    tier_minimum_units: Amount,
    retail_price: Amount,
    #[serde(default)]
    arm_region_name: String,
    effective_start_date: Option<Timestamp>,
    effective_end_date: Option<Timestamp>,
    meter_id: String,
    meter_name: String,
    product_name: String,
    sku_id: String,
    #[serde(default)]
    sku_name: String,
    service_name: String,
    unit_of_measure: String,
    #[serde(rename = "type")]
    kind: String,
    reservation_term: Option<String>,
    #[serde(default)]
    arm_sku_name: String,
    #[serde(default)]
    savings_plan: Vec<SavingsPlan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavingsPlan {
    retail_price: Amount,
    term: String,
}

/// Reads one page, or all pages saved as one, price by price.
///
/// The price of a reservation is for its whole term although the list calls its unit an hour;
/// here its unit is the term. Only prices in dollars are authoritative, says the provider.
///
/// # Errors
///
/// [`ListError`]; nothing after it is read.
pub fn read_azure(reader: impl Read, sink: Sink<'_, Rate>) -> Result<(), ListError> {
    each(reader, &["Items", "items"], &mut |item: Item| {
        for plan in &item.savings_plan {
            let mut rate = rate(&item)?;
            rate.term = Term::SavingsPlan;
            rate.term_details = Some(plan.term.clone());
            rate.price = plan.retail_price.0;
            sink(rate)?;
        }
        sink(rate(&item)?)
    })
}

fn rate(item: &Item) -> Result<Rate, ListError> {
    let fallible = |reason: String| ListError::Price { sku: item.sku_id.clone(), reason };
    let rebated = ["Spot", "Low Priority"].iter().any(|end| item.sku_name.ends_with(end));
    let term = match item.kind.as_str() {
        "Consumption" if rebated => Term::Spot,
        "Consumption" => Term::OnDemand,
        "DevTestConsumption" => Term::DevTest,
        "Reservation" => Term::Reserved,
        other => return Err(fallible(format!("`{other}` is no type of price that is known"))),
    };
    let unit = match (&item.reservation_term, term) {
        (Some(years), Term::Reserved) => years.clone(),
        (None, Term::Reserved) => {
            return Err(fallible("it is for a reservation, but of what term?".to_owned()));
        }
        _ => item.unit_of_measure.clone(),
    };
    let machine = item.service_name == "Virtual Machines";
    let windows = item.product_name.ends_with("Windows");
    let system = if windows { "windows" } else { "linux" };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let region = if item.arm_region_name.is_empty() { "global" } else { &item.arm_region_name };
    Ok(Rate {
        service: item.service_name.clone(),
        instance: text(&item.arm_sku_name).filter(|_| machine),
        usage_type: Some(item.meter_name.clone()),
        operation: Some(item.meter_id.clone()),
        operating_system: machine.then(|| system.to_owned()),
        term,
        term_details: item.reservation_term.clone(),
        unit,
        price: item.retail_price.0,
        currency: item.currency_code.clone(),
        tier_begin: item.tier_minimum_units.0,
        valid_from: item.effective_start_date,
        valid_to: item.effective_end_date,
        description: Some(item.product_name.clone()),
        ..Rate::new("azure", region, &item.sku_id)
    }
    .named())
}
