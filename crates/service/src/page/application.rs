//! The page of one application: the field for a photo, and the visitor's own results.

use std::sync::Arc;

use axum::response::Html;
use maud::{Markup, html};
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::catalogue;

use super::words::{accepted, forms, input, lead, title, working};
use super::{Sheet, result};
use crate::store::Entry;

/// Samples that are offered to a visitor without a photo at hand.
const SAMPLES_MOST: usize = 4;

/// What the page shows.
pub(crate) struct Shown<'a> {
    pub(crate) application: ApplicationName,
    /// What must be said next to every result.
    pub(crate) notes: &'a [String],
    pub(crate) most_bytes: usize,
    /// The visitor's results, the newest first.
    pub(crate) results: &'a [Arc<Entry>],
}

/// The first page, where several applications are served.
pub(crate) fn index(served: &[ApplicationName]) -> Html<String> {
    Sheet { served, current: None, title: "Applications" }.with(&html! {
        h1 { "Applications" }
        p.lead { "Choose what to do with a photo or a recording of yours." }
        ul.choices {
            @for name in served {
                li { a href=(format!("/app/{name}")) { strong { (title(*name)) } (lead(*name)) } }
            }
        }
    })
}

/// See the module.
pub(crate) fn application(served: &[ApplicationName], shown: &Shown<'_>) -> Html<String> {
    let name = shown.application;
    Sheet { served, current: Some(name), title: title(name) }.with(&html! {
        h1 { (title(name)) }
        p.lead { (lead(name)) }
        (notes(shown.notes))
        (field(shown))
        (samples(name))
        @if !shown.results.is_empty() {
            section aria-labelledby="results" {
                h2 #results { "Your results" }
                ul.results { @for entry in shown.results { li { (result::card(entry)) } } }
            }
        }
    })
}

/// What must be said next to results, in words for visitors.
pub(super) fn notes(notes: &[String]) -> Markup {
    html! {
        @for note in notes {
            p.note { strong { "Not trained: " } (note) ". What is found means nothing; the time that it takes does." }
        }
    }
}

fn field(shown: &Shown<'_>) -> Markup {
    let name = shown.application;
    let what = input(name);
    html! {
        form.card action=(format!("/app/{name}")) method="post" enctype="multipart/form-data"
            data-upload data-most-bytes=(shown.most_bytes) data-working=(working(name))
        {
            p.note.failure role="alert" hidden { strong {} " " span {} }
            div.drop {
                (upload_picture())
                label for="file" { "Choose a " (what) " or drop it here" }
                p.hint #hint { (forms(name)) ", up to " (shown.most_bytes >> 20) " MiB." }
                input #file type="file" name="file" accept=(accepted(name)) required aria-describedby="hint";
            }
            div.progress role="status" hidden {
                progress max="1" value="0" aria-label="Progress" {}
                p {}
            }
            div.actions { button type="submit" { (title(name)) } }
        }
    }
}

fn samples(name: ApplicationName) -> Markup {
    let what = input(name);
    html! {
        form.card action=(format!("/app/{name}/sample")) method="post" {
            p #samples { "No " (what) " at hand? Try one of these:" }
            ul.samples aria-labelledby="samples" {
                @for (file, _) in catalogue::shipped(name).samples.iter().take(SAMPLES_MOST) {
                    li { button.quiet type="submit" name="sample" value=(file) { (plain(file)) } }
                }
            }
        }
    }
}

/// A sample's file name as words.
fn plain(file: &str) -> String {
    file.rsplit_once('.').map_or(file, |(stem, _)| stem).replace('-', " ")
}

fn upload_picture() -> Markup {
    html! {
        svg viewBox="0 0 48 48" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            path d="M24 31V9M15 17l9-9 9 9" {}
            path d="M7 29v7a4 4 0 0 0 4 4h26a4 4 0 0 0 4-4v-7" {}
        }
    }
}
