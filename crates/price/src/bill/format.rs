//! The formats that providers deliver bills in, told apart by their header alone.
//!
//! Column names are compared by letters and digits only, without case: the legacy report's
//! `lineItem/UsageAmount` and the newer `line_item_usage_amount` are one column, as are
//! `usage.amount` and `usage_amount` of the two ways to save a BigQuery table. Columns that
//! no rule needs may be there or not, in any order.

use std::fmt;

use super::error::BillError;
use super::records::Record;

/// A format of a bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BillFormat {
    /// AWS Cost and Usage Report, legacy: `lineItem/UsageType`.
    Cur,
    /// AWS Cost and Usage Report 2.0: `line_item_usage_type`.
    Cur2,
    /// FOCUS 1.0 to 1.3, of whichever provider.
    Focus,
    /// Azure cost details, Enterprise Agreement or Microsoft Customer Agreement.
    Azure,
    /// Google Cloud billing export, as CSV of the BigQuery table.
    Gcp,
    /// Oracle Cloud cost report.
    Oci,
}

impl BillFormat {
    /// Every format.
    pub const ALL: [Self; 6] =
        [Self::Cur, Self::Cur2, Self::Focus, Self::Azure, Self::Gcp, Self::Oci];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cur => "cur",
            Self::Cur2 => "cur2",
            Self::Focus => "focus",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Oci => "oci",
        }
    }
}

impl fmt::Display for BillFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cur => "AWS Cost and Usage Report (legacy)",
            Self::Cur2 => "AWS Cost and Usage Report 2.0",
            Self::Focus => "FOCUS",
            Self::Azure => "Azure cost details",
            Self::Gcp => "Google Cloud billing export",
            Self::Oci => "Oracle Cloud cost report",
        })
    }
}

/// What a column is to the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Cost,
    Currency,
    Quantity,
    /// The quantity in the other of the two units that a format prints.
    OtherQuantity,
    Price,
    ListPrice,
    ListCost,
    /// Type of the line: usage, tax, credit …
    Kind,
    Provider,
    Commitment,
    Correction,
    /// Set where the line divides up the cost of another.
    SplitOf,
    /// How many units the price is for.
    PriceBlock,
    OverQuantity,
    OverPrice,
    OverCost,
    /// Not read; tells the format from others.
    Mark,
}

/// How many roles there are.
const ROLES: usize = Role::Mark as usize + 1;

/// A column that a format has: its role, its names, and whether the check needs it.
type Wanted = (Role, &'static [&'static str], bool);

const CUR: &[Wanted] = &[
    (Role::Cost, &["lineitemunblendedcost"], true),
    (Role::Currency, &["lineitemcurrencycode"], true),
    (Role::Quantity, &["lineitemusageamount"], true),
    (Role::Price, &["lineitemunblendedrate"], true),
    (Role::Kind, &["lineitemlineitemtype"], true),
    (Role::ListPrice, &["pricingpublicondemandrate"], false),
    (Role::ListCost, &["pricingpublicondemandcost"], false),
    (Role::SplitOf, &["splitlineitemparentresourceid"], false),
];

const FOCUS: &[Wanted] = &[
    (Role::Cost, &["billedcost"], true),
    (Role::Currency, &["billingcurrency"], true),
    (Role::Quantity, &["pricingquantity"], true),
    (Role::Kind, &["chargecategory"], true),
    (Role::ListPrice, &["listunitprice"], true),
    (Role::Price, &["contractedunitprice"], false),
    (Role::OtherQuantity, &["consumedquantity"], false),
    (Role::Provider, &["serviceprovidername", "providername"], false),
    (Role::Commitment, &["commitmentdiscountid"], false),
    (Role::Correction, &["chargeclass"], false),
];

/// The Customer Agreement prices in one currency and bills in another; quantity times price is
/// the cost in the former.
const AZURE_TWO_CURRENCIES: &[Wanted] = &[
    (Role::Cost, &["costinpricingcurrency"], true),
    (Role::Currency, &["pricingcurrency", "pricingcurrencycode"], true),
    (Role::Quantity, &["quantity", "usagequantity"], true),
    (Role::Price, &["effectiveprice"], true),
    (Role::Mark, &["meterid", "metercategory"], true),
    (Role::Kind, &["chargetype"], false),
    (Role::Commitment, &["pricingmodel"], false),
];

const AZURE: &[Wanted] = &[
    (Role::Cost, &["costinbillingcurrency", "cost", "pretaxcost", "extendedcost"], true),
    (Role::Currency, &["billingcurrencycode", "billingcurrency", "currency"], true),
    (Role::Quantity, &["quantity", "usagequantity", "consumedquantity"], true),
    (Role::Price, &["effectiveprice", "resourcerate"], true),
    (Role::Mark, &["meterid", "metercategory"], true),
    (Role::Kind, &["chargetype"], false),
    (Role::Commitment, &["pricingmodel"], false),
];

const GCP: &[Wanted] = &[
    (Role::Cost, &["cost"], true),
    (Role::Currency, &["currency"], true),
    (Role::Quantity, &["usageamountinpricingunits"], true),
    (Role::Mark, &["skuid"], true),
    (Role::Kind, &["costtype"], false),
    (Role::Price, &["priceeffectiveprice"], false),
    (Role::PriceBlock, &["pricepricingunitquantity"], false),
];

