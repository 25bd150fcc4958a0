//! The trace that a request belongs to, by the header `traceparent` (W3C Trace Context,
//! level 1, 3.2): `00-TRACE-PARENT-FLAGS`, 32, 16 and 2 lower-case hexadecimal digits.

use axum::http::{HeaderMap, HeaderValue};

/// A request's place in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) trace: String,
    /// Who called; `None` where the trace begins here.
    pub(crate) parent: Option<String>,
    /// This request.
    pub(crate) span: String,
    flags: String,
}

impl Trace {
    /// The trace of a request's header, or a new one. A malformed header begins a new trace,
    /// as the standard asks; so do several of them.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let span = hexadecimal::<8>();
        let mut given = headers.get_all("traceparent").iter();
        let one = given.next().filter(|_| given.next().is_none());
        let parsed = one.and_then(|value| value.to_str().ok()).and_then(parse);
        match parsed {
            Some((trace, parent, flags)) => Self {
                trace: trace.to_owned(),
                parent: Some(parent.to_owned()),
                span,
                flags: flags.to_owned(),
            },
            None => Self { trace: hexadecimal::<16>(), parent: None, span, flags: "00".into() },
        }
    }

    /// What the answer says of it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let Self { trace, span, flags, .. } = self;
        HeaderValue::try_from(format!("00-{trace}-{span}-{flags}")).ok()
    }
}

fn parse(text: &str) -> Option<(&str, &str, &str)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let fits = hexadecimal(version, 2)
        && hexadecimal(trace, 32)
        && hexadecimal(parent, 16)
        && hexadecimal(flags, 2);
    // A later version may append parts; this one has none.
    let ends = version != "00" || parts.next().is_none();
    let given = |text: &str| text.bytes().any(|byte| byte != b'0');
    (fits && ends && version != "ff" && given(trace) && given(parent))
        .then_some((trace, parent, flags))
}

fn hexadecimal<const BYTES: usize>() -> String {
    let bytes: [u8; BYTES] = std::array::from_fn(|_| rand::random());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn the_trace_of_the_caller_is_kept_and_this_request_gets_a_span() {
        let header = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let headers = HeaderMap::from_iter([(
            "traceparent".parse().expect("a name"),
            HeaderValue::try_from(header).expect("a value"),
        )]);
        let trace = Trace::of(&headers);
        assert_eq!(trace.trace, TRACE);
        assert_eq!(trace.parent.as_deref(), Some("00f067aa0ba902b7"));
        assert_ne!(trace.span, "00f067aa0ba902b7");
        let answer = trace.header().expect("a value");
        assert_eq!(answer.to_str().expect("text"), format!("00-{TRACE}-{}-01", trace.span));
    }

    #[test]
    fn a_malformed_header_begins_a_new_trace() {
        for header in [
            "",
            "00",
            &format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            &format!("00-{TRACE}-0000000000000000-01"),
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            &format!("00-{TRACE}-00f067aa0ba902b7-01-more"),
        ] {
            assert_eq!(parse(header), None, "{header}");
        }
        let new = Trace::of(&HeaderMap::new());
        assert_eq!((new.trace.len(), new.span.len(), new.parent), (32, 16, None));
        assert!(parse(&format!("01-{TRACE}-00f067aa0ba902b7-01-more")).is_some());
    }
}
