//! What a `[[workload]]` of kind `fileio` asks, checked.

use super::asked::Problems;
use super::benchmark::sized;
use super::keys::nearest;
use super::written::WorkloadTable;
use crate::{FileioBenchmark, FileioMode, FileioTool, SyncPolicy};

/// What the files are read and written by at once.
pub(super) const FILEIO_THREADS: u32 = 2;
/// `O_DIRECT` asks for multiples of the logical block of the storage, 512 bytes at least; all
/// file systems take 4 KiB.
const BLOCK: (u64, u64) = (512, 64 << 20);
const SIZE_LEAST: u64 = 8 << 10;

/// The file benchmark of a table.
pub(super) fn fileio(
    path: &str,
    table: &WorkloadTable,
    problems: &mut Problems,
) -> FileioBenchmark {
    let default = FileioBenchmark::default();
    let modes = match &table.modes {
        None => default.modes,
        Some(names) => {
            let modes = names.iter().filter_map(|name| {
                known(path, "modes", name, &FileioMode::NAMES, FileioMode::from_name, problems)
            });
            modes.collect()
        }
    };
    let block_sizes = table.block_sizes.clone().unwrap_or(default.block_sizes);
    let size = table.size.unwrap_or(default.size);
    let direct = table.direct.unwrap_or(default.direct);
    for (key, empty, repeats) in [
        (
            "modes",
            modes.is_empty() && table.modes.as_ref().is_some_and(Vec::is_empty),
            twice(&modes),
        ),
        ("block_sizes", block_sizes.is_empty(), twice(&block_sizes)),
    ] {
        if empty || repeats {
            let wrong = if empty { "is empty" } else { "names one twice" };
            let help = "name each once, at least one, or leave the key away";
            problems.add(&format!("{path}.{key}"), format!("`{key}` {wrong}"), help);
        }
    }
    for block in &block_sizes {
        sized(path, "block_sizes", *block, BLOCK, problems);
        if direct && block.bytes() % BLOCK.0 != 0 {
            problems.add(
                &format!("{path}.block_sizes"),
                format!("blocks of {block} cannot be read and written with `direct = true`"),
                "give multiples of 512 bytes, or `direct = false`",
            );
        }
    }
    let threads = u64::from(table.threads.unwrap_or(FILEIO_THREADS).max(1));
    let largest = block_sizes.iter().map(|block| block.bytes()).max().unwrap_or(0);
    let least = largest.saturating_mul(threads).max(SIZE_LEAST);
    sized(path, "size", size, (least, 1 << 46), problems);
    let whole = table.whole_size.unwrap_or(false);
    if whole && table.seconds.is_some() {
        problems.add(
            &format!("{path}.whole_size"),
            "`whole_size` and `seconds` both say when a mode ends".to_owned(),
            "give one of them",
        );
    }
    let word = |key: &str| match key {
        "sync" => table.sync.as_deref(),
        _ => table.tool.as_deref(),
    };
    let sync = word("sync").and_then(|name| {
        known(path, "sync", name, &SyncPolicy::NAMES, SyncPolicy::from_name, problems)
    });
    let tool = word("tool").and_then(|name| {
        known(path, "tool", name, &FileioTool::NAMES, FileioTool::from_name, problems)
    });
    FileioBenchmark {
        modes,
        block_sizes,
        size,
        direct,
        sync: sync.unwrap_or(default.sync),
        seconds: if whole { None } else { table.seconds.or(default.seconds) },
        tool: tool.unwrap_or(default.tool),
    }
}

fn twice<T: PartialEq>(items: &[T]) -> bool {
    items.iter().enumerate().any(|(index, item)| items[..index].contains(item))
}

fn known<T>(
    path: &str,
    key: &str,
    name: &str,
    names: &[&str],
    from_name: fn(&str) -> Option<T>,
    problems: &mut Problems,
) -> Option<T> {
    let found = from_name(name);
    if found.is_none() {
        let help = nearest(name, names).map_or_else(
            || format!("use one of: {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        problems.add(&format!("{path}.{key}"), format!("unknown word `{name}` in `{key}`"), help);
    }
    found
}
