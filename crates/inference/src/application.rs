//! What a photo becomes before the engine, and what tensors become after it.
//!
//! An application deliberately does **not** know which engine runs its model, nor what time
//! it is: [`Session`](crate::Session) drives it stage by stage and holds the clock.

mod derain;
mod tiling;
mod traffic_light;

use weighbridge_experiment::ApplicationName;

pub use derain::Derain;
pub use tiling::{ALIGNMENT, HALO, TILE_SIDE_MAX, Tile, tiles};
pub use traffic_light::TrafficLight;

use crate::engine::{Engine, Extent, Port, Tensor, TensorView};
use crate::{InferenceError, Outcome, Photo};

/// One application: pixels to tensors and tensors to a result, in one or more passes of the
/// engine.
pub trait Application: Send {
    /// Its name.
    fn name(&self) -> ApplicationName;

    /// The one input that its model must have.
    fn input(&self) -> PortNeed;

    /// The one output that its model must have.
    fn output(&self) -> PortNeed;

    /// Takes a photo and says how many passes of the engine it needs, at least one.
    fn begin(&mut self, photo: Photo) -> usize;

    /// The input of one pass. The same buffer serves every pass.
    fn prepare(&mut self, pass: usize) -> TensorView<'_>;

    /// Takes the output of one pass, which has only finite values.
    ///
    /// # Errors
    ///
    /// The shape that was expected, when the output has another.
    fn interpret(&mut self, pass: usize, output: &Tensor) -> Result<(), Vec<usize>>;

    /// The result, after the last pass.
    fn finish(&mut self) -> Outcome;
}

/// The application of this name, ready for its first photo.
#[must_use]
pub fn application(name: ApplicationName) -> Box<dyn Application> {
    match name {
        ApplicationName::Derain => Box::new(Derain::default()),
        ApplicationName::TrafficLight => Box::new(TrafficLight::default()),
    }
}

/// An axis that an application needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AxisNeed {
    /// Of this length, or free.
    Length(usize),
    /// Free, with a name for messages: the application decides at each run.
    Free(&'static str),
}

/// A 32-bit float tensor that an application needs its model to take or give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortNeed {
    /// Its name.
    pub name: &'static str,
    /// Its axes, outermost first.
    pub axes: &'static [AxisNeed],
}

impl PortNeed {
    /// Whether a model's declared port can serve. An axis, a type or a shape that the model
    /// leaves open is accepted here; the first run shows.
    #[must_use]
    pub fn accepts(&self, port: &Port) -> bool {
        let axis_fits = |(need, extent): (&AxisNeed, &Extent)| match (need, extent) {
            (_, Extent::Free(_)) => true,
            (AxisNeed::Length(needed), Extent::Fixed(length)) => needed == length,
            (AxisNeed::Free(_), Extent::Fixed(_)) => false,
        };
        port.name == self.name
            && port.element.is_none_or(|element| element == "f32")
            && port.shape.as_ref().is_none_or(|shape| {
                shape.len() == self.axes.len() && self.axes.iter().zip(shape).all(axis_fits)
            })
    }

    fn describe(&self, role: &str) -> String {
        let axis = |need: &AxisNeed| match need {
            AxisNeed::Length(length) => length.to_string(),
            AxisNeed::Free(name) => (*name).to_owned(),
        };
        let axes: Vec<String> = self.axes.iter().map(axis).collect();
        format!("the one {role} `{}` f32 [{}]", self.name, axes.join(", "))
    }
}

/// Checks that a model has the one input and output that the application needs.
pub(crate) fn check_fit(
    application: &dyn Application,
    engine: &dyn Engine,
) -> Result<(), InferenceError> {
    let roles = [
        ("input", application.input(), engine.inputs()),
        ("output", application.output(), engine.outputs()),
    ];
    for (role, need, ports) in roles {
        let fits = matches!(ports, [port] if need.accepts(port));
        if !fits {
            return Err(InferenceError::ModelDoesNotFit {
                application: application.name(),
                expected: need.describe(role),
                found: describe_ports(ports, role),
            });
        }
    }
    Ok(())
}

fn describe_ports(ports: &[Port], role: &str) -> String {
    let listed: Vec<String> = ports.iter().take(4).map(Port::to_string).collect();
    match ports.len() {
        0 => format!("no {role}"),
        1 => format!("the {role} {}", listed[0]),
        count => {
            format!("{count} {role}s: {}{}", listed.join(", "), if count > 4 { ", …" } else { "" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, element: &'static str, shape: &[Option<usize>]) -> Port {
        let extent =
            |length: &Option<usize>| length.map_or_else(|| Extent::Free("n".into()), Extent::Fixed);
        Port {
            name: name.into(),
            element: Some(element),
            shape: Some(shape.iter().map(extent).collect()),
        }
    }

    #[test]
    fn a_port_is_accepted_only_with_name_type_rank_and_lengths() {
        let need = Derain::default().input();
        assert!(need.accepts(&port("image", "f32", &[Some(1), Some(3), None, None])));
        assert!(need.accepts(&port("image", "f32", &[None, Some(3), None, None])));
        assert!(!need.accepts(&port("photo", "f32", &[Some(1), Some(3), None, None])), "name");
        assert!(!need.accepts(&port("image", "u8", &[Some(1), Some(3), None, None])), "type");
        assert!(!need.accepts(&port("image", "f32", &[Some(3), None, None])), "rank");
        assert!(!need.accepts(&port("image", "f32", &[Some(1), Some(1), None, None])), "channels");
        assert!(
            !need.accepts(&port("image", "f32", &[Some(1), Some(3), Some(64), None])),
            "fixed height"
        );
    }

    #[test]
    fn several_inputs_are_listed_and_long_lists_cut() {
        let one = port("a", "f32", &[Some(2)]);
        assert_eq!(describe_ports(&[], "input"), "no input");
        assert_eq!(describe_ports(std::slice::from_ref(&one), "input"), "the input `a` f32 [2]");
        assert!(describe_ports(&vec![one; 6], "input").starts_with("6 inputs: `a` f32 [2], "));
    }
}
