//! `weighbridge app`: what there is, what it does to one's own inputs, its model as a file.

mod through_binary;

use through_binary::{Home, checkout};

fn sample(path: &str) -> String {
    checkout().join("examples/inputs").join(path).display().to_string()
}

#[test]
fn a_photo_is_written_and_never_over_an_input() {
    let home = Home::new();
    let photo = sample("derain/chelsea.webp");
    let done = home.run(&["app", "run", "derain", &photo, "--engine", "rten", "--out", "dry"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let png = std::fs::read(home.path("dry/chelsea-derain.png")).expect("the result");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(done.stdout.contains("chelsea-derain.png"), "{}", done.stdout);

    let input = home.file("here/a-derain.png", &png);
    let other = home.file("b/a.webp", std::fs::read(&photo).expect("the sample"));
    let (input, other) = (input.display().to_string(), other.display().to_string());
    let done =
        home.run(&["app", "run", "derain", &input, &other, "--engine", "rten", "--out", "here"]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stderr.contains("would be written over the input"), "{}", done.stderr);
    assert_eq!(std::fs::read(home.path("here/a-derain.png")).expect("there"), png);
    assert!(home.path("here/a-derain-derain.png").exists(), "the other input is done all the same");
}

#[test]
fn labels_are_printed_and_one_bad_input_does_not_stop_the_others() {
    let home = Home::new();
    let bad = home.file("note.jpg", "no photo").display().to_string();
    let red = sample("traffic-light/red-1.png");
    let done = home.run(&["app", "run", "traffic-light", &bad, &red, "--engine", "rten"]);
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("red ("), "{}", done.stdout);
    assert!(done.stderr.contains("note.jpg") && done.stderr.contains("1 of 2 inputs failed"));

    let home = Home::new();
    let arguments =
        ["app", "run", "traffic-light", &bad, &red, "--engine", "rten", "--format", "json"];
    let done = home.run(&arguments);
    let json: serde_json::Value = serde_json::from_str(&done.stdout).expect("JSON");
    let schema = home.json(&["schema", "app-run"]);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(json["format"], "weighbridge.app-run/1");
    assert!(json["results"][0]["error"].is_string() && json["results"][0]["result"].is_null());
    assert_eq!(json["results"][1]["result"]["label"], "red");
}

#[test]
fn every_application_runs_on_its_samples() {
    let home = Home::new();
    let list = home.json(&["app", "list", "--format", "json"]);
    for row in list["applications"].as_array().expect("applications") {
        let name = row["application"].as_str().expect("a name");
        // The samples of one folder are enough; derain has its own test.
        if name == "derain" {
            continue;
        }
        let done = home
            .json(&["app", "run", name, "--engine", "rten", "--out", "out", "--format", "json"]);
        let results = done["results"].as_array().expect("results");
        assert!(!results.is_empty(), "{name}");
        assert!(results.iter().all(|result| result["result"].is_object()), "{done:#}");
        let seeded = done["labels"].as_array().is_some_and(|labels| !labels.is_empty());
        assert_eq!(Some(!seeded), row["trained"].as_bool(), "{name}");
    }
}

#[test]
fn the_list_fits_eighty_columns() {
    let home = Home::new();
    let done = home.run(&["app", "list"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for line in done.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(done.stdout.contains("derain") && done.stdout.contains("traffic-light"));
}

#[test]
fn a_model_is_exported_once() {
    let home = Home::new();
    let done = home.run(&["app", "export", "traffic-light", "--out", "m.onnx"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let shipped = std::fs::read(checkout().join("models/traffic-light.onnx")).expect("there");
    assert_eq!(std::fs::read(home.path("m.onnx")).expect("written"), shipped);
    let again = home.run(&["app", "export", "traffic-light", "--out", "m.onnx"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    let unknown =
        home.run(&["app", "export", "traffic-light", "--variant", "yolov9", "--out", "n.onnx"]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("yolov5s"), "{}", unknown.stderr);
    for (application, family, instead) in [
        ("traffic-light", "yolov5s", "leave out --variant"),
        ("face-detection", "yolov5s", "give one of: retinaface-mobilenet0.25"),
    ] {
        let other = home.run(&["app", "export", application, "--variant", family, "--out", "o"]);
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains(instead), "{}", other.stderr);
        assert!(!home.path("o").exists());
    }
    let unknown = home.run(&["app", "run", "derane", "x.jpg"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean `derain`?"), "{}", unknown.stderr);
}
