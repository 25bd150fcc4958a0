//! The page of one result: before and after, what was found, what was said; and its card in
//! the list of results.

use axum::response::Html;
use maud::{Markup, html};
use weighbridge_experiment::ApplicationName;

use super::words::{input, title};
use super::{Sheet, application};
use crate::answer::{ClassAnswer, FoundAnswer, ResultAnswer, StageTimes};
use crate::store::Entry;

/// Classes that are shown of many; the others are below a percent in most photos.
const CLASSES_MOST: usize = 8;
/// Objects that are listed; the photo shows all.
const FOUND_MOST: usize = 20;

/// See the module.
pub(crate) fn result(
    served: &[ApplicationName],
    name: ApplicationName,
    notes: &[String],
    entry: &Entry,
) -> Html<String> {
    let what = input(name);
    Sheet { served, current: Some(name), title: title(name) }.with(&html! {
        h1 { (heading(name)) }
        p.lead { (entry.name) }
        (application::notes(notes))
        section.card aria-label="Result" { (content(entry)) }
        div.actions {
            @if let Some(after) = &entry.after {
                a.button href=(format!("/results/{}/after?download=yes", entry.id)) download { "Download the result (" (size(after.bytes)) ")" }
            }
            a.button.quiet href=(format!("/app/{name}")) { "Another " (what) }
            form action=(format!("/results/{}/delete", entry.id)) method="post" {
                button.quiet type="submit" { "Delete this result" }
            }
        }
        (times(&entry.times))
    })
}

const fn heading(name: ApplicationName) -> &'static str {
    match name {
        ApplicationName::Derain => "Before and after",
        ApplicationName::TrafficLight => "What the light shows",
        ApplicationName::TrafficSign => "Which sign it is",
        ApplicationName::ObjectDetection => "What was found",
        ApplicationName::FaceDetection => "Faces that were found",
        ApplicationName::SpeechToText => "What was said",
    }
}

fn content(entry: &Entry) -> Markup {
    let before = format!("/results/{}/before", entry.id);
    let after = format!("/results/{}/after", entry.id);
    match &entry.result {
        None => compare(&before, &after),
        Some(ResultAnswer::Photo { .. }) => compare(&before, &after),
        Some(ResultAnswer::Label { label, probability, classes }) => html! {
            div.split {
                div {
                    p.answer { (label) " " small { (percent(*probability)) } }
                    (class_table(classes))
                }
                figure.picture { img src=(before) alt="The photo that was sent"; }
            }
        },
        Some(
            ResultAnswer::Detections { detections: found } | ResultAnswer::Faces { faces: found },
        ) => html! {
            figure.picture { img src=(after) alt=(in_words(found)); }
            p.answer { (count(found)) }
            (found_table(found))
        },
        Some(ResultAnswer::Text { text, audio_seconds }) => html! {
            @if text.is_empty() {
                p.answer { "Nothing was said" }
            } @else {
                blockquote.answer { (text) }
            }
            p { "A recording of " (format!("{audio_seconds:.1}")) " s:" }
            audio controls src=(before) aria-label="The recording that was sent" {}
        },
    }
}

/// Side by side; the script lays one over the other, under a slider.
fn compare(before: &str, after: &str) -> Markup {
    html! {
        div.compare.plain {
            figure.before { img src=(before) alt="The photo before"; figcaption { "Before" } }
            figure.after { img src=(after) alt="The photo after"; figcaption { "After" } }
            span.knob aria-hidden="true" hidden {
                svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" {
                    path d="M9 6l-6 6 6 6M15 6l6 6-6 6" {}
                }
            }
            input type="range" min="0" max="100" value="50" aria-label="How much of the photo before is shown" hidden;
        }
    }
}

fn class_table(classes: &[ClassAnswer]) -> Markup {
    let mut sorted: Vec<&ClassAnswer> = classes.iter().collect();
    sorted.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let others = sorted.len().saturating_sub(CLASSES_MOST);
    html! {
        table {
            caption { "Probability of each class" }
            tbody {
                @for class in sorted.iter().take(CLASSES_MOST) {
                    tr {
                        th scope="row" { (class.label) }
                        td { meter min="0" max="1" value=(class.probability) aria-label=(format!("Probability of {}", class.label)) {} }
                        td.number { (percent(class.probability)) }
                    }
                }
            }
        }
        @if others > 0 { p { "And " (others) " others, each less probable." } }
    }
}

