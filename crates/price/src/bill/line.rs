//! From the cells of one line to what it says about its own cost, format by format.

use super::cause::Unpriced;
use super::figure::{Figure, FigureError, is_missing};
use super::format::{BillFormat, Columns, Role};
use super::product::Product;
use super::records::Record;
use super::verdict::{Charge, Rule};

/// Longest part of a cell that a message repeats.
const SHOWN_MAX: usize = 40;

/// One line of a bill, with the columns that its file has.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    columns: &'a Columns,
    record: &'a Record,
}

/// Who charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Provider {
    Aws,
    Azure,
    Gcp,
    Oci,
    /// By its name in the bill.
    Other(String),
}

impl Provider {
    /// The name in JSON.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Oci => "oci",
            Self::Other(name) => name,
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(columns: &'a Columns, record: &'a Record) -> Self {
        Self { columns, record }
    }

    pub(super) fn provider(self) -> Provider {
        match self.columns.format {
            BillFormat::Cur | BillFormat::Cur2 => Provider::Aws,
            BillFormat::Azure => Provider::Azure,
            BillFormat::Gcp => Provider::Gcp,
            BillFormat::Oci => Provider::Oci,
            BillFormat::Focus => self.named_provider(),
        }
    }

    /// A FOCUS file may hold several providers; they spell themselves in several ways.
    fn named_provider(self) -> Provider {
        let cell = self.columns.cell(self.record, Role::Provider);
        let begins = |name: &str| {
            cell.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        if begins("aws") || begins("amazon") {
            Provider::Aws
        } else if begins("microsoft") || begins("azure") {
            Provider::Azure
        } else if begins("google") || begins("gcp") {
            Provider::Gcp
        } else if begins("oracle") || begins("oci") {
            Provider::Oci
        } else {
            let name = if is_missing(cell) { "unknown".to_owned() } else { shown(cell) };
            Provider::Other(name)
        }
    }

    /// The currency as printed, in capitals; nothing where it is no three letters.
    pub(super) fn currency(self) -> Option<[u8; 3]> {
        let code: [u8; 3] = self.columns.cell(self.record, Role::Currency).try_into().ok()?;
        code.iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| code.map(|letter| letter.to_ascii_uppercase()))
    }

    /// The printed cost, whether the line can be priced or not.
    pub(super) fn billed(self) -> Result<Figure, Unpriced> {
        self.figure(Role::Cost)?.ok_or(Unpriced::NoCost)
    }

    /// What there is to compute.
    pub(super) fn charge(self) -> Result<Charge, Unpriced> {
        let billed = self.billed()?;
        match self.columns.format {
            BillFormat::Cur | BillFormat::Cur2 => self.aws(billed),
            BillFormat::Focus => self.focus(billed),
            BillFormat::Azure => self.azure(billed),
            BillFormat::Gcp => self.gcp(billed),
            BillFormat::Oci => self.oci(billed),
        }
    }

    /// `UnblendedCost` = `UsageAmount` × `UnblendedRate`. Line types:
    /// <https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html>.
    fn aws(self, billed: Figure) -> Result<Charge, Unpriced> {
        if !is_missing(self.columns.cell(self.record, Role::SplitOf)) {
            return Err(Unpriced::SplitOfAnotherLine);
        }
        let kind = self.columns.cell(self.record, Role::Kind);
        match kind {
            b"Tax" => return Err(Unpriced::Tax),
            b"Credit" => return Err(Unpriced::Credit),
            b"Refund" => return Err(Unpriced::Refund),
            _ if kind.ends_with(b"Discount") => return Err(Unpriced::Discount),
            _ => {}
        }
        let price = self.figure(Role::Price)?;
        let no_price = price.is_none_or(|price| price.is_zero()) && !billed.is_zero();
        if no_price && kind.ends_with(b"Fee") {
            return Err(Unpriced::Fee);
        }
        let mut charge = self.plain(Rule::Aws, billed, Role::Quantity, price)?;
        if kind == b"SavingsPlanNegation" {
            // Takes back what the covered usage cost on demand: the amount is positive, the
            // cost is not.
            charge.quantity = charge.quantity.negated();
        }
        let list = self.figure(Role::ListPrice)?;
        if list.is_some_and(|list| list.same_value(&charge.price)) {
            charge.second_cost = self.figure(Role::ListCost)?;
        } else {
            charge.list_price = list.filter(|list| above(list, &charge.price) == Some(true));
        }
        Ok(charge)
    }

