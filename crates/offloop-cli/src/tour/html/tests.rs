//! What the page says, and that nothing in it can break out of its place.

use super::chart::{self, Series, apart, percent};
use super::{Page, notes};
use crate::service::heartbeat::new_histogram;
use crate::tour::curve::{Curve, MARKS};
use crate::tour::figures::{Figures, Requests};
use crate::tour::ledger::Settled;
use crate::tour::report::{Facts, Machine, Report, Settings};
use crate::work::walk::Note;
use askama::Template;
use std::path::PathBuf;

const NAMES: [&str; 8] =
    ["inline", "threads", "cores", "process", "async", "resource", "rayon", "remote"];

/// `samples` waits, from `least_ns` to a thousand times that.
fn curve(samples: u64, least_ns: u64) -> Curve {
    let mut histogram = new_histogram();
    for number in 0..samples {
        histogram.saturating_record(least_ns + number * least_ns * 1_000 / samples);
    }
    Curve::of(&histogram)
}

fn figures(model: &'static str, curve: Curve) -> Figures {
    Figures {
        model,
        on_loop: model == "inline",
        rounds_complete: 1,
        partial: false,
        total_time_ns: 1_000_000,
        round_times_ns: vec![1_000_000],
        files_done: 1,
        bytes_done: 1,
        files_per_s: 1.0,
        bytes_per_s: 1.0,
        heartbeat: Default::default(),
        heartbeat_curve: curve.clone(),
        missed_beats: 0,
        request: Some(Requests { sent: 1, curve, ..Requests::default() }),
        longest_stall_ns: 1,
    }
}

fn report(models: Vec<Figures>, failed: Vec<Note>) -> Report {
    let facts = Facts {
        machine: Machine::now(),
        settings: Settings {
            rounds: 1,
            cold: false,
            chaos: false,
            follow: false,
            calls_in_flight_max: 64,
            threads_max: 4,
            processes_max: 2,
            worker_nice: Some(10),
            heartbeat_period_ns: 1_000_000,
            request_interval_ns: 2_000_000,
        },
        service: "127.0.0.1:1".to_owned(),
        order: vec![NAMES[..3].to_vec()],
        interrupted: false,
        listed: 1,
        links_not_followed: 0,
        failed_in_walk: failed,
        skipped: Vec::new(),
    };
    Report::new(facts, &Settled::default(), models, Vec::new())
}

fn page(models: Vec<Figures>, failed: Vec<Note>) -> String {
    Page::new(&report(models, failed), "offloop tour '<b>'".to_owned()).render().unwrap()
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

#[test]
fn a_curve_rises_and_ends_at_the_maximum() {
    let curve = curve(10_000, 50_000);
    assert!(curve.points.is_sorted(), "{:?}", curve.points);
    let (first, last) = (curve.points[0], curve.points[curve.points.len() - 1]);
    assert_eq!((first.0, last.0), (0.0, 1.0));
    assert_eq!(Some(&last.1), curve.marks_ns.last());
    assert_eq!(curve.marks_ns.len(), MARKS.len());
    assert!(curve.marks_ns.is_sorted() && curve.marks_ns[0] < last.1);
    assert_eq!(Curve::of(&new_histogram()), Curve::default());
}

#[test]
fn every_model_has_a_curve_and_a_line_in_both_charts() {
    for models in 1..=NAMES.len() {
        let figures = NAMES[..models].iter().map(|name| figures(name, curve(5_000, 20_000)));
        let page = page(figures.collect(), Vec::new());
        for (place, name) in NAMES.iter().enumerate() {
            // A curve is a path; the samples in the tables and at the names are lines.
            let stroke = format!("stroke=\"var(--series-{})\"", place + 1);
            let curves = page.split("<path ").skip(1);
            let drawn = curves.filter(|rest| rest.split('>').next().unwrap().contains(&stroke));
            let expected = if place < models { 2 } else { 0 };
            assert_eq!(drawn.count(), expected, "{name} of {models}");
            assert_eq!(count(&page, &format!("</svg>{name}</th>")), expected);
            assert_eq!(count(&page, &format!(">{name}</text>")), expected);
        }
    }
}

#[test]
fn no_colour_stands_in_the_drawings() {
    let page = page(vec![figures("inline", curve(500, 20_000))], Vec::new());
    let body = page.split_once("</style>").unwrap().1;
    for attribute in ["fill=\"", "stroke=\""] {
        for value in body.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(value == "none" || value.starts_with("var(--"), "{attribute}{value}");
        }
    }
    let style = page.split_once("</style>").unwrap().0;
    for name in body.split("var(").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        assert_eq!(count(style, &format!("{name}:")), 2, "{name} in light and in dark");
    }
}

