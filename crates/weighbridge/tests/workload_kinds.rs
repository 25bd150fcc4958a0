//! Workloads of kind `onnx` and `command`, and models of the user's own, through the executable.

mod through_binary;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;
use through_binary::{Done, Home, checkout, privileged, traces};

/// As `numpy.save` writes it.
fn npy(descr: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(text.len()).expect("short").to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(values);
    bytes
}

fn shipped(path: &str) -> Vec<u8> {
    std::fs::read(checkout().join(path)).expect("a file of the checkout")
}

/// A home with the golden input and output of traffic-light as `.npy`.
fn with_golden() -> Home {
    let home = Home::new();
    home.file("model.onnx", shipped("models/traffic-light.onnx"));
    let input = shipped("models/golden/traffic-light.input.f32");
    home.file("in/golden.npy", npy("<f4", &[1, 3, 64, 64], &input));
    home.file("golden.raw", &input);
    let output = shipped("models/golden/traffic-light.output.f32");
    home.file("out/golden.npy", npy("<f4", &[1, 4], &output));
    home
}

fn environments() -> &'static str {
    if privileged() {
        "[[environment]]\nkind = \"native\"\n[[environment]]\nkind = \"container\"\n"
    } else {
        "[[environment]]\nkind = \"native\"\n"
    }
}

/// Runs one workload, written without its table's head.
fn run(home: &Home, workload: &str) -> Done {
    home.run_workload(environments(), workload)
}

fn report(done: &Done) -> Value {
    serde_json::from_str(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.stdout, done.stderr))
}

fn refused(home: &Home, workload: &str, code: i32, parts: &[&str]) {
    let done = run(home, workload);
    assert_eq!(done.code, Some(code), "{workload}: {}{}", done.stdout, done.stderr);
    for part in parts {
        assert!(done.stderr.contains(part), "`{part}` is not in: {}", done.stderr);
    }
    assert!(home.run(&["runs"]).stdout.contains("no runs yet"));
}

#[test]
fn any_model_runs_on_arrays_and_is_held_to_what_is_expected() {
    let home = with_golden();
    let done = run(
        &home,
        "kind = \"onnx\"\nmodel = \"model.onnx\"\ninputs = \"in\"\nexpected = \"out\"\ntolerance = 0.001\n",
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = report(&done);
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["status"], &cell["application"]), (&"ok".into(), &"onnx".into()));
        let stages = &cell["inference_ms"]["stages"];
        assert!(stages["decode"].as_f64() > Some(0.0), "{stages}");
    }
    let wrong = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes());
    home.file("out/golden.npy", npy("<f4", &[1, 4], &wrong.collect::<Vec<_>>()));
    let other = with_golden();
    std::fs::copy(home.path("out/golden.npy"), other.path("out/golden.npy")).expect("copied");
    refused(
        &other,
        "kind = \"onnx\"\nmodel = \"model.onnx\"\ninputs = \"in\"\nexpected = \"out\"\n",
        1,
        &["input `golden.npy`", "output `logits` is not what `golden.npy` expects", "of the range"],
    );
}

#[test]
fn raw_values_and_drawn_ones_do_as_well() {
    let home = with_golden();
    let raw = run(
        &home,
        "kind = \"onnx\"\nmodel = \"model.onnx\"\nexpected = \"out/golden.npy\"\ntolerance = 0.001\n\
         tensors = { image = { file = \"golden.raw\", dtype = \"f32\", shape = [1, 3, 64, 64] } }\n",
    );
    assert_eq!(raw.code, Some(0), "{}", raw.stderr);
    let drawn = run(&home, "kind = \"onnx\"\nmodel = \"model.onnx\"\naxes = { N = 2 }\n");
    assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
    let first = report(&drawn);
    let again = run(&home, "kind = \"onnx\"\nmodel = \"model.onnx\"\naxes = { N = 2 }\n");
    let ids = [&first, &report(&again)].map(|r| r["run"]["id"].as_str().expect("id").to_owned());
    let compared = home.json(&["compare", &ids[0], &ids[1], "--format", "json"]);
    let verdict = compared["cells"][0]["verdict"].as_str().expect("a verdict");
    assert!(!verdict.contains("not compared"), "the same seed is the same work: {verdict}");
}

