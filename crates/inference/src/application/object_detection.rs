//! Finds objects in a photo: a photo in, boxes with classes and scores out.
//!
//! The model is a YOLOv5 in one of its exported forms (the table in `detection/yolo.rs`); it
//! takes f32 `[1, 3, height, width]`, RGB from 0 to 1. The photo is scaled to fit, its
//! proportions kept, and lies in the middle between bars of grey 114 of 255
//! (`letterbox(auto=False)` of ultralytics/yolov5). Boxes below a score of 0.25 and those that
//! cover a surer one of their class by more than 0.45 are dropped, and at most 300 given.

use weighbridge_experiment::ApplicationName;

use super::detection::frame::{Anchorage, Encoding, Frame};
use super::detection::pass::PhotoPass;
use super::detection::suppress::{Candidate, suppress};
use super::detection::yolo::{Reading, needed};
use super::detection::{SIDE_DEFAULT, image_input, lengths};
use super::{Application, describe_ports};
use crate::engine::{Port, Tensor, TensorView};
use crate::error::{InputError, InterpretError, Misfit};
use crate::{Detection, Input, Labels, Outcome};

/// Two boxes of a class that share more than this are one object (`iou_thres` of `detect.py`,
/// ultralytics/yolov5).
const OVERLAP_MAX: f32 = 0.45;
/// `max_det` of `non_max_suppression` there.
const DETECTIONS_MAX: usize = 300;
/// Grey of the bars (`letterbox` there).
const PADDING: f32 = 114.0 / 255.0;
/// The coarsest cell of the network.
const SIDE_MULTIPLE: usize = 32;

/// The 80 classes of COCO 2017 in the order in which the public models give them.
const COCO: &str = include_str!("../../labels/coco.txt");

/// The application `object-detection`. Its buffers are kept from photo to photo.
pub struct ObjectDetection {
    /// The user's, which the model's classes must fit.
    given_labels: Option<Labels>,
    /// Those of the model that ran: its number of classes may be known only then.
    labels: Option<Labels>,
    pass: PhotoPass,
    output_names: Vec<String>,
    candidates: Vec<Candidate>,
}

impl ObjectDetection {
    /// With the user's labels, or those of COCO.
    #[must_use]
    pub fn new(labels: Option<Labels>) -> Self {
        Self {
            given_labels: labels,
            labels: None,
            pass: pass((SIDE_DEFAULT, SIDE_DEFAULT)),
            output_names: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Keeps names for a model of so many classes; those that the user gave have as many.
    fn name_classes(&mut self, classes: usize) {
        if self.labels.as_ref().is_none_or(|labels| labels.count() != classes) {
            let given = self.given_labels.clone();
            self.labels = Some(given.unwrap_or_else(|| default_labels(classes)));
        }
    }
}

/// COCO's names where there are as many classes; others stay numbers.
fn default_labels(classes: usize) -> Labels {
    let numbers = || (0..classes.max(1)).map(|class| format!("class {class}\n")).collect();
    let text = if classes == COCO.lines().count() { COCO.to_owned() } else { numbers() };
    // One line for each class, none empty: what parsing asks for.
    Labels::parse(text.as_bytes(), "coco.txt").expect("made of whole lines")
}

fn pass(size: (usize, usize)) -> PhotoPass {
    PhotoPass::new(Frame::new(size, Anchorage::Centre, Encoding::RgbUnit, [PADDING; 3]))
}

impl Application for ObjectDetection {
    fn name(&self) -> &str {
        ApplicationName::ObjectDetection.as_str()
    }

    fn fit(&mut self, inputs: &[Port], outputs: &[Port]) -> Result<(), Misfit> {
        let size = image_input(inputs, SIDE_MULTIPLE)?;
        // Where the model leaves lengths open, the first run shows.
        let declared: Option<Vec<Vec<usize>>> = outputs
            .iter()
            .map(|port| lengths(port).and_then(|axes| axes.into_iter().collect()))
            .collect();
        if let Some(shapes) = declared {
            let misfit =
                || Misfit { expected: needed(size), found: describe_ports(outputs, "output") };
            let reading = Reading::of(&shapes, size).ok_or_else(misfit)?;
            if let Some(labels) = &self.given_labels
                && labels.count() != reading.classes
            {
                return Err(Misfit {
                    expected: format!("{} classes, as the labels name them,", labels.count()),
                    found: format!("{} classes: give labels of as many lines", reading.classes),
                });
            }
        }
        self.output_names = outputs.iter().map(|port| port.name.clone()).collect();
        self.pass = pass(size);
        Ok(())
    }

    fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.candidates.clear();
        self.pass.begin(input)
    }

    fn more(&mut self) -> Result<bool, InputError> {
        Ok(self.pass.waits())
    }

    fn prepare(&mut self) -> Vec<TensorView<'_>> {
        self.pass.prepare()
    }

