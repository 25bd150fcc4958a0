//! How much of what was read came from storage, by the kernel's own count: only that tells
//! a fast disk from a cache.

use std::fs;

/// Bytes that storage delivered to this process so far (`read_bytes` of `/proc/self/io`), of
/// all its threads; `None` where it is not counted.
pub(super) fn delivered_by_storage() -> Option<u64> {
    parse(&fs::read_to_string("/proc/self/io").ok()?)
}

fn parse(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("read_bytes:"))?.trim().parse().ok()
}

/// What is said beside the figures of `read` bytes of which storage delivered `delivered`.
/// Read-ahead delivers more than is read; a per cent is within the count's error.
pub(super) fn label(read: u64, delivered: Option<u64>) -> Option<String> {
    let Some(delivered) = delivered else {
        return Some("how much came from the page cache is not counted here".to_owned());
    };
    let missing = read.saturating_sub(delivered);
    let percent = 100.0 * missing as f64 / read.max(1) as f64;
    (percent >= 1.0).then(|| format!("{percent:.0} % from the page cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_cache_is_what_storage_did_not_deliver() {
        assert_eq!(label(1000, Some(0)).as_deref(), Some("100 % from the page cache"));
        assert_eq!(label(1000, Some(750)).as_deref(), Some("25 % from the page cache"));
        assert_eq!(label(1000, Some(4096)), None);
        assert_eq!(label(1000, Some(995)), None);
        assert!(label(1000, None).is_some_and(|words| words.contains("not counted")));
    }

    #[test]
    fn the_kernels_count_is_read() {
        let text = "rchar: 5\nread_bytes: 4096\nwrite_bytes: 7\n";
        assert_eq!(parse(text), Some(4096));
        assert_eq!(parse("rchar: 5\n"), None);
    }
}