const OCI: &[Wanted] = &[
    (Role::Cost, &["costmycost"], true),
    (Role::Currency, &["costcurrencycode"], true),
    (Role::Quantity, &["usagebilledquantity"], true),
    (Role::Price, &["costunitprice"], true),
    (Role::OverCost, &["costmycostoverage"], false),
    (Role::OverQuantity, &["usagebilledquantityoverage"], false),
    (Role::OverPrice, &["costunitpriceoverage"], false),
    (Role::Correction, &["lineitemiscorrection"], false),
];

/// Every shape of header; a format may have more than one, the first that fits is taken.
const SHAPES: [(BillFormat, &[Wanted]); 6] = [
    (BillFormat::Cur, CUR),
    (BillFormat::Focus, FOCUS),
    (BillFormat::Azure, AZURE_TWO_CURRENCIES),
    (BillFormat::Azure, AZURE),
    (BillFormat::Gcp, GCP),
    (BillFormat::Oci, OCI),
];

/// The header of one file: its format, and where each role's column stands.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) format: BillFormat,
    /// Columns in the header; every line has as many.
    pub(super) count: usize,
    index: [Option<usize>; ROLES],
    /// Headings as printed, for messages.
    headings: Vec<String>,
}

impl Columns {
    /// Finds the columns of `asked`, or of the one format that the header fits.
    pub(super) fn of(header: &Record, asked: Option<BillFormat>) -> Result<Self, BillError> {
        let heading = |index| String::from_utf8_lossy(header.cell(index)).trim().to_owned();
        let headings: Vec<String> = (0..header.len()).map(heading).collect();
        let letters: Vec<String> = headings.iter().map(|heading| letters(heading)).collect();
        let fits = |(_, wanted): &&(BillFormat, &[Wanted])| absent(wanted, &letters).is_none();
        let shapes =
            SHAPES.iter().filter(|(format, _)| asked.is_none_or(|asked| same(asked, *format)));
        let Some((format, wanted)) = shapes.clone().find(fits) else {
            return Err(unknown(shapes, &letters, asked.is_some()));
        };
        let mut index = [None; ROLES];
        for (role, names, _) in *wanted {
            index[*role as usize] = position(names, &letters, &headings)?;
        }
        let legacy = headings.iter().any(|heading| heading.starts_with("lineItem/"));
        let format = match format {
            BillFormat::Cur if !legacy => BillFormat::Cur2,
            other => *other,
        };
        Ok(Self { format, count: headings.len(), index, headings })
    }

    /// The cell of a role, without surrounding blanks; empty where the file has no such column.
    pub(super) fn cell<'a>(&self, record: &'a Record, role: Role) -> &'a [u8] {
        self.index[role as usize].map(|index| record.cell(index).trim_ascii()).unwrap_or_default()
    }

    /// Whether the file has a column of this role.
    pub(super) fn has(&self, role: Role) -> bool {
        self.index[role as usize].is_some()
    }

    /// The heading of a role's column as the file prints it.
    pub(super) fn heading(&self, role: Role) -> &str {
        self.index[role as usize].map_or("", |index| &self.headings[index])
    }
}

/// Both versions of the AWS report have the same columns under the comparison used here.
fn same(asked: BillFormat, shape: BillFormat) -> bool {
    asked == shape || (asked, shape) == (BillFormat::Cur2, BillFormat::Cur)
}

fn letters(heading: &str) -> String {
    let kept = heading.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|letter| letter.to_ascii_lowercase()).collect()
}

fn missing<'a>(
    wanted: &'a [Wanted],
    header: &'a [String],
) -> impl Iterator<Item = &'static str> + 'a {
    let needed = wanted.iter().filter(|(_, _, needed)| *needed);
    needed
        .filter(|(_, names, _)| !names.iter().any(|name| header.iter().any(|have| have == name)))
        .map(|(_, names, _)| names[0])
}

/// What the header is nearest to, where it has anything in common with a bill.
fn unknown<'a>(
    shapes: impl Iterator<Item = &'a (BillFormat, &'static [Wanted])>,
    header: &[String],
    asked: bool,
) -> BillError {
    let lacks = |wanted| missing(wanted, header).count();
    let needs = |wanted: &[Wanted]| wanted.iter().filter(|(_, _, needed)| *needed).count();
    let nearest = shapes
        .filter(|(_, wanted)| asked || lacks(wanted) < needs(wanted))
        .min_by_key(|(_, wanted)| lacks(wanted));
    BillError::UnknownHeader {
        asked,
        nearest: nearest.map(|(format, _)| *format),
        missing: nearest.and_then(|(_, wanted)| absent(wanted, header)),
        columns: header.len(),
    }
}

fn absent(wanted: &[Wanted], header: &[String]) -> Option<&'static str> {
    missing(wanted, header).next()
}

/// Where the first of `names` stands. Twice the same heading is refused: which one counts?
fn position(
    names: &[&str],
    header: &[String],
    headings: &[String],
) -> Result<Option<usize>, BillError> {
    for name in names {
        let mut found = (0..header.len()).filter(|index| header[*index] == *name);
        if let Some(first) = found.next() {
            return match found.next() {
                Some(_) => Err(BillError::RepeatedColumn { column: headings[first].clone() }),
                None => Ok(Some(first)),
            };
        }
    }
    Ok(None)
}
