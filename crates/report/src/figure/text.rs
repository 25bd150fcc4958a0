//! How wide text is: advance widths of DejaVu Sans, the font that figures are laid out for.
//!
//! A viewer with another sans-serif font shows narrower letters, so what fits here fits there.

/// Advance widths of the characters U+0020 to U+007E, in units of 1/2048 em.
const ADVANCES: [u16; 95] = [
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303,
    1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, 2048,
    1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612, 1235,
    1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799, 690, 799, 1716, 1024, 1024,
    1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253, 1300,
    1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
];

/// Width of a line of text at a font size, in the units of the size.
#[must_use]
pub fn width(text: &str, size: f64) -> f64 {
    let advance = |character: char| match character {
        ' '..='~' => ADVANCES[character as usize - 0x20],
        '\u{a0}' | '·' => 651,
        '–' => 1024,
        'µ' => 1303,
        '−' | '±' | '×' | '≥' | '≤' | '→' => 1716,
        // As wide as the widest letter: a wrong guess leaves a gap, never an overlap.
        _ => 2048,
    };
    text.chars().map(|character| f64::from(advance(character))).sum::<f64>() / 2048.0 * size
}

/// Breaks text into lines no wider than `limit`: at spaces, within words after `-`, `_`, `.`,
/// `/`, and anywhere where nothing else fits.
#[must_use]
pub fn wrap(text: &str, limit: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for piece in pieces(text) {
        if width(format!("{line}{piece}").trim_end(), size) <= limit {
            line.push_str(&piece);
            continue;
        }
        if !line.trim().is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        line.clear();
        for character in piece.trim_start().chars() {
            if width(&format!("{line}{character}"), size) > limit && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push(character);
        }
    }
    if !line.trim().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The parts between which a line may break, each with the space or sign that ends it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for character in text.chars() {
        if let Some(last) = pieces.last_mut() {
            last.push(character);
        }
        if matches!(character, ' ' | '-' | '_' | '/') {
            pieces.push(String::new());
        }
    }
    pieces
}

/// The text, cut with an ellipsis where it is wider than `limit`.
#[must_use]
pub fn fit(text: &str, limit: f64, size: f64) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut cut = text.to_owned();
    while !cut.is_empty() && width(&format!("{}…", cut.trim_end()), size) > limit {
        cut.pop();
    }
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_follow_the_font() {
        assert!((width("A", 2048.0) - 1401.0).abs() < 1e-9);
        assert!(width("iiii", 12.0) < width("mmmm", 12.0));
    }

    #[test]
    fn long_names_break_at_their_signs() {
        let lines = wrap("container-with-a-long-name", width("container-with-", 12.0), 12.0);
        assert_eq!(lines, ["container-with-", "a-long-name"]);
        assert_eq!(fit("abc", 1000.0, 12.0), "abc");
        assert!(fit("abcdefgh", 40.0, 12.0).ends_with('…'));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(text in "[a-z._ -]{0,80}", limit in 30.0_f64..300.0) {
            let lines = wrap(&text, limit, 12.0);
            for line in &lines {
                prop_assert!(width(line, 12.0) <= limit, "{line}");
            }
            let letters = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
