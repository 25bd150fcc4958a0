//! What is written down is kept true: schemas, examples, the README's commands.

mod through_binary;

use std::path::Path;

use through_binary::{Home, checkout, privileged};

const SCHEMAS: [&str; 15] = [
    "experiment",
    "run",
    "campaign",
    "campaign-report",
    "report",
    "environments",
    "applications",
    "app-run",
    "bill-check",
    "engines",
    "inference",
    "load",
    "price-lists",
    "prices",
    "wire",
];

#[test]
fn published_schemas_are_those_of_the_code() {
    let home = Home::new();
    for name in SCHEMAS {
        let written = checkout().join("docs/schema").join(format!("{name}.schema.json"));
        let done = home.run(&["schema", name]);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&written, &done.stdout).expect("written");
        }
        let published = std::fs::read_to_string(&written).unwrap_or_default();
        assert!(
            published == done.stdout,
            "docs/schema/{name}.schema.json is not what the code has; \
             UPDATE_DOCS=1 cargo test -p weighbridge --test documents writes it"
        );
    }
}

#[test]
fn examples_are_valid_by_check_and_by_the_schema() {
    let home = Home::new();
    let schema = home.json(&["schema", "experiment"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let examples = checkout().join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(&examples).expect("examples").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let done = home.run(&["check", path.to_str().expect("UTF-8")]);
        assert_eq!(done.code, Some(0), "{}: {}", path.display(), done.stderr);
        let text = std::fs::read_to_string(&path).expect("an example");
        let value: toml::Value = toml::from_str(&text).expect("TOML");
        let value = serde_json::to_value(value).expect("JSON");
        assert!(validator.is_valid(&value), "{}: {value}", path.display());
    }
    assert!(seen >= 3, "{seen} examples");
}

/// Every `weighbridge …` line of the README's console blocks runs and succeeds; trials are
/// cut to three so that this takes seconds.
#[test]
fn the_commands_of_the_readme_work() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let readme = std::fs::read_to_string(checkout().join("README.md")).expect("the README");
    let mut ran = 0;
    for line in readme.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let arguments: Vec<&str> = match words.as_slice() {
            ["cargo", "run", "--release", "--", rest @ ..] | ["weighbridge", rest @ ..] => {
                rest.to_vec()
            }
            ["./test"] => {
                assert!(checkout().join("test").exists());
                continue;
            }
            _ => panic!("the README shows a command that no test runs: {line}"),
        };
        let short: &[&str] =
            if arguments.first() == Some(&"run") { &["--trials", "3"] } else { &[] };
        let mut command = home.command(&[&arguments[..], short].concat());
        command.current_dir(checkout());
        // A figure that the README writes must not land in the checkout.
        let out =
            arguments.iter().position(|word| *word == "--out").and_then(|at| arguments.get(at + 1));
        let output = command.output().expect("the executable starts");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        if let Some(out) = out {
            std::fs::remove_file(checkout().join(out)).expect("what was to be written is there");
        }
        ran += 1;
    }
    assert!(ran >= 2, "the README shows {ran} commands");
}

#[test]
fn links_inside_the_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SPECIFICATION.md",
        "bench/README.md",
        "models/README.md",
    ] {
        let path = checkout().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let base = path.parent().unwrap_or(Path::new("."));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or(target);
            if !file.is_empty() && !file.contains("://") && !base.join(file).exists() {
                broken.push(format!("{name}: {target}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn completions_and_the_manual_are_generated() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let done = home.run(&["completions", shell]);
        assert!(
            done.code == Some(0)
                && done.stdout.contains("traffic") | done.stdout.contains("weighbridge"),
            "{shell}"
        );
    }
    let manual = home.run(&["man"]);
    assert!(
        manual.stdout.contains(".TH") && manual.stdout.contains("completions"),
        "{}",
        manual.stdout
    );
    let help = home.run(&["run", "--help"]);
    assert_eq!(help.code, Some(0));
    for line in help.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(!help.stdout.contains("slow-down"), "an option for tests is not offered");
}
