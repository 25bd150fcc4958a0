//! What an application asks of its model's inputs and outputs, and how a misfit is told.

use crate::engine::{Extent, Port};
use crate::error::Misfit;

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

/// Checks that a model has the one input and the one output that an application needs.
///
/// # Errors
///
/// The first of the two that does not fit.
pub fn fit_one(
    input: &PortNeed,
    output: &PortNeed,
    inputs: &[Port],
    outputs: &[Port],
) -> Result<(), Misfit> {
    for (role, need, ports) in [("input", input, inputs), ("output", output, outputs)] {
        let fits = matches!(ports, [port] if need.accepts(port));
        if !fits {
            let expected = need.describe(role);
            return Err(Misfit { expected, found: describe_ports(ports, role) });
        }
    }
    Ok(())
}

/// A model's inputs or outputs in words; `role` is `input` or `output`.
#[must_use]
pub fn describe_ports(ports: &[Port], role: &str) -> String {
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
        let need = crate::application::derain::INPUT;
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
