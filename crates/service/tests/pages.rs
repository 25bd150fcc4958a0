//! The pages as a browser without a script meets them: forms, redirects, what is kept for
//! whom. With a script, in a real browser: `browser.rs`.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod serving;

use serving::{Running, form, sample, settings};
use weighbridge_experiment::ApplicationName::{Derain, SpeechToText, TrafficLight};
use weighbridge_inference::Photo;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[test]
fn a_form_without_a_script_leads_to_a_result_of_ones_own() {
    let service = Running::start(settings(&[Derain, TrafficLight]));
    let index = service.ask("GET", "/", &[HTML], b"").text();
    assert!(index.contains("/app/derain") && index.contains("/app/traffic-light"));
    let (content_type, body) = form("my photo <b>.jpg", sample(Derain, 3));
    let headers =
        [HTML, ("content-type", content_type.as_str()), ("sec-fetch-site", "same-origin")];
    let sent = service.post("/app/derain", &headers, &body);
    assert_eq!(sent.status, 303, "{}", sent.text());
    let location = sent.header("location").unwrap().to_owned();
    let cookie = sent.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"));
    let cookie = ("cookie", cookie.split(';').next().unwrap());

    let page = service.ask("GET", &location, &[HTML, cookie], b"").text();
    assert!(page.contains("Before") && page.contains("After"), "{page}");
    assert!(!page.contains("<b>.jpg"), "a name is text, not markup");
    let before = service.ask("GET", &format!("{location}/before"), &[cookie], b"");
    assert_eq!(before.header("content-type"), Some("image/jpeg"));
    assert_eq!(before.body, sample(Derain, 3), "the very file that was sent");
    let after = service.ask("GET", &format!("{location}/after?download=yes"), &[cookie], b"");
    assert_eq!(Photo::decode(&after.body, "after").unwrap().width(), 640);
    let disposition = after.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment; filename=\"my-photo--b-derain."), "{disposition}");

    let own = service.ask("GET", "/app/derain", &[HTML, cookie], b"").text();
    assert!(own.contains("Your results") && own.contains(&location));
    for stranger in
        [vec![HTML], vec![HTML, ("cookie", "weighbridge-session=00000000000000000000000000000000")]]
    {
        let page = service.ask("GET", &location, &stranger, b"");
        assert!(page.status == 404 && page.text().contains("Back to the first page"));
        let list = service.ask("GET", "/app/derain", &stranger, b"").text();
        assert!(!list.contains(&location));
    }
    let gone = service.ask("POST", &format!("{location}/delete"), &[HTML, cookie], b"");
    assert_eq!(gone.header("location"), Some("/app/derain"));
    assert_eq!(service.ask("GET", &location, &[HTML, cookie], b"").status, 404);
}

#[test]
fn every_kind_of_result_has_its_page() {
    let service = Running::start(settings(&[TrafficLight, SpeechToText]));
    for (path, file, needles) in [
        ("traffic-light", "red-1.png", ["red", "<meter", "Probability of each class"]),
        ("speech-to-text", "seven-stop-nine.flac", ["seven stop nine", "<audio", "What was said"]),
    ] {
        let headers = [HTML, ("content-type", "application/x-www-form-urlencoded")];
        let sent = service.post(
            &format!("/app/{path}/sample"),
            &headers,
            format!("sample={file}").as_bytes(),
        );
        assert_eq!(sent.status, 303, "{}", sent.text());
        let cookie = ("cookie", sent.header("set-cookie").unwrap().split(';').next().unwrap());
        let page =
            service.ask("GET", sent.header("location").unwrap(), &[HTML, cookie], b"").text();
        for needle in needles {
            assert!(page.contains(needle), "{path}: {needle}");
        }
    }
    let refused = service.post(
        "/app/traffic-light/sample",
        &[HTML, ("content-type", "application/x-www-form-urlencoded")],
        b"sample=../../etc/passwd",
    );
    assert_eq!(refused.status, 404);
}

#[test]
fn what_cannot_be_used_is_said_on_a_page_and_to_the_script_as_json() {
    let service = Running::start(settings(&[Derain]));
    let (content_type, body) = form("letter.txt", b"dear all");
    let typed = ("content-type", content_type.as_str());
    let page = service.post("/app/derain", &[HTML, typed], &body);
    assert_eq!(
        (page.status, page.header("content-type").unwrap()),
        (422, "text/html; charset=utf-8")
    );
    assert!(page.text().contains("letter.txt") && page.text().contains("not a photo"));
    let json = service.post("/app/derain", &[("accept", "application/json"), typed], &body);
    assert!(json.problem(422, "bad-input").contains("letter.txt"));
    let page = service.ask("GET", "/nothing", &[HTML], b"");
    assert!(page.status == 404 && page.text().contains("Back to the first page"));
}
