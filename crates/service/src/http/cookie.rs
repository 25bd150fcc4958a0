//! Cookies, both kinds of which only the service itself reads.

use axum::http::{HeaderMap, header};

/// The value of a cookie that was sent.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The header that sets a cookie: hidden from scripts, sent by the service's own pages only,
/// and over an encrypted connection only where there is one.
pub(crate) fn write(name: &str, value: &str, age: Option<u64>, encrypted: bool) -> String {
    let age = age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let secure = if encrypted { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{age}{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let headers = HeaderMap::from_iter([(header::COOKIE, "ab=1; b=2; c".parse().unwrap())]);
        assert_eq!(read(&headers, "b"), Some("2"));
        assert_eq!(read(&headers, "a"), None);
        assert!(write("a", "1", None, true).ends_with("HttpOnly; SameSite=Strict; Secure"));
    }
}
