//! What would be wrong with a page is found, each fault by its own words.

use super::browser::Scheme;
use super::heard::{console, requests};
use super::seen::{Chart, Curve, Found, Text};
use super::{CONTROL, MARKER, check_picture, probe_text};
use crate::ci::pixels::{Picture, contrast};
use std::path::Path;

const WHITE: [u8; 3] = [255; 3];
const BLUE: [u8; 3] = [0, 90, 160];
const RED: [u8; 3] = [190, 40, 0];

fn curve(y: f64, stroke: [u8; 3], dashes: &str) -> Curve {
    let points = (0..20).map(|at| [f64::from(at) * 10.0 + 20.0, y]).collect();
    Curve { width: 500.0, height: 40.0, stroke, dashes: dashes.to_owned(), points }
}

fn chart() -> Chart {
    Chart {
        id: "a".to_owned(),
        title: "A".to_owned(),
        desc: "A curve.".to_owned(),
        area: [10.0, 10.0, 290.0, 190.0],
        curves: vec![curve(50.0, BLUE, "none"), curve(100.0, RED, "9px, 4px")],
        labels: vec![
            ("inline".to_owned(), [230.0, 42.0, 280.0, 60.0]),
            ("cores".to_owned(), [230.0, 92.0, 280.0, 110.0]),
        ],
    }
}

fn found() -> Found {
    Found {
        dark: false,
        height: 200,
        overflow: Vec::new(),
        scripts: 0,
        fetched: Vec::new(),
        models: vec!["inline".to_owned(), "cores".to_owned()],
        rows: vec![2, 2, 14],
        charts: vec![chart(), chart()],
        texts: vec![Text { text: "inline".to_owned(), ink: [40; 3], paper: WHITE }],
    }
}

/// A picture that shows the curves of [`chart`].
fn picture() -> Picture {
    let mut picture = Picture::plain(300, 200, WHITE);
    for x in 20..230 {
        picture.put(x, 50, BLUE);
        picture.put(x, 100, RED);
    }
    picture
}

#[track_caller]
fn assert_fault(change: impl FnOnce(&mut Found), words: &str) {
    let mut page = found();
    change(&mut page);
    let fault = page.check().map(|()| "none".to_owned()).unwrap_or_else(|e| format!("{e:#}"));
    assert!(fault.contains(words), "{fault}");
}

#[test]
fn a_good_page_passes() {
    found().check().unwrap();
    check_picture(&found(), &picture(), Scheme::Light).unwrap();
}

#[test]
fn each_fault_of_the_document_is_named() {
    assert_fault(|page| page.scripts = 1, "1 scripts");
    assert_fault(|page| page.fetched.push("file:///x.css".to_owned()), "fetched file:///x.css");
    assert_fault(|page| page.overflow.push("narrow".to_owned()), "too wide: narrow");
    assert_fault(|page| page.models.truncate(1), "compares 1");
    assert_fault(|page| page.charts.truncate(1), "has 1 charts");
    assert_fault(|page| page.rows = vec![14], "no table");
    assert_fault(|page| page.texts[0].ink = [150; 3], "`inline` has a contrast of 2.96");
}

#[test]
fn each_fault_of_a_chart_is_named() {
    assert_fault(|page| page.charts[1].desc.clear(), "no title or no desc");
    assert_fault(|page| page.charts[1].curves.truncate(1), "1 curves for 2 models");
    assert_fault(|page| page.charts[1].curves[0].width = 0.0, "curve 0 is 0 by 40");
    assert_fault(|page| page.charts[1].curves[1].stroke = BLUE, "looks like another");
    assert_fault(|page| page.charts[1].curves[1].dashes = "none".to_owned(), "looks like another");
    assert_fault(|page| page.charts[1].labels[1].0.clear(), "no curve is named cores");
    assert_fault(|page| page.charts[1].labels[1].1[2] = 291.0, "sticks out");
    assert_fault(|page| page.charts[1].labels[1].1 = [240.0, 50.0, 270.0, 68.0], "covers");
}

#[test]
fn a_curve_that_is_not_in_the_picture_is_missed() {
    let mut page = found();
    page.charts[0].curves[1] = curve(120.0, RED, "9px, 4px");
    let fault = check_picture(&page, &picture(), Scheme::Light).unwrap_err().to_string();
    assert_eq!(fault, "only 0 % of curve 1 is seen");
}

#[test]
fn a_curve_as_pale_as_its_paper_is_refused() {
    let mut page = found();
    page.charts[0].curves[0].stroke = [240; 3];
    let fault = check_picture(&page, &picture(), Scheme::Light).unwrap_err().to_string();
    assert!(fault.contains("curve 0 has a contrast of 1.1"), "{fault}");
}

#[test]
fn a_picture_of_the_other_scheme_is_refused() {
    assert!(check_picture(&found(), &picture(), Scheme::Dark).is_err());
}

#[test]
fn contrast_is_that_of_wcag() {
    assert!((contrast([0; 3], WHITE) - 21.0).abs() < 0.01);
    assert!((contrast([119; 3], WHITE) - 4.48).abs() < 0.01);
    assert!((contrast(BLUE, BLUE) - 1.0).abs() < 0.01);
}

#[test]
fn console_lines_are_told_from_the_rest_of_the_log() {
    let log = "[1:1:1/1:INFO:CONSOLE:1] \"Uncaught Error: boo\", source: file:///a (1)\n\
               [1:1:1/1:ERROR:dbus/bus.cc:405] Failed\n\
               [1:1:1/1:INFO:CONSOLE(7)] \"old form\", source: x (7)";
    let lines = console(log);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("\"Uncaught Error: boo\"") && lines[1].starts_with("\"old form"));
}

#[test]
fn requests_of_a_page_are_told_from_those_of_the_browser() {
    let start = |url: &str, initiator: &str| {
        format!(r#"{{"type":7,"params":{{"url":"{url}","initiator":"{initiator}"}}}}"#)
    };
    let events = [
        start("http://a.invalid/x", "null"),
        start("http://a.invalid/x", "null"),
        start("https://update.invalid/", "not an origin"),
        start("file:///tour.html", "not an origin"),
        start("data:,", "null"),
        r#"{"type":8,"params":{"url":"http://other.invalid/"}}"#.to_owned(),
    ];
    let types = r#"{"logEventTypes":{"URL_REQUEST_START_JOB":7}}"#;
    let log = format!(r#"{{"constants":{types},"events":[{}]}}"#, events.join(","));
    assert_eq!(requests(&log).unwrap(), ["http://a.invalid/x"]);
    assert!(requests(r#"{"constants":{},"events":[]}"#).is_err());
}

#[test]
fn the_probe_is_complete_and_its_words_are_found_again() {
    let probe = probe_text(Path::new("/x/tour.html"));
    for word in ["PAGE", "WIDE", "NARROW", "CONTROL", "MARKER"] {
        assert!(!probe.contains(word), "{word}");
    }
    assert!(probe.contains("src=\"tour.html\"") && probe.contains(CONTROL));
    assert!(probe.contains(MARKER));
    assert!(Found::parse("<pre id=\"found\"></pre>").is_err());
}