#[test]
fn looks_differ_by_colour_and_by_dashes() {
    let looks: Vec<_> = (0..8).map(chart::look).collect();
    for (place, one) in looks.iter().enumerate() {
        assert!(looks[..place].iter().all(|other| one.0 != other.0 && one.1 != other.1));
    }
}

#[test]
fn nothing_asks_the_network_and_no_script_runs() {
    let page = page(vec![figures("inline", curve(500, 20_000))], Vec::new());
    for word in ["<script", "http:", "https:", "@import", "url(//", "src=", "javascript:"] {
        let allowed = if word == "http:" { count(&page, "http://www.w3.org/2000/svg") } else { 0 };
        assert_eq!(count(&page, word), allowed, "{word}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn paths_and_arguments_are_text_and_never_markup() {
    let path = PathBuf::from("<script>alert(1)</script>&\"'");
    let note = Note { path, reason: "is <gone>".to_owned() };
    let page = page(vec![figures("inline", curve(10, 20_000))], vec![note]);
    assert!(!page.contains("<script") && !page.contains("<gone>") && !page.contains("'<b>'"));
    assert!(page.contains("is &#60;gone&#62;"), "{page}");
}

#[test]
fn without_a_sample_the_page_says_so_and_draws_nothing() {
    let mut bare = figures("inline", Curve::default());
    bare.request = None;
    let page = page(vec![bare], Vec::new());
    assert_eq!(count(&page, "There is no sample to draw."), 2);
    assert!(!page.contains("class=\"chart\""));
    let page = self::page(Vec::new(), Vec::new());
    assert!(page.contains("No run was begun."));
}

#[test]
fn one_sample_is_a_chart_too() {
    let one = curve(1, 20_000);
    let series = [Series { place: 0, name: "inline", curve: &one }];
    let drawing = chart::draw(&series, "lateness", "share").unwrap();
    assert!(!drawing.contains("NaN") && !drawing.contains("inf"), "{drawing}");
}

#[test]
fn names_keep_their_distance_and_stay_inside() {
    let heights = apart(&[20.0, 21.0, 22.0, 339.0, 340.0], 340.0);
    assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= 17.0), "{heights:?}");
    assert!(heights[0] >= 14.0 && heights[4] <= 340.0, "{heights:?}");
    assert_eq!(apart(&[100.0, 200.0], 340.0), [100.0, 200.0]);
}

#[test]
fn shares_have_no_more_nines_than_they_need() {
    let shown = [1.0, 2.0, 10.0, 20.0, 100.0, 500.0, 1_000.0, 100_000.0].map(percent);
    assert_eq!(shown, ["0%", "50%", "90%", "95%", "99%", "99.8%", "99.9%", "99.999%"]);
}

#[test]
fn many_paths_are_counted_and_not_all_named() {
    let note = |n: u32| Note { path: PathBuf::from(format!("p{n}")), reason: "x".to_owned() };
    let named: Vec<_> = (0..205).map(|n| note(n).into()).collect();
    let notes = notes("skipped", &named);
    assert_eq!(
        (notes.title.as_str(), notes.named.len(), notes.more),
        ("205 paths skipped", 200, 5)
    );
}
