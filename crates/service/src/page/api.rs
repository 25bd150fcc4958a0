//! The interfaces for programs, described for people: made from the very document that
//! `/openapi.json` gives, so that both say the same.

use axum::response::Html;
use maud::{Markup, html};
use serde_json::Value;
use weighbridge_experiment::ApplicationName;

use super::{Sheet, code};

/// The page of an OpenAPI document.
pub(crate) fn api(served: &[ApplicationName], document: &Value) -> Html<String> {
    let first = served.first().map_or("derain", |name| name.as_str());
    let empty = serde_json::Map::new();
    let paths = document.get("paths").and_then(Value::as_object).unwrap_or(&empty);
    Sheet { served, current: None, title: "For programs" }.with(&html! {
        h1 { "For programs" }
        p.lead { "One file in, its result out; or bare tensors by the Open Inference Protocol, with which "
            code { "tritonclient" } " works. Over gRPC the same is at the same port." }
        article.card {
            h2 { "The shortest way in" }
            pre { "curl --data-binary @FILE http://THIS-SERVICE/v1/" (first) }
            p { "As a form: " code { "curl --form file=@FILE …" } ". The type of the answer is chosen by "
                code { "--header 'Accept: …'" } ". The whole description for tools: "
                a href="/openapi.json" { "openapi.json" } " (OpenAPI 3.1)." }
        }
        @for (path, operations) in paths {
            @for (method, operation) in operations.as_object().into_iter().flatten() {
                (described(path, method, operation))
            }
        }
    })
}

fn described(path: &str, method: &str, operation: &Value) -> Markup {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let description = text(operation, "description");
    let responses = operation.get("responses").and_then(Value::as_object);
    html! {
        article.card {
            h2 { span.method { (method.to_uppercase()) } code { (path) } }
            p { strong { (code(&text(operation, "summary"))) } }
            @if !description.is_empty() { p { (code(&description)) } }
            div.scroll tabindex="0" role="region" aria-label="Answers" { table {
                caption { "Answers" }
                thead { tr { th scope="col" { "Status" } th scope="col" { "When" } th scope="col" { "Type" } } }
                tbody {
                    @for (status, response) in responses.into_iter().flatten() {
                        tr { th scope="row" { (status) } td { (text(response, "description")) } td { (types(response)) } }
                    }
                }
            } }
        }
    }
}

fn types(response: &Value) -> String {
    let content = response.get("content").and_then(Value::as_object);
    let types: Vec<&str> =
        content.into_iter().flatten().map(|(media_type, _)| media_type.as_str()).collect();
    types.join(", ")
}
