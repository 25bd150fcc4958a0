//! Properties of reading and checking bills: nothing panics, and a changed line is found.

use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use weighbridge_price::bill::{BillCheck, BillError, BillSummary, Cause, Finding, Found};

fn check(bytes: &[u8]) -> Result<(Vec<Finding>, BillSummary), BillError> {
    let mut check = BillCheck::open(bytes, None)?;
    let mut all = Vec::new();
    while let Some(finding) = check.next_finding()? {
        all.push(finding);
    }
    Ok((all, check.summary().clone()))
}

/// One usage line of an AWS report; all numbers as whole units of the tenth place.
#[derive(Debug, Clone)]
struct Usage {
    quantity: i64,
    rate: i64,
}

impl Usage {
    /// The cost by AWS's rule, computed here in another way than in the code under test.
    fn cost(&self) -> Decimal {
        let product = Decimal::new(self.quantity, 10) * Decimal::new(self.rate, 10);
        product.round_dp_with_strategy(10, RoundingStrategy::MidpointAwayFromZero)
    }

    fn print(&self, cost: Decimal) -> String {
        let (quantity, rate) = (Decimal::new(self.quantity, 10), Decimal::new(self.rate, 10));
        format!("Usage,{quantity},USD,{rate},{cost},{rate},{cost}\n")
    }
}

const HEADER: &str = "lineItem/LineItemType,lineItem/UsageAmount,lineItem/CurrencyCode,\
                      lineItem/UnblendedRate,lineItem/UnblendedCost,pricing/publicOnDemandRate,\
                      pricing/publicOnDemandCost\n";

fn usage() -> impl Strategy<Value = Usage> {
    // Up to 1,000 units at up to 100 an hour; the product keeps within 28 digits.
    (1_i64..10_000_000_000_000, 1_i64..1_000_000_000_000)
        .prop_map(|(quantity, rate)| Usage { quantity, rate })
}

fn bill(lines: &[Usage]) -> String {
    lines.iter().fold(HEADER.to_owned(), |text, line| text + &line.print(line.cost()))
}

proptest! {
    #[test]
    fn a_clean_bill_raises_no_alarm(lines in prop::collection::vec(usage(), 1..40)) {
        let (found, summary) = check(bill(&lines).as_bytes()).expect("readable");
        prop_assert_eq!(found, Vec::new());
        prop_assert_eq!(summary.exact, lines.len() as u64);
    }

    /// A cost moved by more than a sum of rounded records can account for.
    #[test]
    fn a_changed_cost_is_found(
        lines in prop::collection::vec(usage(), 1..20),
        at in any::<prop::sample::Index>(),
        by in prop_oneof![11_i64..1_000_000_000, -1_000_000_000_i64..-10],
    ) {
        let at = at.index(lines.len());
        let changed = &lines[at];
        let before = bill(&lines);
        let line = changed.print(changed.cost());
        let cost = changed.cost() + Decimal::new(by, 10);
        let after: String = before
            .lines()
            .enumerate()
            .map(|(row, text)| {
                let text = format!("{text}\n");
                if row == at + 1 { line.replacen(&format!(",{},", changed.cost()), &format!(",{cost},"), 1) } else { text }
            })
            .collect();
        prop_assume!(before != after);
        let (found, _) = check(after.as_bytes()).expect("readable");
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].line, at as u64 + 2);
        let unexplained = matches!(found[0].what, Found::Difference { cause: Cause::Unexplained, .. });
        prop_assert!(unexplained, "{:?}", found[0]);
    }

    /// A changed quantity, by whatever moves the cost by one unit of its last place or more.
    #[test]
    fn a_changed_quantity_is_found(line in usage(), factor in 2_i64..100) {
        let cost = line.cost();
        let changed = Usage { quantity: line.quantity * factor / (factor - 1), ..line.clone() };
        prop_assume!(changed.quantity != line.quantity && changed.cost() != cost);
        let text = format!("{HEADER}{}", changed.print(cost));
        let (found, _) = check(text.as_bytes()).expect("readable");
        prop_assert_eq!(found.len(), 1);
        let unexplained = matches!(found[0].what, Found::Difference { cause: Cause::Unexplained, .. });
        prop_assert!(unexplained, "the second cost no longer confirms the first: {:?}", found[0]);
    }

    #[test]
    fn any_bytes_are_a_bill_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = check(&bytes);
    }

    /// A header that fits, then anything.
    #[test]
    fn any_cells_are_counted(rows in prop::collection::vec(
        prop::collection::vec("([-+]?[0-9]{0,30}\\.?[0-9]{0,30}([eE]-?[0-9]{1,3})?|NaN|NULL|\\PC{0,6})", 7), 0..10)) {
        let mut writer = csv::Writer::from_writer(HEADER.as_bytes().to_vec());
        for row in &rows {
            writer.write_record(row).expect("written to memory");
        }
        let text = writer.into_inner().expect("flushed");
        let (found, summary) = check(&text).expect("seven columns each");
        prop_assert_eq!(summary.lines, rows.len() as u64);
        prop_assert_eq!(summary.exact + found.len() as u64, summary.lines);
        prop_assert_eq!(summary.priced + summary.not_priced.values().sum::<u64>(), summary.lines);
    }

    /// A bill cut off anywhere never gives more lines than the whole.
    #[test]
    fn a_cut_bill_is_an_error_or_shorter(
        lines in prop::collection::vec(usage(), 1..10),
        at in any::<prop::sample::Index>(),
    ) {
        let whole = bill(&lines);
        let cut = &whole.as_bytes()[..at.index(whole.len())];
        if let Ok((_, summary)) = check(cut) {
            prop_assert!(summary.lines <= lines.len() as u64);
        }
    }
}
