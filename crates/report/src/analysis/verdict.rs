//! The one sentence that a comparison ends in.

/// The minus sign of printed numbers, U+2212.
pub const MINUS: char = '\u{2212}';

/// A ratio as a change in per cent: 1.018 is 1.8.
fn change(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

/// One decimal; two where one would show nothing but zeros; none from 100 on.
fn decimals(largest: f64, shown: f64) -> usize {
    if largest.abs() >= 100.0 {
        0
    } else if shown.abs() < 0.095 {
        2
    } else {
        1
    }
}

fn signed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let zero = digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    match (zero, value < 0.0) {
        (true, _) => digits,
        (false, true) => format!("{MINUS}{digits}"),
        (false, false) => format!("+{digits}"),
    }
}

/// A ratio as a signed change, such as `+1.8 %` or `−0.4 %`.
#[must_use]
pub fn percent_words(ratio: f64) -> String {
    let percent = change(ratio);
    format!("{} %", signed(percent, decimals(percent, percent)))
}

/// What more and less of a metric are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// Between the name and the per cent.
    pub verb: &'static str,
    /// The metric of the second is larger.
    pub more: &'static str,
    /// It is smaller.
    pub less: &'static str,
}

impl Words {
    /// For times.
    pub const TIME: Self = Self { verb: "is", more: "slower", less: "faster" };
    /// For rates and counts.
    pub const RATE: Self = Self { verb: "gives", more: "more", less: "less" };
}

/// `container is 1.8 % slower (0.9 to 2.7 %)`, or `no difference detected (−0.4 to +0.6 %)`.
///
/// `ratio` is the time of `name` ÷ the other's, `interval` its 95 % interval.
#[must_use]
pub fn verdict(name: &str, ratio: f64, interval: [f64; 2], detected: bool) -> String {
    verdict_in_words(Words::TIME, name, ratio, interval, detected)
}

/// The same of a metric that is not a time.
#[must_use]
pub fn verdict_in_words(
    words: Words,
    name: &str,
    ratio: f64,
    interval: [f64; 2],
    detected: bool,
) -> String {
    let [low, high] = interval.map(change);
    if !detected {
        let digits = decimals(low.abs().max(high.abs()), low.abs().max(high.abs()));
        return format!(
            "no difference detected ({} to {} %)",
            signed(low, digits),
            signed(high, digits)
        );
    }
    let percent = change(ratio);
    let (word, near, far) =
        if percent >= 0.0 { (words.more, low, high) } else { (words.less, -high, -low) };
    let digits = decimals(far, percent.abs().min(near.abs()));
    let (verb, share) = (words.verb, percent.abs());
    format!("{name} {verb} {share:.digits$} % {word} ({near:.digits$} to {far:.digits$} %)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_as_promised() {
        assert_eq!(
            verdict("container", 1.018, [1.009, 1.027], true),
            "container is 1.8 % slower (0.9 to 2.7 %)"
        );
        assert_eq!(
            verdict("x", 1.001, [0.996, 1.006], false),
            "no difference detected (−0.4 to +0.6 %)"
        );
        assert_eq!(verdict("vm", 0.9, [0.88, 0.93], true), "vm is 10.0 % faster (7.0 to 12.0 %)");
        assert_eq!(verdict("vm", 12.0, [11.5, 12.5], true), "vm is 1100 % slower (1050 to 1150 %)");
        assert_eq!(
            verdict("x", 1.0004, [1.0002, 1.0006], true),
            "x is 0.04 % slower (0.02 to 0.06 %)"
        );
        assert_eq!(verdict("x", 1.0, [1.0, 1.0], false), "no difference detected (0.00 to 0.00 %)");
    }

    #[test]
    fn rates_are_more_or_less() {
        assert_eq!(
            verdict_in_words(Words::RATE, "vm", 0.9, [0.88, 0.93], true),
            "vm gives 10.0 % less (7.0 to 12.0 %)"
        );
    }

    #[test]
    fn changes_carry_their_sign() {
        assert_eq!(percent_words(1.018), "+1.8 %");
        assert_eq!(percent_words(0.996), "−0.4 %");
    }
}