#[test]
fn arrays_that_do_not_fit_are_refused_by_name() {
    let with = |input: Vec<u8>| {
        let home = with_golden();
        home.file("in/golden.npy", input);
        home
    };
    let workload = "kind = \"onnx\"\nmodel = \"model.onnx\"\ninputs = \"in\"\n";
    let doubles = npy("<f8", &[1, 3, 64, 64], &vec![0; 8 * 3 * 64 * 64]);
    refused(&with(doubles), workload, 1, &["golden.npy", "f64", "`image` is f32"]);
    let half = npy("<f2", &[1, 3, 64, 64], &vec![0; 2 * 3 * 64 * 64]);
    refused(&with(half), workload, 1, &["golden.npy", "f16", "convert it to f32"]);
    let flat = npy("<f4", &[3, 64, 64], &vec![0; 4 * 3 * 64 * 64]);
    refused(&with(flat), workload, 1, &["golden.npy", "rank 3", "[N, 3, 64, 64]"]);
    let small = npy("<f4", &[1, 3, 32, 64], &vec![0; 4 * 3 * 32 * 64]);
    refused(&with(small), workload, 1, &["golden.npy", "axis 2", "has 64"]);
    refused(&with(b"a note".to_vec()), workload, 1, &["golden.npy", "no NumPy file"]);
    let open = "kind = \"onnx\"\nmodel = \"model.onnx\"\n";
    refused(&with_golden(), open, 1, &["axis `N`", "axes = { N = 1 }"]);
    let unknown = "kind = \"onnx\"\nmodel = \"model.onnx\"\naxes = { N = 1, M = 1 }\n";
    refused(&with_golden(), unknown, 1, &["an open axis `M`", "image"]);
    let foreign = "kind = \"onnx\"\nmodel = \"model.onnx\"\nlabels = \"l.txt\"\n";
    refused(&with_golden(), foreign, 2, &["`labels` says nothing", "experiment.toml:"]);
}

#[test]
fn a_command_is_timed_as_a_whole_and_leaves_no_stage_as_zero() {
    let home = Home::new();
    home.file("data.bin", vec![7; 200_000]);
    let done = run(
        &home,
        "kind = \"command\"\ncommand = [\"gzip\", \"-9\", \"-k\", \"-f\", \"data.bin\"]\nfiles = [\"data.bin\"]\nruns_per_trial = 3\n",
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let report = report(&done);
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!((&cell["status"], &cell["inferences"]), (&"ok".into(), &6.into()), "{cell}");
        let stages = &cell["inference_ms"]["stages"];
        assert!(stages["infer"].as_f64() > Some(0.0));
        for stage in ["decode", "prepare", "interpret"] {
            assert_eq!(stages[stage], Value::Null, "{stages}");
            let reason = stages[format!("{stage}_reason")].as_str();
            assert!(reason.is_some_and(|reason| reason.contains("only its whole time")));
        }
        assert_eq!(cell["engine"], Value::Null);
        assert!(cell["engine_reason"].is_string());
        assert!(cell["cpu_percent"]["mean_all"].as_f64() > Some(0.0), "children are metered");
    }
    let record = home.run(&["report", "latest", "--format", "record"]);
    assert!(!record.stdout.contains("\"decode_nanoseconds\":0"), "what is not timed is left out");
}

#[test]
fn a_command_that_fails_is_a_failure_with_its_code_and_last_words() {
    let home = Home::new();
    // Works in the preflight and fails afterwards: the marker lies beside the experiment.
    let marker = home.path("marker");
    let script = format!(
        "#!/bin/sh\nif [ ! -e {0} ]; then : > {0}; exit 0; fi\necho not today >&2\nexit 3\n",
        marker.display()
    );
    let path = home.file("work.sh", script);
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("executable");
    let file = home.file(
        "experiment.toml",
        "[[environment]]\nkind = \"native\"\n[[workload]]\nkind = \"command\"\ncommand = [\"./work.sh\"]\ntrials = 2\n",
    );
    let done = home.run(&["run", file.to_str().expect("UTF-8"), "--format", "json"]);
    assert_eq!(done.code, Some(3), "{}{}", done.stdout, done.stderr);
    let cell = &report(&done)["cells"][0];
    assert_eq!(cell["status"], "failed", "{cell}");
    let reason = cell["failures"][0]["reason"].as_str().expect("a reason");
    for part in ["work.sh", "exit code 3", "saying: not today"] {
        assert!(reason.contains(part), "`{part}` is not in: {reason}");
    }
    let record = home.run(&["report", "latest", "--format", "record"]).stdout;
    assert!(record.contains("\"command_exit_code\":3"), "{record}");
    assert_eq!(traces(&home.data()), Vec::<String>::new());
}

