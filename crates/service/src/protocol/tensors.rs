//! What a request asks of a model, held against what the model declares. Every refusal says
//! what was needed.

use weighbridge_inference::engine::{Extent, Port, Tensor, Values};

use super::datatype;
use crate::http::printable;
use crate::model::Model;
use crate::problem::{Kind, Problem};

/// More axes than any model has.
const AXES_MOST: usize = 16;

/// An input as it was asked, before its values are known to fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AskedInput {
    pub(crate) name: String,
    pub(crate) datatype: String,
    pub(crate) shape: Vec<i64>,
    pub(crate) values: AskedValues,
}

/// Values in one of the forms in which they may come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AskedValues {
    Bytes(Vec<u8>),
    Values(Values),
}

fn refuse(detail: String) -> Problem {
    Problem::new(Kind::BadRequest, detail)
}

/// The number of values of a shape, where none of its axes is negative and their product is
/// at most `most`.
pub(crate) fn count(name: &str, shape: &[i64], most: usize) -> Result<usize, Problem> {
    let name = printable(name);
    if shape.len() > AXES_MOST {
        return Err(refuse(format!(
            "`{name}` has {} axes; at most {AXES_MOST} are taken",
            shape.len()
        )));
    }
    let mut count: usize = 1;
    for axis in shape {
        let axis = usize::try_from(*axis).map_err(|_| {
            refuse(format!("`{name}` has an axis of length {axis}; give the real length"))
        })?;
        count = count.checked_mul(axis).filter(|count| *count <= most).ok_or_else(|| {
            Problem::new(
                Kind::TooLarge,
                format!("`{name}` of shape {shape:?} has more than the {most} values that are taken; send a smaller one"),
            )
        })?;
    }
    Ok(count)
}

/// The tensors of a request, in the model's order.
///
/// # Errors
///
/// An input that is missing, unknown, given twice, of another type or shape than the model
/// declares, or whose values do not fill its shape.
pub(crate) fn bind(
    model: &Model,
    asked: Vec<AskedInput>,
    most: usize,
) -> Result<Vec<Tensor>, Problem> {
    let mut places: Vec<Option<Tensor>> = model.inputs.iter().map(|_| None).collect();
    let mut total = 0;
    for input in asked {
        let place = model.inputs.iter().position(|port| port.name == input.name);
        let place = place.ok_or_else(|| {
            let ports: Vec<String> = model.inputs.iter().map(Port::to_string).collect();
            let (name, ports) = (printable(&input.name), ports.join(", "));
            refuse(format!("the model has no input `{name}`; it has {ports}"))
        })?;
        let tensor = fit(input, &model.inputs[place], most - total)?;
        total += tensor.values.view().count();
        let name = &model.inputs[place].name;
        if places[place].replace(tensor).is_some() {
            return Err(refuse(format!("input `{name}` is given twice")));
        }
    }
    let ports = model.inputs.iter();
    let bound = places
        .into_iter()
        .zip(ports)
        .map(|(tensor, port)| tensor.ok_or_else(|| refuse(format!("input {port} is missing"))));
    bound.collect()
}

fn fit(input: AskedInput, port: &Port, most: usize) -> Result<Tensor, Problem> {
    let AskedInput { name, datatype, shape, values } = input;
    if datatype::width(&datatype).is_none() {
        let (datatype, taken) = (printable(&datatype), datatype::TAKEN);
        return Err(refuse(format!("input `{name}` is of type `{datatype}`; {taken} are taken")));
    }
    let wanted = datatype::of_port(port);
    if port.element.is_some() && datatype != wanted {
        return Err(refuse(format!(
            "input `{name}` is of type {datatype}; the model takes {wanted}"
        )));
    }
    let count = count(&name, &shape, most)?;
    let fits = port.shape.as_ref().is_none_or(|axes| {
        axes.len() == shape.len()
            && axes.iter().zip(&shape).all(|(axis, length)| match axis {
                Extent::Fixed(fixed) => i64::try_from(*fixed) == Ok(*length),
                Extent::Free(_) => *length > 0,
            })
    });
    if !fits {
        return Err(refuse(format!("input `{name}` has shape {shape:?}; the model takes {port}")));
    }
    let values = match values {
        AskedValues::Values(values) => Some(values),
        AskedValues::Bytes(bytes) => datatype::read(&datatype, &bytes),
    };
    let given = values.as_ref().map(|values| values.view().count());
    let values = values.filter(|_| given == Some(count)).ok_or_else(|| {
        let given = given.map_or_else(|| "no whole number of".to_owned(), |given| given.to_string());
        refuse(format!("input `{name}` of shape {shape:?} needs {count} values of type {datatype}; {given} were given"))
    })?;
    Ok(Tensor {
        shape: shape.iter().map(|axis| usize::try_from(*axis).unwrap_or(0)).collect(),
        values,
    })
}

/// The outputs that are wanted, by name, with their places; all of them where none is named.
pub(crate) fn wanted(model: &Model, names: &[String]) -> Result<Vec<usize>, Problem> {
    if names.is_empty() {
        return Ok((0..model.outputs.len()).collect());
    }
    let places = names.iter().map(|name| {
        model.outputs.iter().position(|port| port.name == *name).ok_or_else(|| {
            let ports: Vec<String> = model.outputs.iter().map(Port::to_string).collect();
            let (name, ports) = (printable(name), ports.join(", "));
            refuse(format!("the model has no output `{name}`; it has {ports}"))
        })
    });
    places.collect()
}

/// A port's shape as the protocol has it: -1 where a run decides.
pub(crate) fn shape(port: &Port) -> Vec<i64> {
    let axes = port.shape.as_deref().unwrap_or_default();
    let length = |axis: &Extent| match axis {
        Extent::Fixed(length) => i64::try_from(*length).unwrap_or(-1),
        Extent::Free(_) => -1,
    };
    axes.iter().map(length).collect()
}
