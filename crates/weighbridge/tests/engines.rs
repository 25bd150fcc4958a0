//! Engines through the executable: which are found, why one is refused, what a run records.

mod through_binary;

use std::path::PathBuf;

use serde_json::Value;
use through_binary::{Done, Home, done, privileged};

/// The library that tests may use; `./test` sets the variable. Says so where there is none.
#[allow(clippy::print_stdout, reason = "what is left out must be seen")]
fn library() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
    let library = named("WEIGHBRIDGE_TEST_ONNXRUNTIME").or_else(|| named("ORT_DYLIB_PATH"));
    if library.is_none() {
        println!("LEFT OUT: onnxruntime: its library is not here; ./test installs it");
    }
    library.map(PathBuf::from)
}

fn with_library(home: &Home, library: &str, arguments: &[&str]) -> Done {
    let mut command = home.command(arguments);
    done(command.env("ORT_DYLIB_PATH", library).output().expect("the executable starts"))
}

fn engines(home: &Home) -> Vec<Value> {
    let list = home.json(&["engine", "list", "--format", "json"]);
    assert_eq!(list["format"], "weighbridge.engines/1");
    list["engines"].as_array().expect("a list").clone()
}

#[test]
fn the_embedded_engine_is_always_there_and_exactly_one_is_automatic() {
    let home = Home::new();
    let engines = engines(&home);
    assert_eq!(engines[0]["engine"], "rten");
    assert_eq!(engines[0]["available"], true);
    assert!(engines[0]["instruction_set"].is_string());
    assert_eq!(engines.iter().filter(|engine| engine["automatic"] == true).count(), 1);
    for format in ["table", "csv"] {
        let listed = home.run(&["engine", "list", "--format", format]);
        assert!(listed.code == Some(0) && listed.stdout.contains("rten"), "{listed:?}");
    }
}

#[test]
fn an_engine_that_is_not_there_is_refused_with_what_gets_it() {
    let home = Home::new();
    if engines(&home).len() > 1 {
        println!("LEFT OUT: refusing an absent engine: this host has one among its libraries");
        return;
    }
    for name in ["onnxruntime", "onnxruntime-cuda"] {
        let refused = home.run(&["run", "--env", "native", "--engine", name]);
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        for part in ["workload `derain` cannot run", name, "weighbridge engine install onnxruntime"]
        {
            assert!(refused.stderr.contains(part), "`{part}` is not in: {}", refused.stderr);
        }
    }
    let unknown = home.run(&["run", "--engine", "tract"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("onnxruntime-cuda"), "{}", unknown.stderr);
}

#[test]
fn a_broken_library_ends_nothing_and_is_never_replaced_in_silence() {
    let home = Home::new();
    let broken =
        home.file("libonnxruntime.so", "this is a text\n".repeat(100)).display().to_string();
    let listed = with_library(&home, &broken, &["engine", "list", "--format", "json"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    let list: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let row = &list["engines"][1];
    assert_eq!((&row["path"], &row["available"]), (&broken.clone().into(), &false.into()));
    assert!(row["reason"].as_str().is_some_and(|reason| reason.contains("ELF")), "{row}");
    let refused = with_library(&home, &broken, &["run", "--env", "native", "--trials", "1"]);
    assert_eq!(refused.code, Some(1));
    for part in ["$ORT_DYLIB_PATH", &broken, "unset it"] {
        assert!(refused.stderr.contains(part), "`{part}` is not in: {}", refused.stderr);
    }
    // Whoever asks for the embedded engine needs no library.
    let arguments =
        ["run", "--env", "native", "--app", "traffic-light", "--trials", "1", "--engine", "rten"];
    let ran = with_library(&home, &broken, &arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("engine rten") && ran.stderr.contains("asked for"), "{ran:?}");
}

#[test]
fn nothing_is_kept_of_a_wheel_that_is_none() {
    let home = Home::new();
    let wheel = home.file("onnxruntime-1.31.1-cp312.whl", "PK, but not really");
    let arguments = ["engine", "install", "onnxruntime", "--from", wheel.to_str().expect("UTF-8")];
    let refused = home.run(&arguments);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("is not a wheel"), "{}", refused.stderr);
    let kept = std::fs::read_dir(home.data().join("engines")).expect("the folder").count();
    assert_eq!(kept, 0);
}

#[test]
fn without_pip_the_way_around_it_is_named() {
    let home = Home::new();
    let mut command = home.command(&["engine", "install", "onnxruntime"]);
    let refused = done(command.env("PATH", "/nowhere").output().expect("the executable starts"));
    assert_eq!(refused.code, Some(1));
    for part in ["python3", "pip", "--from"] {
        assert!(refused.stderr.contains(part), "`{part}` is not in: {}", refused.stderr);
    }
    let odd = home.run(&["engine", "install", "onnxruntime", "--version", "1.31;reboot"]);
    assert_eq!(odd.code, Some(2), "{}", odd.stderr);
}

#[test]
fn a_run_records_one_engine_for_all_of_its_cells() {
    let Some(library) = library() else { return };
    let home = Home::new();
    let library = library.display().to_string();
    let mut arguments = vec!["run", "--env", "native", "--app", "traffic-light", "--trials", "1"];
    if privileged() {
        arguments.extend(["--env", "container"]);
    }
    let ran = with_library(&home, &library, &[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!(cell["engine"]["name"], "onnxruntime", "{}", cell["environment"]);
    }
    let record = home.json(&["report", "latest", "--format", "record"]);
    let engine = &record["header"]["plan"]["workloads"][0]["engine"];
    assert_eq!(engine["name"], "onnxruntime");
    assert_eq!(engine["version"], report["cells"][0]["engine"]["version"]);
    assert!(engine["reason"].as_str().is_some_and(|reason| reason.starts_with("auto: ")));
    assert_eq!(engine["library"]["sha256"].as_str().map(str::len), Some(64));
    let needed = engine["dependencies"].as_array().expect("a list");
    assert!(needed.iter().any(|file| file["name"] == "libstdc++.so.6"), "{needed:?}");
}
