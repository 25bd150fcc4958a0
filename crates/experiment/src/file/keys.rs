//! Names that mean nothing, or nothing yet, are refused with the nearest known one. The
//! known names are read from the JSON Schema, so that the two can never differ.

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Problem;
use super::written::experiment_schema;

/// Names that the design gives a meaning and this version does not serve yet, each with
/// what to do meanwhile.
const PLANNED: [(&str, &str); 2] = [
    ("load", "load generation comes with workloads of kind \"service\"; remove the table"),
    ("environment.firecracker", "microVMs come later; remove the table"),
];

/// Every key of the document that the schema does not know, in the order of the text.
pub(super) fn unknown_keys(document: &Spanned<DeTable<'_>>) -> Vec<Problem> {
    let schema = experiment_schema();
    let root = schema.as_value();
    let mut problems = Vec::new();
    walk(root, root, document.get_ref(), "", &mut problems);
    problems.sort_by_key(|problem| problem.offset);
    problems
}

fn walk(
    root: &Value,
    schema: &Value,
    table: &DeTable<'_>,
    path: &str,
    problems: &mut Vec<Problem>,
) {
    let schema = resolve(root, schema);
    if let Some(named_by_the_user) = schema.get("additionalProperties").filter(|s| s.is_object()) {
        for (key, value) in table.iter() {
            if let DeValue::Table(inner) = value.get_ref() {
                walk(
                    root,
                    named_by_the_user,
                    inner,
                    &format!("{path}.{}", key.get_ref()),
                    problems,
                );
            }
        }
        return;
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    for (key, value) in table.iter() {
        let name: &str = key.get_ref();
        let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let Some(property) = properties.get(name) else {
            problems.push(unknown(
                &full,
                name,
                properties.keys().map(String::as_str),
                key.span().start,
            ));
            continue;
        };
        let property = resolve(root, property);
        match value.get_ref() {
            DeValue::Table(inner) => walk(root, property, inner, &full, problems),
            DeValue::Array(items) => {
                let item_schema = property.get("items").unwrap_or(&Value::Null);
                for item in items.iter() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        walk(root, item_schema, inner, &full, problems);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Follows `$ref`, and the one interesting branch of an optional table's `anyOf`.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.map_or(schema, |target| resolve(root, target));
    }
    let branches = schema.get("anyOf").and_then(Value::as_array);
    let reference =
        branches.and_then(|branches| branches.iter().find(|branch| branch.get("$ref").is_some()));
    reference.map_or(schema, |branch| resolve(root, branch))
}

fn unknown<'a>(
    full: &str,
    name: &str,
    known: impl Iterator<Item = &'a str>,
    offset: usize,
) -> Problem {
    if let Some((_, help)) = PLANNED.iter().find(|(planned, _)| *planned == full) {
        let message = format!("`{full}` is not supported by this version");
        return Problem { offset: Some(offset), ..Problem::at(full, message, *help) };
    }
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let help = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Problem { offset: Some(offset), ..Problem::at(full, format!("unknown key `{full}`"), help) }
}

/// The byte offset of the deepest part of `path` that the document has.
pub(super) fn locate(document: &Spanned<DeTable<'_>>, path: &str) -> Option<usize> {
    let mut table: &DeTable<'_> = document.get_ref();
    let mut array: Option<&[Spanned<DeValue<'_>>]> = None;
    let mut found = None;
    for segment in path.split('.') {
        let value = match (array.take(), segment.parse::<usize>()) {
            (Some(items), Ok(index)) => items.get(index),
            _ => table.get(segment),
        };
        let Some(value) = value else { break };
        found = Some(value.span().start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            DeValue::Array(items) => array = Some(items),
            _ => break,
        }
    }
    found
}

/// The known name most like `name`, if any is like it at all.
#[must_use]
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
