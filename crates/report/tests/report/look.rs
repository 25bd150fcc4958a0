//! What an eye would catch, checked by geometry and by snapshots, over the shapes that runs
//! come in.

use resvg::tiny_skia::{Pixmap, PremultipliedColorU8};
use resvg::usvg::roxmltree::{Document, Node};
use weighbridge_experiment::*;
use weighbridge_report::figure::{self, FigureBody, FigureError, Svg, TextBox};
use weighbridge_report::render;

use crate::fixture::*;

/// Kinds that differ in how they are drawn.
const KINDS: [EnvironmentKind; 3] =
    [EnvironmentKind::Native, EnvironmentKind::Container, EnvironmentKind::Simulated];

/// Runs of 1 to 8 environments and 1 to 6 workloads, short names and long ones, times from
/// microseconds to minutes.
fn shapes() -> Vec<RunRecord> {
    let mut shapes = vec![mixed()];
    for environments in [1, 2, 5, 8] {
        for workloads in [1, 3, 6] {
            let places: Vec<Place> = (0..environments)
                .map(|index| {
                    let long = "environment-with-a-very-long.name_";
                    let name =
                        if index % 2 == 0 { format!("{long}{index}") } else { format!("c{index}") };
                    let kind = KINDS[(index + 1) % KINDS.len()];
                    Place::new(&name, kind, 10_f64.powf(index as f64 / 3.0))
                })
                .collect();
            let works: Vec<Work> = (0..workloads)
                .map(|index| {
                    let name = format!("workload-with-a-very-long-name-number-{index}");
                    Work::new(&name, ApplicationName::Derain, 0.000_2 * 12_f64.powi(index), 3)
                })
                .collect();
            shapes.push(run(&places, &works, 11));
        }
    }
    let read_twice = shapes[5].clone();
    shapes.push(as_the_paper_read(read_twice));
    shapes.extend([1, 2, 8].map(files_run));
    shapes
}

fn drawings(record: &RunRecord) -> Vec<(&'static str, Svg)> {
    let report = report(record);
    figure::ids()
        .into_iter()
        .filter_map(|id| match figure::draw(id, record, &report) {
            Ok(figure) => match figure.body {
                FigureBody::Drawing(svg) => Some((id, svg)),
                FigureBody::Table(_) => None,
            },
            Err(FigureError::NotInRun { .. }) => None,
            Err(error) => panic!("{id}: {error}"),
        })
        .collect()
}

fn overlap(a: &TextBox, b: &TextBox) -> bool {
    a.left < b.right - 0.5
        && b.left < a.right - 0.5
        && a.top < b.bottom - 0.5
        && b.top < a.bottom - 0.5
}

