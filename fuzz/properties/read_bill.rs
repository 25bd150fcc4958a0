//! Any bytes are a bill, every line of it counted once, or an error.

use weighbridge_price::bill::{BillCheck, BillFormat, Found};

pub(crate) fn check(bytes: &[u8]) {
    for asked in std::iter::once(None).chain(BillFormat::ALL.map(Some)) {
        let Ok(mut check) = BillCheck::open(bytes, asked) else { continue };
        let (mut not_priced, mut differ, mut last) = (0, 0, 1);
        let ended = loop {
            match check.next_finding() {
                Ok(Some(finding)) => {
                    assert!(finding.line > last, "lines are in order, the header is before them");
                    last = finding.line;
                    match finding.what {
                        Found::NotPriced(_) => not_priced += 1,
                        Found::Difference { billed, computed, .. } => {
                            assert_ne!(billed, computed);
                            differ += 1;
                        }
                    }
                }
                other => break other,
            }
        };
        if ended.is_ok() {
            let summary = check.summary();
            assert_eq!(summary.priced, summary.exact + differ);
            assert_eq!(summary.lines, summary.priced + not_priced);
        }
    }
}
