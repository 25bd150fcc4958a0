//! AWS Price List offer files:
//! <https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-files.html>.
//!
//! The file has all products first and all terms after them, gigabytes apart, tied by SKU. So
//! it is read into [`AwsPart`]s, which the caller brings together by SKU as his memory allows.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::amount::{self, Amount};
use super::error::ListError;
use super::rate::{Rate, Term};
use super::stream::{Sink, finish};

/// What an offer file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsOffer {
    /// `AmazonEC2`.
    pub code: Option<String>,
    /// When it was published.
    pub published: Option<String>,
}

/// A product or a term of one SKU.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum AwsPart {
    /// What is sold.
    Product(AwsProduct),
    /// At what price.
    Term(AwsTerm),
}

impl AwsPart {
    /// What ties the two.
    #[must_use]
    pub fn sku(&self) -> &str {
        match self {
            Self::Product(product) => &product.sku,
            Self::Term(term) => &term.sku,
        }
    }
}

/// What is sold, as far as it is part of the key of a price.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AwsProduct {
    sku: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    servicecode: Option<String>,
    region_code: Option<String>,
    location: Option<String>,
    from_location: Option<String>,
    instance_type: Option<String>,
    usagetype: Option<String>,
    operation: Option<String>,
    operating_system: Option<String>,
    tenancy: Option<String>,
    pre_installed_sw: Option<String>,
    capacitystatus: Option<String>,
}

/// The prices of one SKU under one contract.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsTerm {
    sku: String,
    /// `OnDemand` or `Reserved`: the key above it in the file.
    #[serde(default)]
    kind: String,
    effective_date: Option<Timestamp>,
    #[serde(default)]
    price_dimensions: BTreeMap<String, Dimension>,
    #[serde(default)]
    term_attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    rate_code: String,
    #[serde(default)]
    description: String,
    begin_range: Option<String>,
    end_range: Option<String>,
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

/// Reads an offer file part by part.
///
/// # Errors
///
/// [`ListError`]; nothing after it is read.
pub fn read_aws(reader: impl Read, sink: Sink<'_, AwsPart>) -> Result<AwsOffer, ListError> {
    let mut state = State { offer: AwsOffer::default(), lists: 0, failed: None, sink };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let read = Level::Offer.visit(&mut state, &mut json).and_then(|()| json.end());
    let (offer, lists) = (state.offer, state.lists);
    finish(read, state.failed)?;
    if lists < 2 { Err(ListError::NoList("products` and `terms")) } else { Ok(offer) }
}

struct State<'s> {
    offer: AwsOffer,
    /// How many of `products` and `terms` were seen.
    lists: u8,
    failed: Option<ListError>,
    sink: Sink<'s, AwsPart>,
}

impl State<'_> {
    fn pass<E: serde::de::Error>(&mut self, part: AwsPart) -> Result<(), E> {
        (self.sink)(part).map_err(|error| {
            self.failed = Some(error);
            E::custom("stopped")
        })
    }
}

/// Objects in objects: which one is being read.
#[derive(Clone)]
enum Level {
    Offer,
    Products,
    /// `OnDemand`, `Reserved`.
    Terms,
    /// SKUs under a kind of term.
    TermsOf(String),
    /// The contracts of one SKU.
    Contracts(String),
}

impl Level {
    fn visit<'de, D: Deserializer<'de>>(
        self,
        state: &mut State<'_>,
        from: D,
    ) -> Result<(), D::Error> {
        Reading { level: self, state }.deserialize(from)
    }
}

struct Reading<'a, 's> {
    level: Level,
    state: &'a mut State<'s>,
}

impl<'de> DeserializeSeed<'de> for Reading<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of an AWS offer file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { level, state } = self;
        while let Some(key) = map.next_key::<String>()? {
            let within = match (&level, key.as_str()) {
                (Level::Offer, "products") => Level::Products,
                (Level::Offer, "terms") => Level::Terms,
                (Level::Offer, "offerCode") => {
                    state.offer.code = Some(map.next_value()?);
                    continue;
                }
                (Level::Offer, "publicationDate") => {
                    state.offer.published = Some(map.next_value()?);
                    continue;
                }
                (Level::Offer, _) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Level::Products, _) => {
                    let product = map.next_value()?;
                    state.pass(AwsPart::Product(product))?;
                    continue;
                }
                (Level::Terms, _) => Level::TermsOf(key),
                (Level::TermsOf(kind), _) => Level::Contracts(kind.clone()),
                (Level::Contracts(kind), _) => {
                    let mut term: AwsTerm = map.next_value()?;
                    term.kind.clone_from(kind);
                    state.pass(AwsPart::Term(term))?;
                    continue;
                }
            };
            state.lists += u8::from(matches!(level, Level::Offer));
            map.next_value_seed(Reading { level: within, state: &mut *state })?;
        }
        if matches!(level, Level::Offer) && state.lists > 2 {
            return Err(A::Error::custom("`products` or `terms` stands there twice"));
        }
        Ok(())
    }
}

