//! Runs the fuzz targets: `cargo run -p xtask -- fuzz [TARGET] [--seconds N]`.
//!
//! Outside `./test`, because it needs a nightly compiler and minutes. What it found stays in
//! `fuzz/corpus/`; the committed seeds of `fuzz/corpus_seed/` are replayed by
//! `crates/weighbridge/tests/corpus.rs` on any compiler.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// How long each target runs unless told.
const SECONDS: u32 = 60;
/// Above the memory that decoding the largest photo takes, with the sanitizer's own beside it.
const MEMORY_MIB: u32 = 2048;
const HOW_TO_GET_IT: &str = "fuzzing needs a nightly compiler and cargo-fuzz:
  rustup toolchain install nightly
  cargo install cargo-fuzz";

struct Asked {
    target: Option<String>,
    seconds: u32,
}

pub(crate) fn run(root: &Path, arguments: &[String]) -> anyhow::Result<()> {
    let asked = read_arguments(arguments)?;
    let mut targets = targets(root)?;
    if let Some(only) = &asked.target {
        ensure!(
            targets.contains(only),
            "there is no fuzz target `{only}`; there are {}",
            targets.join(", ")
        );
        targets.retain(|target| target == only);
    }
    let there = Command::new("cargo").args(["+nightly", "fuzz", "--version"]).output();
    if !there.is_ok_and(|done| done.status.success()) {
        bail!("{HOW_TO_GET_IT}");
    }
    for target in &targets {
        let found = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root.join(&found)).with_context(|| format!("cannot make {found}"))?;
        let status = Command::new("cargo")
            .current_dir(root)
            .args([
                "+nightly",
                "fuzz",
                "run",
                target,
                &found,
                &format!("fuzz/corpus_seed/{target}"),
            ])
            .arg("--")
            .arg(format!("-max_total_time={}", asked.seconds))
            .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
            .status()
            .context("cargo cannot be started")?;
        ensure!(
            status.success(),
            "`{target}` broke; the input is in fuzz/artifacts/{target}/: put it into \
             fuzz/corpus_seed/{target}/ so that `./test` replays it, then fix the code"
        );
    }
    Ok(())
}

fn read_arguments(arguments: &[String]) -> anyhow::Result<Asked> {
    let mut asked = Asked { target: None, seconds: SECONDS };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--seconds" {
            let value = arguments.next().context("`--seconds` needs a number")?;
            asked.seconds = value.parse().with_context(|| format!("`--seconds {value}`"))?;
            // For libFuzzer 0 means without an end.
            ensure!(asked.seconds > 0, "`--seconds` is at least 1");
        } else if argument.starts_with('-') || asked.target.is_some() {
            bail!("`{argument}` is not understood; fuzz [TARGET] [--seconds N]");
        } else {
            asked.target = Some(argument.clone());
        }
    }
    Ok(asked)
}

/// Names of the targets: the files of `fuzz/fuzz_targets/`, in order.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix(".rs").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Asked> {
        read_arguments(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_target_and_seconds_are_read_in_any_order() {
        let asked = read("--seconds 5 load_model").expect("understood");
        assert_eq!((asked.target.as_deref(), asked.seconds), (Some("load_model"), 5));
        assert_eq!(read("").expect("understood").seconds, SECONDS);
        for wrong in ["--seconds", "--seconds 0", "--seconds soon", "--fast", "one two"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_target_is_declared_and_has_seeds_and_a_property() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("the manifest");
        let targets = targets(root).expect("the targets");
        assert!(targets.len() >= 4, "{targets:?}");
        for target in targets {
            assert!(manifest.contains(&format!("name = \"{target}\"\n")), "{target}");
            assert!(root.join(format!("fuzz/properties/{target}.rs")).is_file(), "{target}");
            let seeds = fs::read_dir(root.join(format!("fuzz/corpus_seed/{target}")));
            assert!(seeds.is_ok_and(|mut seeds| seeds.next().is_some()), "{target}");
        }
    }
}
