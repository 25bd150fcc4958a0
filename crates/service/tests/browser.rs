//! The pages in a real browser: headless Chromium, driven by chromedriver.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "tests")]

#[allow(dead_code, unreachable_pub, reason = "each test uses its part")]
mod serving;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use serving::{Running, block_on, settings};
use weighbridge_experiment::ApplicationName::{Derain, ObjectDetection, TrafficLight};
use weighbridge_inference::{Input, Outcome, Photo};

const ACCESSIBILITY: &str = include_str!("accessibility.js");

/// chromedriver on a port of its own, ended with the test.
struct Driver {
    process: Child,
    address: String,
    directory: tempfile::TempDir,
}

impl Driver {
    fn start() -> Option<Self> {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) => {
                println!(
                    "LEFT OUT: the pages in a browser: chromedriver: {error}; apt-get install chromium chromium-driver"
                );
                return None;
            }
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| {
                line.ok()?
                    .split("successfully on port ")
                    .nth(1)?
                    .trim_end_matches('.')
                    .parse::<u16>()
                    .ok()
            })
            .expect("chromedriver says its port");
        // Whoever closes the other end of its output stops it.
        std::thread::spawn(move || lines.for_each(drop));
        let address = format!("http://127.0.0.1:{port}");
        Some(Self { process, address, directory: tempfile::tempdir().unwrap() })
    }

    async fn browser(&self, name: &str, script: bool) -> Client {
        let profile = self.directory.path().join(name);
        let scripts = if script { 1 } else { 2 };
        let capabilities = json!({ "goog:chromeOptions": {
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--window-size=1100,900", format!("--user-data-dir={}", profile.display())],
            "prefs": {
                "download.default_directory": self.directory.path(),
                "profile.managed_default_content_settings.javascript": scripts,
            },
        } });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await
            .expect("Chromium starts")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn write(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// A small PNG, and what derain makes of it.
fn photo() -> (Vec<u8>, Photo) {
    let rgb = (0..96 * 64 * 3).map(|index| (index % 251) as u8).collect();
    let file = Photo::from_rgb(96, 64, rgb).unwrap().encode_png().unwrap();
    let mut session = serving::make(Derain)().unwrap();
    match session.run_once(&Input::new("it", file.clone())).unwrap().0 {
        Outcome::Photo(result) => (file, result),
        other => panic!("{other:?}"),
    }
}

async fn is_accessible(browser: &Client) {
    let findings = browser.execute(ACCESSIBILITY, Vec::new()).await.unwrap();
    let address = browser.current_url().await.unwrap();
    assert_eq!(findings, json!([]), "{address}");
}

async fn text(browser: &Client, selector: &str) -> String {
    let found = browser.wait().for_element(Locator::Css(selector)).await;
    found.unwrap_or_else(|error| panic!("{selector}: {error}")).text().await.unwrap()
}

#[test]
fn a_photo_is_chosen_dropped_compared_and_downloaded() {
    let Some(driver) = Driver::start() else { return };
    let service = Running::start(settings(&[Derain, TrafficLight]));
    let root = format!("http://{}", service.address);
    let (file, expected) = photo();
    let path = write(driver.directory.path(), "rainy.png", &file);
    block_on(async {
        let browser = driver.browser("with", true).await;
        browser.goto(&format!("{root}/app/derain")).await.unwrap();
        is_accessible(&browser).await;
        let field = browser.find(Locator::Css("input[type=file]")).await.unwrap();
        field.send_keys(path.to_str().unwrap()).await.unwrap();
        compare(&browser).await;
        is_accessible(&browser).await;
        let downloaded = download(&browser, driver.directory.path()).await;
        assert_eq!(Photo::decode(&downloaded, "downloaded").unwrap(), expected, "every pixel");

        // Dropped, as a file manager does it.
        browser.goto(&format!("{root}/app/derain")).await.unwrap();
        assert_eq!(text(&browser, ".results .name").await, "rainy.png", "its own results");
        drop_file(&browser, "dropped.png", &file).await;
        browser.wait().for_element(Locator::Css(".compare.slid")).await.unwrap();
        assert_eq!(text(&browser, ".lead").await, "dropped.png");

        // What is no photo is said where it was chosen, to screen readers too.
        browser.goto(&format!("{root}/app/traffic-light")).await.unwrap();
        drop_file(&browser, "letter.txt", b"dear all").await;
        let failure =
            browser.wait().for_element(Locator::Css("[role=alert]:not([hidden])")).await.unwrap();
        assert!(failure.text().await.unwrap().contains("`letter.txt` is not a photo"));
        is_accessible(&browser).await;

        // A phone: nothing is scrolled sideways, and the keyboard reaches everything.
        browser.set_window_size(390, 844).await.unwrap();
        for page in ["/", "/app/derain", "/app/traffic-light", "/api", "/nothing-here"] {
            browser.goto(&format!("{root}{page}")).await.unwrap();
            is_accessible(&browser).await;
        }
        keyboard(&browser, &format!("{root}/app/derain")).await;
        browser.close().await.unwrap();
    });
}

/// The slider shows as much of the photo before as it says, by keyboard too.
async fn compare(browser: &Client) {
    browser.wait().for_element(Locator::Css(".compare.slid")).await.unwrap();
    let slider = browser.find(Locator::Css("input[type=range]")).await.unwrap();
    let cut = "return getComputedStyle(document.querySelector('.after')).clipPath";
    assert_eq!(browser.execute(cut, Vec::new()).await.unwrap(), "inset(0px 0px 0px 50%)");
    slider.send_keys("\u{e010}").await.unwrap(); // End
    assert_eq!(browser.execute(cut, Vec::new()).await.unwrap(), "inset(0px 0px 0px 100%)");
    let said = slider.attr("aria-valuetext").await.unwrap();
    assert_eq!(said.as_deref(), Some("100 % before, 0 % after"));
    let loaded =
        "return [...document.images].every(image => image.complete && image.naturalWidth > 0)";
    assert_eq!(browser.execute(loaded, Vec::new()).await.unwrap(), true);
}

async fn download(browser: &Client, directory: &Path) -> Vec<u8> {
    let link = browser.find(Locator::Css("a[download]")).await.unwrap();
    link.click().await.unwrap();
    let path = directory.join("rainy-derain.png");
    for _ in 0..2_000 {
        if let Ok(content) = std::fs::read(&path)
            && !content.is_empty()
        {
            return content;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} was not downloaded", path.display());
}

async fn drop_file(browser: &Client, name: &str, content: &[u8]) {
    let script = "
        const [name, bytes] = arguments;
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], name));
        const at = document.querySelector('.drop');
        for (const kind of ['dragenter', 'dragover', 'drop']) {
            at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
        }";
    browser.execute(script, vec![json!(name), json!(content)]).await.unwrap();
}

