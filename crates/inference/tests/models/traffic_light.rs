//! The quality that `models/traffic-light.md` promises, on held-out renders.

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue::shipped;
use weighbridge_inference::{Input, Outcome, Photo, Session};

use crate::models;

#[derive(Deserialize)]
struct Manifest {
    cell: usize,
    columns: usize,
    rows: usize,
    classes: Vec<String>,
    atlases: Vec<Atlas>,
    accuracy: f64,
    confusion: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Atlas {
    file: String,
    labels: Vec<String>,
}

fn session() -> Session {
    let name = ApplicationName::TrafficLight;
    Session::load(name, crate::model(name), 1).expect("it loads")
}

/// The picture at one place of an atlas, as a PNG file of its own.
fn cell(atlas: &Photo, side: usize, column: usize, row: usize) -> Vec<u8> {
    let line = |y: usize| {
        let first = ((row * side + y) * atlas.width() as usize + column * side) * 3;
        atlas.rgb()[first..first + side * 3].iter().copied()
    };
    let size = u32::try_from(side).expect("small");
    let photo = Photo::from_rgb(size, size, (0..side).flat_map(line).collect()).expect("fits");
    photo.encode_png().expect("it is encoded")
}

fn answer(session: &mut Session, input: &[u8], name: &str) -> String {
    match session.run_once(&Input::new(name, input.to_vec())).expect("it runs").0 {
        Outcome::Label(outcome) => outcome.label.to_string(),
        _ => panic!("traffic-light gives a label"),
    }
}

#[test]
fn held_out_renders_are_named_as_the_card_says() {
    let folder = models().join("evaluation/traffic-light");
    let manifest =
        std::fs::read_to_string(folder.join("manifest.json")).expect("the manifest is there");
    let manifest: Manifest = serde_json::from_str(&manifest).expect("the manifest can be read");
    assert_eq!(manifest.classes, ["red", "yellow", "green", "off"]);

    let mut session = session();
    let mut confusion = vec![vec![0_u32; 4]; 4];
    for listed in &manifest.atlases {
        let file = std::fs::read(folder.join(&listed.file)).expect("the atlas is there");
        let atlas = Photo::decode(&file, &listed.file).expect("a photo");
        assert_eq!(listed.labels.len(), manifest.columns * manifest.rows);
        for (index, label) in listed.labels.iter().enumerate() {
            let input =
                cell(&atlas, manifest.cell, index % manifest.columns, index / manifest.columns);
            let found = answer(&mut session, &input, &listed.file);
            let truth =
                manifest.classes.iter().position(|class| class == label).expect("a known class");
            let found = manifest.classes.iter().position(|class| *class == found);
            confusion[truth][found.expect("a known class")] += 1;
        }
    }
    assert_eq!(confusion, manifest.confusion, "another engine gave other answers");

    let right: u32 = (0..4).map(|class| confusion[class][class]).sum();
    let all: u32 = confusion.iter().flatten().sum();
    let accuracy = f64::from(right) / f64::from(all);
    assert!((accuracy - manifest.accuracy).abs() < 1e-4, "{accuracy}, not {}", manifest.accuracy);
    assert!(accuracy >= 0.97, "{accuracy}");
}

#[test]
fn the_shipped_samples_are_named_as_their_files_are() {
    let mut session = session();
    for (file, input) in shipped(ApplicationName::TrafficLight).samples {
        let found = answer(&mut session, input, file);
        assert!(file.starts_with(found.as_str()), "{file} is called {found}");
    }
}
