use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::error::LoadError;

/// Descriptors beside those of connections: files, the runtime's own, what a caller holds.
const BESIDE: u64 = 64;

/// Sees to it that so many connections can be open, by raising the soft limit.
pub(super) fn allow_connections(connections: u32) -> Result<(), LoadError> {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::from(connections) + BESIDE;
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(limit.current) {
        return Ok(());
    }
    let too_few = |limit: u64| LoadError::Descriptors { connections, needed, limit };
    if !enough(limit.maximum) {
        return Err(too_few(limit.maximum.unwrap_or_default()));
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum: limit.maximum })
        .map_err(|_| too_few(limit.current.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_descriptors_are_refused_before_the_start() {
        allow_connections(10).expect("a few can always be opened");
        if getrlimit(Resource::Nofile).maximum.is_some_and(|limit| limit < 4_000_000_000) {
            let error = allow_connections(u32::MAX).expect_err("too many").to_string();
            assert!(error.contains("ulimit -Hn"), "{error}");
        }
    }
}
