//! Every promised number in SPECIFICATION.md names a proof that exists, or says "pending".

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::Finding;

pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let path = root.join("SPECIFICATION.md");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| is_promise(line)) {
        let links: Vec<&str> = links(line).collect();
        let mut complain = |message: String| {
            findings.push(Finding { place: format!("SPECIFICATION.md:{}", index + 1), message });
        };
        if links.is_empty() && !line.contains("pending") {
            complain(
                "a promise without a proof: link what proves it, or write \"pending\" and why"
                    .to_owned(),
            );
        }
        for link in links.into_iter().filter(|link| !link.starts_with("http")) {
            let file = link.split('#').next().unwrap_or(link);
            if !root.join(file).exists() {
                complain(format!("the proof `{file}` does not exist"));
            }
        }
    }
    Ok(findings)
}

/// A row of a table that is neither its head nor its rule.
fn is_promise(line: &str) -> bool {
    line.starts_with("| ") && !line.starts_with("| promise") && !line.starts_with("| ---")
}

/// The targets of the Markdown links of a line.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_and_heads_of_tables_are_no_promises() {
        let line = "| A | [test](crates/a.rs#x), [bench](bench/b.py) |";
        assert_eq!(links(line).collect::<Vec<_>>(), ["crates/a.rs#x", "bench/b.py"]);
        assert!(is_promise(line));
        assert!(!is_promise("| promise | proof |") && !is_promise("| --- | --- |"));
    }
}