/// Tab goes through the page from its head to its foot.
async fn keyboard(browser: &Client, page: &str) {
    browser.goto(page).await.unwrap();
    let at =
        "const at = document.activeElement; return at.id || at.textContent.trim() || at.tagName";
    let mut stops = Vec::new();
    for _ in 0..12 {
        let tab = '\u{e004}';
        let press = KeyActions::new("keyboard".to_owned())
            .then(KeyAction::Down { value: tab })
            .then(KeyAction::Up { value: tab });
        browser.perform_actions(press).await.unwrap();
        let stop = browser.execute(at, Vec::new()).await.unwrap();
        stops.push(stop.as_str().unwrap_or_default().to_owned());
    }
    let place = |what: &str| {
        stops.iter().position(|stop| stop == what).unwrap_or_else(|| panic!("{what}: {stops:?}"))
    };
    assert_eq!(stops[0], "Skip to the content", "{stops:?}");
    assert!(place("Remove rain") < place("file"), "{stops:?}");
    assert!(place("file") < place("chelsea"), "{stops:?}");
}

#[test]
fn without_a_script_the_form_does_the_same() {
    let Some(driver) = Driver::start() else { return };
    let service = Running::start(settings(&[Derain, ObjectDetection]));
    let root = format!("http://{}", service.address);
    let (file, _) = photo();
    let path = write(driver.directory.path(), "rainy.png", &file);
    block_on(async {
        let browser = driver.browser("without", false).await;
        for (application, shown) in
            [("derain", "figure.after img"), ("object-detection", "figure.picture img")]
        {
            browser.goto(&format!("{root}/app/{application}")).await.unwrap();
            let field = browser.find(Locator::Css("input[type=file]")).await.unwrap();
            field.send_keys(path.to_str().unwrap()).await.unwrap();
            let button = browser.find(Locator::Css("form[data-upload] button")).await.unwrap();
            button.click().await.unwrap();
            browser.wait().for_element(Locator::Css(shown)).await.unwrap();
            assert_eq!(text(&browser, ".lead").await, "rainy.png");
        }
        assert!(browser.find(Locator::Css(".compare.slid")).await.is_err(), "no script ran");
        browser.close().await.unwrap();
    });
}