#[test]
fn commands_that_cannot_work_are_refused_before_the_run() {
    let home = Home::new;
    let command =
        |words: &str| format!("kind = \"command\"\ntimeout = \"1s\"\ncommand = {words}\n");
    refused(&home(), &command("[\"no-such-program\"]"), 1, &["no-such-program", "PATH"]);
    refused(&home(), &command("[\"./missing\"]"), 1, &["missing"]);
    refused(&home(), &command("[\"sh\", \"-c\", \"exit 3\"]"), 1, &["exit code 3"]);
    refused(&home(), &command("[\"sleep\", \"30\"]"), 1, &["did not end within 1 s", "timeout"]);
}

/// Answers one request with this body; gives the address.
fn serve_once(body: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let mut request = Vec::new();
        let mut piece = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(0) | Err(_) => return,
                Ok(count) => request.extend_from_slice(&piece[..count]),
            }
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        // A client that has seen enough may be gone.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    });
    format!("http://{address}/traffic-light.onnx")
}

fn downloaded(home: &Home) -> usize {
    std::fs::read_dir(home.data().join("models")).map_or(0, Iterator::count)
}

#[test]
fn a_model_by_address_is_read_once_and_kept_only_if_it_is_the_promised_one() {
    let model = shipped("models/traffic-light.onnx");
    let listed = Home::new().json(&["app", "list", "--format", "json"]);
    let applications = listed["applications"].as_array().expect("applications");
    let light = applications.iter().find(|row| row["application"] == "traffic-light");
    let digest = light.expect("it ships")["model_sha256"].as_str().expect("a digest").to_owned();
    let workload = |url: &str, digest: &str| {
        format!("application = \"traffic-light\"\nmodel = \"{url}\"\nsha256 = \"{digest}\"\n")
    };
    let home = Home::new();
    let url = serve_once(model.clone());
    let done = run(&home, &workload(&url, &digest));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(downloaded(&home), 1);
    let again = run(&home, &workload(&url, &digest));
    assert_eq!(again.code, Some(0), "nobody answers any more: {}", again.stderr);

    let home = Home::new();
    let wrong = "0".repeat(64);
    let url = serve_once(model);
    refused(&home, &workload(&url, &wrong), 1, &[&url, &digest, &wrong, "deleted"]);
    assert_eq!(downloaded(&home), 0, "what is not the promised file is not kept");
    refused(&home, &workload(&url, &wrong), 1, &["cannot download"]);
    refused(&home, &workload("http://models.example/m", &wrong), 2, &["is not encrypted"]);
}

#[test]
fn labels_that_are_too_few_are_refused() {
    let home = Home::new();
    home.file("names.txt", "red\nyellow\n");
    refused(
        &home,
        "application = \"traffic-light\"\nlabels = \"names.txt\"\n",
        1,
        &["traffic-light", "label", "4"],
    );
    let home = Home::new();
    home.file("names.txt", "red\n\ngreen\noff\n");
    let workload = "application = \"traffic-light\"\nlabels = \"names.txt\"\n";
    refused(&home, workload, 1, &["names.txt", "line 2 is empty"]);
    let missing = "application = \"traffic-light\"\nlabels = \"nowhere.txt\"\n";
    refused(&Home::new(), missing, 1, &["nowhere.txt"]);
}

#[test]
fn the_label_of_seeded_weights_stands_in_every_form_of_a_report() {
    const LABEL: &str = "seeded weights: speed only";
    let home = Home::new();
    let text = "[[environment]]\nkind = \"simulated\"\n[[workload]]\napplication = \"object-detection\"\nmodel = \"seeded:yolov5n\"\ntrials = 10\ninputs_per_trial = 1\n";
    let file = home.file("seeded.toml", text).display().to_string();
    let done = home.run(&["run", &file]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains(LABEL), "{}", done.stdout);
    for format in ["table", "html", "md", "csv", "json", "record"] {
        let text = home.run(&["report", "latest", "--format", format]).stdout;
        assert!(text.contains(LABEL), "{format}");
    }
    for figure in ["edge.fig2", "edge.appendix1"] {
        let text = home.run(&["figure", figure, "--run", "latest"]).stdout;
        assert!(text.contains("seeded weights"), "{figure}: {text}");
    }
    let compared = home.run(&["compare", "latest", "latest"]);
    assert!(compared.stdout.contains("seeded weights"), "{}", compared.stdout);
}

#[test]
fn examples_of_own_models_name_files_that_are_there() {
    let example = checkout().join("examples/own-model.toml");
    let text = std::fs::read_to_string(&example).expect("the example");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(path) = line.split("\"../").nth(1).and_then(|rest| rest.split('"').next()) {
            assert!(checkout().join(Path::new(path)).exists(), "{line}");
        }
    }
}
