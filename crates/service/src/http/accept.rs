//! Which form of a result a client wants, by its `Accept` header (RFC 9110, 12.5.1).

/// The media type among `offered` (the preferred first) that `accept` gives the highest
/// weight; `None` where it takes none of them. Without a header the first is given.
pub(crate) fn choose<'a>(accept: Option<&str>, offered: &[&'a str]) -> Option<&'a str> {
    let Some(accept) = accept.filter(|text| !text.trim().is_empty()) else {
        return offered.first().copied();
    };
    let ranges: Vec<Range<'_>> = accept.split(',').filter_map(Range::parse).collect();
    let mut best: Option<(&str, u16)> = None;
    for media_type in offered {
        let weight = weight(&ranges, media_type);
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((media_type, weight));
        }
    }
    best.map(|(media_type, _)| media_type)
}

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Thousandths, as the header can state them.
    weight: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let weight = parts
            .filter_map(|part| part.trim().strip_prefix("q="))
            .find_map(|weight| weight.trim().parse::<f32>().ok())
            .map_or(1000, |weight| (weight.clamp(0.0, 1.0) * 1000.0) as u16);
        Some(Self { kind: kind.trim(), subtype: subtype.trim(), weight })
    }

    /// How closely it names a type: 2 for the type itself, 1 for `image/*`, 0 for `*/*`.
    fn closeness(&self, media_type: &str) -> Option<u8> {
        let (kind, subtype) = media_type.split_once('/')?;
        if self.kind == "*" && self.subtype == "*" {
            return Some(0);
        }
        if !self.kind.eq_ignore_ascii_case(kind) {
            return None;
        }
        if self.subtype == "*" {
            return Some(1);
        }
        self.subtype.eq_ignore_ascii_case(subtype).then_some(2)
    }
}

/// The weight of the range that names the type most closely.
fn weight(ranges: &[Range<'_>], media_type: &str) -> u16 {
    ranges
        .iter()
        .filter_map(|range| Some((range.closeness(media_type)?, range.weight)))
        .max_by_key(|(closeness, _)| *closeness)
        .map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [&str; 3] = ["image/png", "image/jpeg", "application/json"];

    #[test]
    fn the_heaviest_type_is_given_and_the_first_where_it_does_not_matter() {
        for (accept, expected) in [
            (None, Some("image/png")),
            (Some(""), Some("image/png")),
            (Some("*/*"), Some("image/png")),
            (Some("application/json"), Some("application/json")),
            (Some("image/*"), Some("image/png")),
            (Some("image/jpeg, image/*;q=0.5"), Some("image/jpeg")),
            (Some("image/png;q=0, image/*"), Some("image/jpeg")),
            (Some("APPLICATION/Json;q=0.9, */*;q=0.1"), Some("application/json")),
            (Some("text/html,application/xml;q=0.9,*/*;q=0.8"), Some("image/png")),
            (Some("text/html"), None),
            (Some("*/*;q=0"), None),
            (Some("garbage"), None),
        ] {
            assert_eq!(choose(accept, &OFFERED), expected, "{accept:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_header_gives_an_offered_type_or_none(accept in ".{0,80}") {
            if let Some(chosen) = choose(Some(&accept), &OFFERED) {
                proptest::prop_assert!(OFFERED.contains(&chosen));
            }
        }
    }
}