impl AwsTerm {
    /// The rates of this term for the product of its SKU: one for each dimension and currency.
    ///
    /// # Errors
    ///
    /// [`ListError::Price`] where an amount or a range is none.
    pub fn rates(&self, product: &AwsProduct) -> Result<Vec<Rate>, ListError> {
        let mut rates = Vec::new();
        for dimension in self.price_dimensions.values() {
            for (currency, price) in &dimension.price_per_unit {
                let rate = self.rate(product, dimension, currency, price);
                rates.push(rate.map_err(|reason| ListError::Price {
                    sku: dimension.rate_code.clone(),
                    reason,
                })?);
            }
        }
        Ok(rates)
    }

    fn rate(
        &self,
        product: &AwsProduct,
        dimension: &Dimension,
        currency: &str,
        price: &str,
    ) -> Result<Rate, String> {
        let amount = |text: &str| {
            amount::read(text)
                .map(|Amount(value)| value)
                .ok_or_else(|| format!("`{text}` is no amount"))
        };
        let given =
            |value: &Option<String>| value.clone().filter(|text| !text.is_empty() && text != "NA");
        let small = |value: &Option<String>| given(value).map(|text| text.to_lowercase());
        let term = match self.kind.as_str() {
            "OnDemand" => Term::OnDemand,
            "Reserved" => Term::Reserved,
            other => return Err(format!("`{other}` is no kind of term that is known")),
        };
        let details: Vec<&str> = ["LeaseContractLength", "OfferingClass", "PurchaseOption"]
            .iter()
            .filter_map(|name| self.term_attributes.get(*name).map(String::as_str))
            .collect();
        let attributes = &product.attributes;
        // Capacity that is reserved, or reserved and idle, has rows of its own beside the
        // ordinary one: they are told by their usage type and bear no instance's name.
        let ordinary = attributes.capacitystatus.as_deref().is_none_or(|status| status == "Used");
        let end =
            dimension.end_range.as_deref().filter(|end| *end != "Inf").map(amount).transpose()?;
        Ok(Rate {
            service: given(&attributes.servicecode).unwrap_or_else(|| "unknown".to_owned()),
            instance: given(&attributes.instance_type).filter(|_| ordinary),
            usage_type: given(&attributes.usagetype),
            operation: given(&attributes.operation),
            operating_system: small(&attributes.operating_system),
            software: given(&attributes.pre_installed_sw),
            tenancy: small(&attributes.tenancy),
            term,
            term_details: (!details.is_empty()).then(|| details.join(" ").to_lowercase()),
            unit: dimension.unit.clone(),
            price: amount(price)?,
            currency: currency.to_owned(),
            tier_begin: dimension
                .begin_range
                .as_deref()
                .map(amount)
                .transpose()?
                .unwrap_or_default(),
            tier_end: end,
            valid_from: self.effective_date,
            description: Some(dimension.description.clone()).filter(|text| !text.is_empty()),
            ..Rate::new("aws", &attributes.region(), &dimension.rate_code)
        }
        .named())
    }
}

impl Attributes {
    /// The region's code. Files from before 2021 have the region's name alone.
    fn region(&self) -> String {
        let named = self.location.as_ref().or(self.from_location.as_ref());
        let code = named.and_then(|name| {
            REGIONS
                .iter()
                .find(|(location, _)| location == name)
                .map(|(_, code)| (*code).to_owned())
        });
        let given = self.region_code.clone().filter(|code| !code.is_empty());
        given.or(code).or_else(|| named.cloned()).unwrap_or_else(|| "global".to_owned())
    }
}

/// <https://docs.aws.amazon.com/general/latest/gr/rande.html>, as the lists spell them.
const REGIONS: [(&str, &str); 20] = [
    ("US East (N. Virginia)", "us-east-1"),
    ("US East (Ohio)", "us-east-2"),
    ("US West (N. California)", "us-west-1"),
    ("US West (Oregon)", "us-west-2"),
    ("Canada (Central)", "ca-central-1"),
    ("EU (Ireland)", "eu-west-1"),
    ("EU (London)", "eu-west-2"),
    ("EU (Paris)", "eu-west-3"),
    ("EU (Frankfurt)", "eu-central-1"),
    ("EU (Stockholm)", "eu-north-1"),
    ("EU (Milan)", "eu-south-1"),
    ("Asia Pacific (Tokyo)", "ap-northeast-1"),
    ("Asia Pacific (Seoul)", "ap-northeast-2"),
    ("Asia Pacific (Singapore)", "ap-southeast-1"),
    ("Asia Pacific (Sydney)", "ap-southeast-2"),
    ("Asia Pacific (Mumbai)", "ap-south-1"),
    ("Asia Pacific (Hong Kong)", "ap-east-1"),
    ("South America (Sao Paulo)", "sa-east-1"),
    ("AWS GovCloud (US-West)", "us-gov-west-1"),
    ("AWS GovCloud (US)", "us-gov-west-1"),
];
