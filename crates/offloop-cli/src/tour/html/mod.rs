//! The page for a browser: one file with its style and its curves in it, which asks the
//! network for nothing and runs no script.
//!
//! The words stand in `templates/report.html`, the colours in `templates/report.css`;
//! every text is escaped where it is put in. The page's own policy forbids a browser to
//! fetch anything for it.

mod chart;

#[cfg(test)]
mod tests;

use super::chaos;
use super::curve::{Curve, MARKS};
use super::figures::Figures;
use super::model::MODELS;
use super::report::{Named, ROWS, Report, glued};
use super::units::{count, round_time, size, time};
use crate::work::names::shown;
use askama::Template;
use chart::Series;
use std::io;
use std::path::Path;

/// So many paths are named; the document of `--json` names all.
const NAMED_MAX: usize = 200;

/// The page, with a newline at its end.
pub(crate) fn page(report: &Report) -> io::Result<String> {
    let page = Page::new(report, command_line());
    Ok(page.render().map_err(io::Error::other)? + "\n")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    verdict: String,
    agreement: String,
    facts: Vec<(&'static str, String)>,
    charts: Vec<Chart>,
    models: Vec<Model>,
    rows: Vec<(&'static str, Vec<String>)>,
    chaos: Option<Chaos>,
    notes: Vec<Notes<'a>>,
    floor: String,
    heartbeat_period: String,
    request_interval: String,
    command: String,
    written: String,
}

/// A model as the page's tables name it.
struct Model {
    name: &'static str,
    about: &'static str,
    partial: bool,
    stroke: String,
    dashes: &'static str,
}

/// What the calls that went wrong on purpose took with them.
struct Chaos {
    about: String,
    verdict: String,
    rows: Vec<(&'static str, Vec<String>)>,
}

/// A drawing and the table of the same figures.
struct Chart {
    id: &'static str,
    title: &'static str,
    about: String,
    /// Says in words what the drawing shows.
    summary: String,
    drawing: Option<String>,
    width: f64,
    height: f64,
    marks: Vec<&'static str>,
    /// By model, in the order of the page: samples, and the time at each mark.
    lines: Vec<(u64, Vec<String>)>,
}

/// Paths and what is said about each.
struct Notes<'a> {
    title: String,
    named: &'a [Named],
    more: usize,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report, command: String) -> Page<'a> {
        let models = report.models.iter().enumerate();
        Page {
            verdict: glued(&report.verdict),
            agreement: glued(&report.agreement()),
            facts: facts(report),
            charts: charts(report),
            models: models.map(|(place, figures)| model(place, figures)).collect(),
            rows: ROWS
                .iter()
                .map(|(name, value)| (*name, report.models.iter().map(value).collect()))
                .collect(),
            chaos: chaos_of(report),
            notes: [("failed", &report.failed), ("skipped", &report.skipped)]
                .into_iter()
                .filter(|(_, named)| !named.is_empty())
                .map(|(what, named)| notes(what, named))
                .collect(),
            heartbeat_period: glued(&round_time(report.settings.heartbeat_period_ns)),
            request_interval: glued(&round_time(report.settings.request_interval_ns)),
            floor: glued(&round_time(chart::FLOOR_NS)),
            written: chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string(),
            command,
            report,
        }
    }
}

fn model(place: usize, figures: &Figures) -> Model {
    let (stroke, dashes) = chart::look(place);
    let known = MODELS.iter().find(|model| model.name == figures.model);
    Model {
        name: figures.model,
        about: known.map_or("", |model| model.about),
        partial: figures.partial,
        stroke,
        dashes,
    }
}

fn chaos_of(report: &Report) -> Option<Chaos> {
    let columns = &report.chaos;
    let rows = chaos::ROWS.iter();
    (!columns.is_empty()).then(|| Chaos {
        about: glued(&chaos::about()),
        verdict: glued(&chaos::verdict(columns)),
        rows: rows.map(|(name, value)| (*name, columns.iter().map(value).collect())).collect(),
    })
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let (machine, settings, files) = (&report.machine, &report.settings, &report.files);
    let warmth = if settings.cold { "not read before" } else { "each read once before" };
    let load = machine.load_average.map_or_else(
        || "not told by this system".to_owned(),
        |load| format!("{load}, the average of one minute"),
    );
    let nice = settings.worker_nice.map_or_else(String::new, |nice| format!(", at nice {nice}"));
    let processes = match settings.processes_max {
        0 => String::new(),
        processes => {
            format!(" or {processes} worker process{}", if processes == 1 { "" } else { "es" })
        }
    };
    let mut facts = vec![
        ("Work", "the SHA-256 of each file, once per run".to_owned()),
        ("Files", format!("{}, {}, {warmth}", files.listed, size(files.bytes))),
        ("Rounds", format!("{} of each model", settings.rounds)),
        (
            "Machine",
            format!(
                "{} {}, {}",
                machine.os,
                machine.arch,
                count(machine.parallelism as u64, "CPU")
            ),
        ),
        ("Load before", load),
        ("Workers", format!("at most {} threads{processes}{nice}", settings.threads_max)),
        ("In flight", format!("at most {}", count(settings.calls_in_flight_max as u64, "call"))),
    ];
    if files.links_not_followed > 0 {
        facts.push(("Symbolic links", format!("{} not followed", files.links_not_followed)));
    }
    facts
}