#[test]
fn no_text_lies_on_another_or_leaves_the_picture() {
    let mut seen = 0;
    for record in shapes() {
        for (id, svg) in drawings(&record) {
            let (width, height) = svg.size();
            let boxes = svg.text_boxes();
            for (index, one) in boxes.iter().enumerate() {
                let inside =
                    one.left >= 0.0 && one.right <= width && one.top >= 0.0 && one.bottom <= height;
                assert!(inside, "{id}: {one:?} leaves {width} × {height}");
                for other in &boxes[index + 1..] {
                    assert!(!overlap(one, other), "{id}: {one:?} lies on {other:?}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 40, "{seen} pictures were looked at");
}

#[test]
fn axes_have_units_and_captions_have_their_run() {
    let record = mixed();
    for (id, svg) in drawings(&record) {
        let text: Vec<String> = svg.text_boxes().into_iter().map(|text| text.text).collect();
        let all = text.join(" ");
        assert!(all.contains("0123456789ab") && all.contains("simulated"), "{id}: {all}");
        let unit = match id {
            "edge.fig2" => "mean time of a trial, s",
            "edge.fig3" => "time of a trial, ms",
            "edge.fig4" => "processor use, % of one core",
            "edge.fig5" => "time since the start of the trial, s",
            _ => continue,
        };
        assert!(text.iter().any(|line| line == unit), "{id}: {all}");
    }
}

#[test]
fn drawings_are_well_formed_and_keep_to_themselves() {
    for record in [mixed()] {
        for (id, svg) in drawings(&record) {
            for source in [svg.standalone(), svg.inline()] {
                let document =
                    Document::parse(&source).unwrap_or_else(|error| panic!("{id}: {error}"));
                assert_alone(&document);
            }
        }
    }
}

/// No attribute makes a viewer fetch anything.
fn assert_alone(document: &Document<'_>) {
    let elements = || document.descendants().filter(Node::is_element);
    for name in ["script", "link", "iframe", "img", "image", "object"] {
        assert!(elements().all(|node| node.tag_name().name() != name), "<{name}>");
    }
    for attribute in elements().flat_map(|node| node.attributes().collect::<Vec<_>>()) {
        assert!(!matches!(attribute.name(), "src" | "href" | "srcset"), "{attribute:?}");
        assert!(!attribute.value().contains("url("), "{attribute:?}");
    }
}

#[test]
fn pictures_have_the_size_that_was_asked_for() {
    for (id, svg) in drawings(&mixed()) {
        let (width, height) = svg.size();
        let picture =
            Pixmap::decode_png(&figure::png(&svg, 1.5).expect("a picture")).expect("a PNG");
        assert_eq!(
            (picture.width(), picture.height()),
            ((width * 1.5).ceil() as u32, (height * 1.5).ceil() as u32)
        );
        // The paper is white and something is drawn on it, letters too: without its font a
        // renderer would leave the title's place empty.
        let ink = |from: u32, to: u32| {
            (from..to).any(|y| {
                (0..picture.width()).any(|x| picture.pixel(x, y).is_some_and(|p| p.red() < 128))
            })
        };
        assert!(ink(24, 48), "{id} has no title");
        assert_eq!(picture.pixel(0, 0).map(PremultipliedColorU8::red), Some(255), "{id}");
    }
    let (_, svg) = drawings(&mixed()).remove(0);
    assert!(figure::png(&svg, 0.0).is_err() && figure::png(&svg, f64::NAN).is_err());
    assert!(figure::png(&svg, 1e6).is_err());
}

#[test]
fn the_page_is_well_formed_and_needs_nothing_else() {
    for record in shapes() {
        let page = render::html(&report(&record), &record);
        // The page as XML: `meta` is the only void element that it has.
        let xml = close_void(&page);
        let document = Document::parse(&xml).expect("a well-formed page");
        assert_alone(&document);
        assert!(!page.contains("<script>alert"), "what was asked is escaped");
        let headers = document.descendants().filter(|node| node.has_tag_name("th"));
        assert!(
            headers.clone().count() > 10
                && headers.clone().all(|header| header.has_attribute("scope"))
        );
        assert_eq!(document.root_element().attribute("lang"), Some("en"));
    }
}

/// Closes the `meta` elements, which HTML leaves open.
fn close_void(page: &str) -> String {
    let mut parts = page.trim_start_matches("<!DOCTYPE html>").split("<meta ");
    let mut xml = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        xml.push_str("<meta ");
        xml.push_str(&part.replacen('>', "/>", 1));
    }
    xml
}

#[test]
fn tables_fit_their_width() {
    for record in shapes() {
        let report = report(&record);
        for width in [72, 80, 100, 140] {
            for line in render::table(&report, width, false).lines() {
                assert!(
                    line.chars().count() <= width,
                    "{} > {width}: {line}",
                    line.chars().count()
                );
            }
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let report = report(&mixed());
    let plain = render::table(&report, 100, false);
    let coloured = render::table(&report, 100, true);
    let stripped =
        coloured.replace("\u{1b}[1m", "").replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
    assert!(coloured.contains('\u{1b}') && !plain.contains('\u{1b}'));
    assert_eq!(stripped, plain);
}

#[test]
fn unknown_figures_are_refused_by_name() {
    let record = mixed();
    let report = report(&record);
    let refused = |id| figure::draw(id, &record, &report).expect_err("refused").to_string();
    assert!(
        refused("edge.fig22").contains("did you mean `edge.fig2`?"),
        "{}",
        refused("edge.fig22")
    );
    assert!(refused("edge.fig8").contains("no workload of kind \"fileio\""));
    assert!(refused("edge.fig6").contains("no environment of the run is a microVM"));
    assert!(refused("nonsense").contains("a run gives: edge.fig1, edge.fig2"));
    let native = run(
        &[Place::new("native", EnvironmentKind::Native, 1.0)],
        &[Work::new("derain", ApplicationName::Derain, 1.0, 1)],
        3,
    );
    let report = crate::fixture::report(&native);
    let error = figure::draw("edge.fig5", &native, &report).expect_err("no container").to_string();
    assert_eq!(
        error,
        "run 0123456789ab does not give `edge.fig5`: no environment of the run is a container"
    );
}

#[test]
fn a_table_is_given_as_text_csv_and_json() {
    let record = mixed();
    let figure = figure::draw("edge.appendix1", &record, &report(&record)).expect("a table");
    let FigureBody::Table(table) = figure.body else { panic!("a table") };
    insta::assert_snapshot!("appendix1", table.text());
    assert!(
        table
            .csv()
            .expect("csv")
            .starts_with("workload,environment,std_seconds_after_10,std_seconds_after_20\n")
    );
    assert_eq!(table.json()["rows"][3]["std_seconds_after_10"], serde_json::Value::Null);
}

/// The page without its drawings and its style, one element a line: what a change of words,
/// tables or order alters, and nothing else.
fn words_of_the_page(html: &str) -> String {
    let mut text = html.to_owned();
    for element in ["svg", "style"] {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        while let Some(from) = text.find(&open) {
            let length = text[from..].find(&close).expect("a closed element") + close.len();
            text.replace_range(from..from + length, &format!("[{element}]"));
        }
    }
    text.replace("><", ">\n<")
}

#[test]
fn renders_are_as_they_were() {
    let report = report(&mixed());
    insta::assert_snapshot!("table_100", render::table(&report, 100, false));
    insta::assert_snapshot!("table_80", render::table(&report, 80, false));
    insta::assert_snapshot!("markdown", render::markdown(&report));
    insta::assert_snapshot!("csv", render::csv(&report).expect("csv"));
    insta::assert_snapshot!("json", render::json(&report).expect("json"));
    insta::assert_snapshot!("html", words_of_the_page(&render::html(&report, &mixed())));
}
