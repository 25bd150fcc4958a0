//! Google Cloud Billing Catalog:
//! <https://cloud.google.com/billing/docs/reference/rest/v1/services.skus/list>.

use std::io::Read;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::amount::Amount;
use super::error::ListError;
use super::rate::{Rate, Term};
use super::stream::{Sink, each};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sku {
    sku_id: String,
    description: String,
    category: Category,
    #[serde(default)]
    service_regions: Vec<String>,
    #[serde(default)]
    pricing_info: Vec<Pricing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Category {
    #[serde(default)]
    service_display_name: String,
    #[serde(default)]
    resource_group: String,
    #[serde(default)]
    usage_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pricing {
    // Both spellings occur in one saved answer.
    #[serde(alias = "EffectiveTime")]
    effective_time: Option<Timestamp>,
    pricing_expression: Expression,
    aggregation_info: Option<Aggregation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expression {
    usage_unit: String,
    #[serde(default)]
    tiered_rates: Vec<Tier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tier {
    #[serde(default)]
    start_usage_amount: Amount,
    unit_price: UnitPrice,
}

/// Whole units and billionths. Either is left out where it is zero.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UnitPrice {
    currency_code: String,
    #[serde(default)]
    units: Amount,
    #[serde(default)]
    nanos: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aggregation {
    aggregation_level: Option<String>,
    aggregation_interval: Option<String>,
}

/// Reads one page, or all pages saved as one, price by price: one rate for each region and
/// tier. Machines are priced by their parts, so no rate has an instance type.
///
/// # Errors
///
/// [`ListError`]; nothing after it is read.
pub fn read_gcp(reader: impl Read, sink: Sink<'_, Rate>) -> Result<(), ListError> {
    each(reader, &["skus"], &mut |sku: Sku| {
        let global = ["global".to_owned()];
        let regions =
            if sku.service_regions.is_empty() { &global[..] } else { &sku.service_regions };
        for pricing in &sku.pricing_info {
            for region in regions {
                for (index, tier) in pricing.pricing_expression.tiered_rates.iter().enumerate() {
                    let next = pricing.pricing_expression.tiered_rates.get(index + 1);
                    sink(rate(&sku, pricing, region, tier, next)?)?;
                }
            }
        }
        Ok(())
    })
}

fn rate(
    sku: &Sku,
    pricing: &Pricing,
    region: &str,
    tier: &Tier,
    next: Option<&Tier>,
) -> Result<Rate, ListError> {
    let fallible = |reason: String| ListError::Price { sku: sku.sku_id.clone(), reason };
    let term = match sku.category.usage_type.as_str() {
        "OnDemand" => Term::OnDemand,
        "Preemptible" => Term::Spot,
        commitment if commitment.starts_with("Commit") => Term::Reserved,
        other => return Err(fallible(format!("`{other}` is no type of usage that is known"))),
    };
    let begin = tier.start_usage_amount.0;
    let end = next.map(|next| next.start_usage_amount.0);
    if end.is_some_and(|end| end <= begin) {
        return Err(fallible(format!("its tier from {begin} ends before it begins")));
    }
    let price = tier
        .unit_price
        .units
        .0
        .checked_add(Decimal::new(tier.unit_price.nanos, 9))
        .ok_or_else(|| fallible("its price has too many digits".to_owned()))?;
    let scope = pricing.aggregation_info.as_ref().map(|info| {
        let part = |part: &Option<String>| part.as_deref().unwrap_or("unknown").to_lowercase();
        format!("{}, {}", part(&info.aggregation_level), part(&info.aggregation_interval))
    });
    let details = (term == Term::Reserved).then(|| sku.category.usage_type.clone());
    Ok(Rate {
        service: sku.category.service_display_name.clone(),
        usage_type: Some(sku.category.resource_group.clone()).filter(|group| !group.is_empty()),
        term,
        term_details: details,
        unit: pricing.pricing_expression.usage_unit.clone(),
        price: price.normalize(),
        currency: tier.unit_price.currency_code.clone(),
        tier_begin: begin,
        tier_end: end,
        tier_scope: scope,
        valid_from: pricing.effective_time,
        description: Some(sku.description.clone()),
        ..Rate::new("gcp", region, &sku.sku_id)
    }
    .named())
}
