//! The pages, rendered on the server: they work without a script, and better with one.
//!
//! Deliberately without anything inline, from elsewhere, or remembered: the policy that every
//! answer bears allows nothing else.

mod api;
mod application;
mod result;
mod words;

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use weighbridge_experiment::ApplicationName;

use crate::problem::Problem;

pub(crate) use api::api;
pub(crate) use application::{Shown, application, index};
pub(crate) use result::result;
pub(crate) use words::title;

/// What stands around a page's content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet<'a> {
    /// What is served, for the links at the top.
    pub(crate) served: &'a [ApplicationName],
    /// Which of them the page belongs to.
    pub(crate) current: Option<ApplicationName>,
    pub(crate) title: &'a str,
}

impl Sheet<'_> {
    fn with(self, content: &Markup) -> Html<String> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) " · Weighbridge" }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/style.css";
                    script src="/assets/page.js" defer {}
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header.top { div {
                        a.brand href="/" { img src="/assets/icon.svg" alt=""; "Weighbridge" }
                        @if !self.served.is_empty() {
                            nav aria-label="Applications" {
                                @for name in self.served {
                                    a href=(format!("/app/{name}"))
                                        aria-current=[(self.current == Some(*name)).then_some("page")]
                                        { (title(*name)) }
                                }
                                a href="/api" { "For programs" }
                            }
                        }
                    } }
                    main #content tabindex="-1" { (content) }
                    footer.foot { p { "What you send is worked on by this service alone, and seen by no other visitor." } }
                }
            }
        };
        Html(page.into_string())
    }
}

/// A refusal, shown to a person.
pub(crate) fn problem(served: &[ApplicationName], problem: &Problem) -> Html<String> {
    let detail = sentence(&problem.detail);
    Sheet { served, current: None, title: problem.title }.with(&html! {
        h1 { (problem.title) }
        p.note.failure { (detail) }
        @if let Some(seconds) = problem.retry_after {
            p { "Try again in " (seconds) " s." }
        }
        p { a.button href="/" { "Back to the first page" } }
    })
}

/// The page on which a browser's user types the token once.
pub(crate) fn sign_in(wrong: bool) -> Html<String> {
    Sheet { served: &[], current: None, title: "Sign in" }.with(&html! {
        h1 { "Sign in" }
        p.lead { "This service answers only those who have its token." }
        form.card action="/sign-in" method="post" {
            @if wrong {
                p.note.failure role="alert" { strong { "That is not the token." } " Whoever started the service has it." }
            }
            div.field {
                label for="token" { "Token" }
                input #token type="password" name="token" required autocomplete="current-password" aria-invalid=[wrong.then_some("true")];
            }
            button type="submit" { "Sign in" }
        }
    })
}

/// A message of the program's as a sentence of a page: names in backticks are set as code.
fn sentence(text: &str) -> Markup {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>());
    let end = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    let whole = format!("{}{}{end}", first.unwrap_or_default(), characters.as_str());
    code(&whole)
}

/// Text in which every second piece between backticks is code.
fn code(text: &str) -> Markup {
    html! {
        @for (number, piece) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}