    /// `BilledCost` has no unit price of its own in FOCUS
    /// (<https://focus.finops.org/focus-specification/v1-2/>). What is charged is the contracted
    /// price; exporters that know none print zero or nothing there and charge the list price.
    fn focus(self, billed: Figure) -> Result<Charge, Unpriced> {
        match self.columns.cell(self.record, Role::Kind) {
            b"Tax" => return Err(Unpriced::Tax),
            b"Credit" => return Err(Unpriced::Credit),
            b"Adjustment" => return Err(Unpriced::Adjustment),
            _ => {}
        }
        let provider = self.provider();
        let rule = if provider == Provider::Aws { Rule::Aws } else { Rule::Printed };
        // Azure's pricing quantity is divided by the block of its unit once too often; its
        // unit prices belong to the consumed quantity.
        let consumed = provider == Provider::Azure
            && !is_missing(self.columns.cell(self.record, Role::OtherQuantity));
        let (quantity, other) = if consumed {
            (Role::OtherQuantity, Role::Quantity)
        } else {
            (Role::Quantity, Role::OtherQuantity)
        };
        let contracted = self.figure(Role::Price)?;
        let list = self.figure(Role::ListPrice)?;
        let price = contracted.filter(|price| !price.is_zero() || billed.is_zero()).or(list);
        let mut charge = self.plain(rule, billed, quantity, price)?;
        charge.other_quantity =
            self.figure(other)?.filter(|other| other.is_tens_of(&charge.quantity));
        charge.committed = !is_missing(self.columns.cell(self.record, Role::Commitment));
        charge.refund = self.columns.cell(self.record, Role::Correction) == b"Correction";
        if let Some(list) = list {
            if above(&charge.price, &list) == Some(true) {
                // A discount cannot raise a price: the contracted one is no one's, and the line
                // is held to whichever of the two was charged.
                let at_list = Charge { price: list, ..charge.clone() };
                if at_list.judge().is_ok_and(|verdict| verdict.cause.is_none()) {
                    return Ok(at_list);
                }
            }
            charge.list_price = Some(list).filter(|list| above(list, &charge.price) == Some(true));
        }
        Ok(charge)
    }

    /// Cost = `Quantity` × `EffectivePrice`, in the currency of the price.
    fn azure(self, billed: Figure) -> Result<Charge, Unpriced> {
        let kind = self.columns.cell(self.record, Role::Kind);
        match kind {
            b"Tax" => return Err(Unpriced::Tax),
            b"RoundingAdjustment" | b"Adjustment" => return Err(Unpriced::Adjustment),
            _ => {}
        }
        let price = self.figure(Role::Price)?;
        let usage = kind.is_empty() || kind.eq_ignore_ascii_case(b"usage");
        if !usage && price.is_none_or(|price| price.is_zero()) && !billed.is_zero() {
            return Err(Unpriced::Fee);
        }
        let mut charge = self.plain(Rule::Printed, billed, Role::Quantity, price)?;
        let model = self.columns.cell(self.record, Role::Commitment);
        charge.committed = model.eq_ignore_ascii_case(b"reservation")
            || model.eq_ignore_ascii_case(b"savingsplan");
        charge.refund = kind.eq_ignore_ascii_case(b"refund");
        Ok(charge)
    }

    /// `cost` = `usage.amount_in_pricing_units` × `price.effective_price`, which only the detailed
    /// export has.
    fn gcp(self, billed: Figure) -> Result<Charge, Unpriced> {
        match self.columns.cell(self.record, Role::Kind) {
            b"tax" => return Err(Unpriced::Tax),
            b"adjustment" | b"rounding_error" => return Err(Unpriced::Adjustment),
            _ => {}
        }
        if !self.columns.has(Role::Price) {
            return Err(Unpriced::NoPriceColumn);
        }
        let block = self.figure(Role::PriceBlock)?;
        if block.is_some_and(|block| !block.same_value(&Figure::ONE)) {
            return Err(Unpriced::PriceBlock);
        }
        let price = self.figure(Role::Price)?;
        self.plain(Rule::Gcp, billed, Role::Quantity, price)
    }

    /// `myCost` = `billedQuantity` × `unitPrice`; a line that is overage alone has its own three.
    fn oci(self, billed: Figure) -> Result<Charge, Unpriced> {
        let main = self.figure(Role::Quantity)?;
        let over = self.figure(Role::OverQuantity)?;
        let mut charge = match (main, over) {
            (None, Some(_)) => {
                let billed = self.figure(Role::OverCost)?.unwrap_or(billed);
                let price = self.figure(Role::OverPrice)?;
                self.plain(Rule::Oci, billed, Role::OverQuantity, price)?
            }
            _ => {
                let price = self.figure(Role::Price)?;
                self.plain(Rule::Oci, billed, Role::Quantity, price)?
            }
        };
        let correction = self.columns.cell(self.record, Role::Correction);
        charge.refund = correction.eq_ignore_ascii_case(b"true");
        Ok(charge)
    }

    fn plain(
        self,
        rule: Rule,
        billed: Figure,
        quantity: Role,
        price: Option<Figure>,
    ) -> Result<Charge, Unpriced> {
        Ok(Charge {
            rule,
            billed,
            quantity: self.figure(quantity)?.ok_or(Unpriced::NoQuantity)?,
            price: price.ok_or(Unpriced::NoPrice)?,
            list_price: None,
            second_cost: None,
            other_quantity: None,
            committed: false,
            refund: false,
            cost_heading: self.columns.heading(Role::Cost).to_owned(),
        })
    }

    fn figure(self, role: Role) -> Result<Option<Figure>, Unpriced> {
        let cell = self.columns.cell(self.record, role);
        let column = || self.columns.heading(role).to_owned();
        Figure::read(cell).map_err(|error| match error {
            FigureError::NotANumber => Unpriced::NotANumber { column: column(), text: shown(cell) },
            FigureError::TooManyDigits => Unpriced::TooManyDigits { column: column() },
        })
    }
}

/// Whether one price is above another; nothing where they are too long to be compared.
fn above(price: &Figure, other: &Figure) -> Option<bool> {
    let value = |figure| Product::of(figure, &Figure::ONE).approximate();
    Some(value(price)? > value(other)?)
}

fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell);
    let mut short: String = text.chars().take(SHOWN_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