fn found_table(found: &[FoundAnswer]) -> Markup {
    let others = found.len().saturating_sub(FOUND_MOST);
    html! {
        @if !found.is_empty() {
            div.scroll tabindex="0" role="region" aria-label="What was found" {
                table {
                    caption { "Each with its confidence and its place in pixels" }
                    thead {
                        tr {
                            th scope="col" { "What" }
                            th.number scope="col" { "Confidence" }
                            th.number scope="col" { "Left, top – right, bottom" }
                        }
                    }
                    tbody {
                        @for one in found.iter().take(FOUND_MOST) {
                            tr {
                                th scope="row" { (one.label) }
                                td.number { (percent(f64::from(one.score))) }
                                td.number { (place(one)) }
                            }
                        }
                    }
                }
            }
        }
        @if others > 0 { p { "And " (others) " more, which the photo shows." } }
    }
}

fn place(one: &FoundAnswer) -> String {
    format!("{:.0}, {:.0} – {:.0}, {:.0}", one.left, one.top, one.right, one.bottom)
}

fn count(found: &[FoundAnswer]) -> String {
    match found.len() {
        0 => "Nothing was found".to_owned(),
        1 => format!("One {}", found[0].label),
        many if found.iter().all(|one| one.label == "face") => format!("{many} faces"),
        many => format!("{many} objects"),
    }
}

/// What a drawn photo shows, for those who do not see it.
fn in_words(found: &[FoundAnswer]) -> String {
    if found.is_empty() {
        return "The photo that was sent; nothing was found in it".to_owned();
    }
    let names: Vec<&str> = found.iter().take(FOUND_MOST).map(|one| one.label.as_str()).collect();
    format!("The photo with boxes drawn around: {}", names.join(", "))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{:.0} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}

fn times(times: &StageTimes) -> Markup {
    let words = [
        "Waiting for its turn",
        "Reading the file",
        "Preparing it for the model",
        "The model",
        "Reading the model's answer",
        "Drawing and writing the picture",
    ];
    html! {
        details {
            summary { "How long it took" }
            table {
                tbody {
                    @for (words, (_, milliseconds)) in words.iter().zip(times.each()) {
                        tr { th scope="row" { (words) } td.number { (format!("{milliseconds:.1} ms")) } }
                    }
                }
            }
        }
    }
}

/// A result in the list of results.
pub(super) fn card(entry: &Entry) -> Markup {
    let picture = match (&entry.after, entry.before.media_type.starts_with("image/")) {
        (Some(_), _) => Some("after"),
        (None, true) => Some("before"),
        (None, false) => None,
    };
    html! {
        a href=(format!("/results/{}", entry.id)) {
            @match picture {
                Some(which) => img src=(format!("/results/{}/{which}", entry.id)) alt="" loading="lazy";,
                None => span.sound {
                    svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" aria-hidden="true" {
                        path d="M8 20v8M16 13v22M24 8v32M32 15v18M40 20v8" {}
                    }
                },
            }
            span.name { (entry.name) }
            span.what { (short(entry)) }
        }
    }
}

fn short(entry: &Entry) -> String {
    let time = entry.at.strftime("%H:%M UTC");
    let found = match &entry.result {
        None | Some(ResultAnswer::Photo { .. }) => return time.to_string(),
        Some(ResultAnswer::Label { label, probability, .. }) => {
            format!("{label}, {}", percent(*probability))
        }
        Some(
            ResultAnswer::Detections { detections: found } | ResultAnswer::Faces { faces: found },
        ) => count(found),
        Some(ResultAnswer::Text { text, .. }) if text.is_empty() => "nothing was said".to_owned(),
        Some(ResultAnswer::Text { text, .. }) => format!("“{text}”"),
    };
    format!("{found} · {time}")
}