    fn interpret(&mut self, outputs: &[Tensor]) -> Result<(), InterpretError> {
        self.pass.end();
        let floats = outputs.iter().filter(|output| output.as_f32().is_some());
        let shapes: Vec<Vec<usize>> = floats.map(|output| output.shape.clone()).collect();
        let reading = (shapes.len() == outputs.len())
            .then(|| Reading::of(&shapes, self.pass.size()))
            .flatten()
            .ok_or_else(|| InterpretError::Shape {
                output: self.output_names.join("`, `"),
                expected: needed(self.pass.size()),
                found: format!("{shapes:?}"),
            })?;
        if let Some(labels) = &self.given_labels
            && labels.count() != reading.classes
        {
            return Err(InterpretError::LabelCount {
                labels: labels.count(),
                classes: reading.classes,
            });
        }
        reading.candidates(outputs, &self.output_names, &mut self.candidates)?;
        suppress(&mut self.candidates, OVERLAP_MAX, DETECTIONS_MAX);
        self.name_classes(reading.classes);
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        let (Some(placement), Some(labels)) = (self.pass.placement(), &self.labels) else {
            return Outcome::Detections(Vec::new());
        };
        let detection = |candidate: &Candidate| {
            Some(Detection {
                class: candidate.class,
                label: labels.name(candidate.class),
                score: candidate.score,
                place: placement.box_to_photo(candidate.place)?,
            })
        };
        Outcome::Detections(self.candidates.iter().filter_map(detection).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Photo;
    use crate::engine::Extent;

    fn port(name: &str, shape: &[usize]) -> Port {
        Port {
            name: name.into(),
            element: Some("f32"),
            shape: Some(shape.iter().copied().map(Extent::Fixed).collect()),
        }
    }

    /// An application fitted to a model of two classes and an input of 64 × 64.
    fn fitted(labels: Option<&str>) -> Result<ObjectDetection, Misfit> {
        let labels = labels.map(|text| Labels::parse(text.as_bytes(), "l.txt").expect("labels"));
        let mut application = ObjectDetection::new(labels);
        application.fit(&[port("images", &[1, 3, 64, 64])], &[port("output0", &[1, 252, 7])])?;
        Ok(application)
    }

    fn found(application: &mut ObjectDetection, rows: &[[f32; 7]]) -> Vec<Detection> {
        let photo = Photo::from_rgb(128, 64, vec![9; 128 * 64 * 3]).expect("fits");
        let input = Input::new("p.png", photo.encode_png().expect("it is encoded"));
        application.begin(&input).expect("a photo");
        assert_eq!(application.more().ok(), Some(true));
        assert_eq!(application.prepare()[0].shape, [1, 3, 64, 64]);
        let mut values = vec![0.0; 252 * 7];
        values[..7 * rows.len()].copy_from_slice(rows.as_flattened());
        application.interpret(&[Tensor::f32(vec![1, 252, 7], values)]).expect("a known shape");
        assert_eq!(application.more().ok(), Some(false));
        let Outcome::Detections(found) = application.finish() else { panic!("detections") };
        found
    }

    #[test]
    fn boxes_come_back_in_pixels_of_the_photo_the_surest_first() {
        let mut application = fitted(Some("cat\ndog")).expect("it fits");
        // The photo fills rows 16 to 48 of the frame at half its size.
        let rows = [
            [32.0, 32.0, 16.0, 8.0, 0.8, 1.0, 0.0],
            // Covered by the one above.
            [33.0, 32.0, 16.0, 8.0, 0.7, 1.0, 0.0],
            // Reaches beyond the left and upper edge of the photo.
            [4.0, 20.0, 20.0, 20.0, 0.9, 0.0, 1.0],
        ];
        let found = found(&mut application, &rows);
        let places: Vec<(&str, [f32; 4])> = found
            .iter()
            .map(|one| {
                (&*one.label, [one.place.left, one.place.top, one.place.right, one.place.bottom])
            })
            .collect();
        assert_eq!(places, [("dog", [0.0, 0.0, 28.0, 28.0]), ("cat", [48.0, 24.0, 80.0, 40.0])]);
    }

    #[test]
    fn a_photo_without_objects_gives_an_empty_list() {
        let mut application = fitted(None).expect("it fits");
        assert!(found(&mut application, &[]).is_empty());
        let row = [32.0, 32.0, 16.0, 8.0, 0.8, 1.0, 0.0];
        assert_eq!(&*found(&mut application, &[row])[0].label, "class 0", "no names were given");
    }

    #[test]
    fn labels_must_be_as_many_as_classes() {
        let misfit = fitted(Some("cat")).err().expect("one label, two classes");
        assert_eq!(misfit.expected, "1 classes, as the labels name them,");
        assert_eq!(misfit.found, "2 classes: give labels of as many lines");
        assert!(fitted(Some("cat\ndog\nbird")).is_err());
    }

    #[test]
    fn the_names_of_coco_are_eighty_and_in_order() {
        let labels = default_labels(80);
        assert_eq!(labels.count(), 80);
        let names = [0, 2, 9, 39, 79].map(|class| labels.name(class).to_string());
        assert_eq!(names, ["person", "car", "traffic light", "bottle", "toothbrush"]);
    }
}