fn charts(report: &Report) -> Vec<Chart> {
    let period = round_time(report.settings.heartbeat_period_ns);
    let interval = round_time(report.settings.request_interval_ns);
    let beats = report.models.iter().map(|one| Some(&one.heartbeat_curve));
    let requests = report.models.iter().map(|one| one.request.as_ref().map(|r| &r.curve));
    vec![
        Chart::new(
            ("heartbeat", "How late the heartbeats were"),
            format!(
                "A timer of the loop is due every {period}. A stall delays every beat that \
                 falls into it, and each counts."
            ),
            ("lateness", "share of heartbeats that were at most this late"),
            &report.models,
            beats,
        ),
        Chart::new(
            ("request", "How long requests waited"),
            format!(
                "A client in a process of its own sends a request every {interval}, whatever \
                 the answers do, and measures from the time at which it was due."
            ),
            ("latency", "share of requests that waited at most this long"),
            &report.models,
            requests,
        ),
    ]
}

impl Chart {
    fn new<'a>(
        (id, title): (&'static str, &'static str),
        about: String,
        (what, x_label): (&'static str, &'static str),
        models: &'a [Figures],
        curves: impl Iterator<Item = Option<&'a Curve>>,
    ) -> Chart {
        let none = Curve::default();
        let curves = curves.map(|curve| curve.unwrap_or(&none));
        let series: Vec<Series<'_>> = curves
            .zip(models)
            .enumerate()
            .map(|(place, (curve, figures))| Series { place, name: figures.model, curve })
            .collect();
        Chart {
            id,
            title,
            about: glued(&about),
            summary: summary(&series),
            drawing: chart::draw(&series, what, x_label),
            width: chart::WIDTH,
            height: chart::HEIGHT,
            marks: MARKS.iter().map(|(name, _)| *name).collect(),
            lines: series.iter().map(|one| line(one.curve)).collect(),
        }
    }
}

fn line(curve: &Curve) -> (u64, Vec<String>) {
    let empty = || MARKS.iter().map(|_| "–".to_owned()).collect();
    match curve.samples {
        0 => (0, empty()),
        samples => (samples, curve.marks_ns.iter().map(|ns| time(*ns)).collect()),
    }
}

/// For those who do not see the drawing.
fn summary(series: &[Series<'_>]) -> String {
    let drawn = series.iter().filter(|one| one.curve.samples > 0);
    let told = drawn.map(|one| {
        let marks = MARKS.iter().zip(&one.curve.marks_ns);
        let marks = marks.map(|((name, _), ns)| format!("{name} {}", time(*ns)));
        format!("{}: {}.", one.name, marks.collect::<Vec<_>>().join(", "))
    });
    let told: Vec<String> = told.collect();
    format!("One rising curve for each model, on logarithmic axes. {}", told.join(" "))
}

fn notes<'a>(what: &str, named: &'a [Named]) -> Notes<'a> {
    let shown = named.len().min(NAMED_MAX);
    Notes {
        title: format!("{} {what}", count(named.len() as u64, "path")),
        named: &named[..shown],
        more: named.len() - shown,
    }
}

/// What was typed, as far as a process can know it.
fn command_line() -> String {
    let words = std::env::args_os().enumerate().map(|(place, word)| {
        let path = Path::new(&word);
        let word = match (place, path.file_stem()) {
            (0, Some(program)) => shown(Path::new(program)),
            _ => shown(path),
        };
        let plain = |c: char| c.is_alphanumeric() || "-_./,:=+@%".contains(c);
        if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{word}'") }
    });
    words.collect::<Vec<_>>().join(" ")
}
