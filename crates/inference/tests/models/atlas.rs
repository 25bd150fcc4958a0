//! Sets of small labelled pictures in `models/evaluation/`, and what a classifier says to them.

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::{Input, Outcome, Photo, Session};

use crate::models;

/// A set with the answers to expect.
#[derive(Deserialize)]
pub(crate) struct Manifest {
    cell: usize,
    columns: usize,
    rows: usize,
    pub(crate) classes: Vec<String>,
    atlases: Vec<Atlas>,
    pub(crate) accuracy: f64,
    pub(crate) confusion: Vec<Vec<u32>>,
}

#[derive(Deserialize)]
struct Atlas {
    file: String,
    labels: Vec<String>,
}

impl Manifest {
    pub(crate) fn read(name: ApplicationName) -> Self {
        let path = models().join(format!("evaluation/{name}/manifest.json"));
        let text = std::fs::read_to_string(path).expect("the manifest is there");
        serde_json::from_str(&text).expect("the manifest can be read")
    }

    fn class(&self, label: &str) -> usize {
        self.classes.iter().position(|class| class == label).expect("a known class")
    }

    /// Rows are the true classes, columns the answers.
    pub(crate) fn confusion_of(
        &self,
        session: &mut Session,
        name: ApplicationName,
    ) -> Vec<Vec<u32>> {
        let mut confusion = vec![vec![0; self.classes.len()]; self.classes.len()];
        let folder = models().join(format!("evaluation/{name}"));
        for listed in &self.atlases {
            let file = std::fs::read(folder.join(&listed.file)).expect("the atlas is there");
            let atlas = Photo::decode(&file, &listed.file).expect("a photo");
            assert_eq!(listed.labels.len(), self.columns * self.rows);
            for (index, label) in listed.labels.iter().enumerate() {
                let picture = self.cell(&atlas, index % self.columns, index / self.columns);
                let found = answer(session, &Input::new(listed.file.as_str(), picture));
                confusion[self.class(label)][self.class(&found)] += 1;
            }
        }
        confusion
    }

    /// The picture at one place of an atlas, as a PNG file of its own.
    fn cell(&self, atlas: &Photo, column: usize, row: usize) -> Vec<u8> {
        let side = self.cell;
        let line = |y: usize| {
            let first = ((row * side + y) * atlas.width() as usize + column * side) * 3;
            atlas.rgb()[first..first + side * 3].iter().copied()
        };
        let size = u32::try_from(side).expect("small");
        let photo = Photo::from_rgb(size, size, (0..side).flat_map(line).collect()).expect("fits");
        photo.encode_png().expect("it is encoded")
    }
}

/// How many answers are right, and how many there are.
pub(crate) fn right_of_all(confusion: &[Vec<u32>]) -> (u32, u32) {
    let right = (0..confusion.len()).map(|class| confusion[class][class]).sum();
    (right, confusion.iter().flatten().sum())
}

/// The label that a classifier gives.
pub(crate) fn answer(session: &mut Session, input: &Input) -> String {
    match session.run_once(input).expect("it runs").0 {
        Outcome::Label(outcome) => outcome.label.to_string(),
        _ => panic!("a classifier gives a label"),
    }
}
