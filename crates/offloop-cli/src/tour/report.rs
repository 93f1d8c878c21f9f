//! The page: what the tour found, as a table for people or as one JSON document.
//!
//! Both are made from the same [`Report`], so they cannot disagree.

use super::chaos;
use super::figures::{Figures, Quantiles};
use super::ledger::Settled;
use super::units::{count, number, size, time};
use super::verdict::{other_work, verdict};
use crate::work::names::shown;
use crate::work::walk::Note;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Prose is no narrower, or it would be a column of words; and no wider, or the eye would
/// lose the line.
const COLUMNS_MIN: usize = 30;
const COLUMNS_MAX: usize = 100;

/// All that is reported; its fields are the JSON document.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Names the form of this document; it changes when a field changes its meaning.
    pub(crate) schema: &'static str,
    pub(crate) version: &'static str,
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    /// Where the line service listened.
    pub(crate) service: String,
    pub(crate) files: Files,
    /// The models of each round in the order in which they ran.
    pub(crate) order: Vec<Vec<&'static str>>,
    pub(crate) interrupted: bool,
    pub(crate) models: Vec<Figures>,
    /// What the calls that went wrong on purpose took with them; none without `--chaos`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) chaos: Vec<chaos::Column>,
    pub(crate) verdict: String,
    pub(crate) failed: Vec<Named>,
    pub(crate) skipped: Vec<Named>,
}

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
    pub(crate) parallelism: usize,
    /// Of the last minute, when the tour began; absent where the system does not say.
    pub(crate) load_average: Option<f64>,
}

impl Machine {
    /// Its load tells how much of the lateness may be other programs' doing: so it is
    /// taken before the work adds to it.
    pub(crate) fn now() -> Machine {
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|load| load.split(' ').next()?.parse().ok());
        Machine {
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            parallelism: std::thread::available_parallelism().map_or(1, usize::from),
            load_average: load,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Settings {
    pub(crate) rounds: u32,
    pub(crate) cold: bool,
    pub(crate) chaos: bool,
    pub(crate) follow: bool,
    pub(crate) calls_in_flight_max: usize,
    pub(crate) threads_max: usize,
    /// 0 where there are no worker processes.
    pub(crate) processes_max: usize,
    /// Absent where the workers run like every other thread.
    pub(crate) worker_nice: Option<i32>,
    pub(crate) heartbeat_period_ns: u64,
    pub(crate) request_interval_ns: u64,
}

#[derive(Serialize)]
pub(crate) struct Files {
    pub(crate) listed: usize,
    /// With one digest, the same in every run that came to them.
    pub(crate) hashed: usize,
    pub(crate) bytes: u64,
    pub(crate) failed: usize,
    /// Listed, and reached by no run.
    pub(crate) not_reached: usize,
    pub(crate) skipped: usize,
    pub(crate) links_not_followed: u64,
}

/// A path and what is said about it.
#[derive(Serialize)]
pub(crate) struct Named {
    /// On one line: what cannot be shown is escaped.
    pub(crate) path: String,
    /// The bytes in hexadecimal, where the path is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    pub(crate) reason: String,
}

impl From<Note> for Named {
    fn from(note: Note) -> Named {
        Named {
            path: shown(&note.path),
            path_hex: note.path.to_str().is_none().then(|| hex(&note.path)),
            reason: note.reason,
        }
    }
}

fn hex(path: &Path) -> String {
    path.as_os_str().as_encoded_bytes().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the report is about, apart from the measurements.
pub(crate) struct Facts {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) service: String,
    pub(crate) order: Vec<Vec<&'static str>>,
    pub(crate) interrupted: bool,
    pub(crate) listed: usize,
    pub(crate) links_not_followed: u64,
    pub(crate) failed_in_walk: Vec<Note>,
    pub(crate) skipped: Vec<Note>,
}

impl Report {
    pub(crate) fn new(
        facts: Facts,
        settled: &Settled,
        models: Vec<Figures>,
        chaos: Vec<chaos::Column>,
    ) -> Report {
        let in_runs = settled.failed.iter().cloned();
        let failed: Vec<Named> =
            facts.failed_in_walk.into_iter().chain(in_runs).map(Named::from).collect();
        let mut words = verdict(&models);
        let Machine { load_average, parallelism, .. } = facts.machine;
        if let Some(caution) = other_work(load_average, parallelism) {
            words = format!("{words} {caution}");
        }
        Report {
            schema: "offloop.tour/1",
            version: env!("CARGO_PKG_VERSION"),
            machine: facts.machine,
            settings: facts.settings,
            service: facts.service,
            files: Files {
                listed: facts.listed,
                hashed: settled.hashed.len(),
                bytes: settled.bytes,
                failed: failed.len(),
                not_reached: settled.unseen,
                skipped: facts.skipped.len(),
                links_not_followed: facts.links_not_followed,
            },
            order: facts.order,
            interrupted: facts.interrupted,
            verdict: words,
            models,
            chaos,
            failed,
            skipped: facts.skipped.into_iter().map(Named::from).collect(),
        }
    }

    /// The document, with a newline at its end.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The page for people, its prose wrapped between words to `columns`. The table has
    /// the width of its figures.
    pub(crate) fn page(&self, columns: usize) -> String {
        let prose = |text: &str| prose(text, columns);
        let mut page = String::new();
        let _ = writeln!(page, "{}", prose(&self.headline()));
        if !self.models.is_empty() {
            let _ = writeln!(page, "{}", self.table());
        }
        if self.models.iter().any(|model| model.partial) || self.chaos.iter().any(|c| c.partial) {
            page.push_str("* with a run that was interrupted\n");
        }
        let _ = writeln!(page, "\n{}\n\n{}", prose(&self.verdict), prose(&self.agreement()));
        if !self.chaos.is_empty() {
            let about = prose(&(chaos::about() + "."));
            let table = self.chaos_table();
            let words = prose(&chaos::verdict(&self.chaos));
            let _ = writeln!(page, "\n{about}\n{table}\n\n{words}");
        }
        page
    }

    fn headline(&self) -> String {
        let warmth = if self.settings.cold {
            "cold: not read before, the first run may wait for the disk"
        } else {
            "each read once before"
        };
        let nice = self
            .settings
            .worker_nice
            .map_or_else(String::new, |nice| format!("; workers at nice {nice}"));
        let load = self
            .machine
            .load_average
            .map_or_else(String::new, |load| format!(", load {load} before"));
        let interrupted = if self.interrupted { "; interrupted" } else { "" };
        format!(
            "{}, {} ({warmth})\n{} on {} {} with {}{load}{nice}{interrupted}",
            count(self.files.listed as u64, "file"),
            size(self.files.bytes),
            count(self.settings.rounds, "round"),
            self.machine.os,
            self.machine.arch,
            count(self.machine.parallelism as u64, "CPU"),
        )
    }

    pub(super) fn agreement(&self) -> String {
        let files = &self.files;
        let mut line = agreement_on(files.hashed);
        if files.failed > 0 {
            let _ = write!(line, "; {} failed", count(files.failed as u64, "path"));
        }
        if files.not_reached > 0 {
            let not_reached = count(files.not_reached as u64, "file");
            let _ = write!(line, "; not reached: {not_reached}");
        }
        line + "."
    }

    fn table(&self) -> Table {
        let names = self.models.iter().map(|model| marked(model.model, model.partial));
        let rows =
            ROWS.iter().map(|(what, value)| (*what, self.models.iter().map(value).collect()));
        table(names, rows)
    }

    fn chaos_table(&self) -> Table {
        let names = self.chaos.iter().map(|column| marked(column.model, column.partial));
        let row = |(what, value): &chaos::Row| (*what, self.chaos.iter().map(value).collect());
        table(names, chaos::ROWS.iter().map(row))
    }
}

/// A name, with the mark of a run that was interrupted.
fn marked(model: &str, partial: bool) -> String {
    let mark = if partial { "*" } else { "" };
    format!("{model}{mark}")
}

/// Names on the left, and values on the right of their columns.
pub(crate) fn table<'a>(
    names: impl Iterator<Item = String>,
    rows: impl Iterator<Item = (&'a str, Vec<String>)>,
) -> Table {
    let mut table = Table::new();
    // One line under the header, none between the rows.
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([String::new()].into_iter().chain(names));
    for (what, values) in rows {
        table.add_row([what.to_owned()].into_iter().chain(values));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

const NO_BREAK_SPACE: &str = "\u{a0}";

/// Ties numbers to their units, so that no line ends between them.
pub(super) fn glued(text: &str) -> String {
    let is_number = |word: &str| {
        word.ends_with(|c: char| c.is_ascii_digit())
            && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let mut glued = String::new();
    for word in text.split_inclusive(' ') {
        match word.strip_suffix(' ') {
            Some(word) if is_number(word) => glued.extend([word, NO_BREAK_SPACE]),
            _ => glued.push_str(word),
        }
    }
    glued
}

/// Wraps text between words, and not between a number and its unit.
pub(crate) fn prose(text: &str, columns: usize) -> String {
    let options = textwrap::Options::new(columns.clamp(COLUMNS_MIN, COLUMNS_MAX))
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    textwrap::fill(&glued(text), options).replace(NO_BREAK_SPACE, " ")
}

/// What all runs found out together.
pub(super) fn agreement_on(files: usize) -> String {
    let all = match files {
        0 => return "No file has a SHA-256".to_owned(),
        1 => "The one file".to_owned(),
        _ => format!("Each of {files} files"),
    };
    format!("{all} had the same SHA-256 in every run that read it")
}

/// A line of the table: its name, and the cell of a model.
pub(super) type Row = (&'static str, fn(&Figures) -> String);

pub(super) const ROWS: &[Row] = &[
    ("total time", |m| time(m.total_time_ns)),
    ("files per second", |m| number(m.files_per_s)),
    ("MB per second", |m| number(m.bytes_per_s / 1e6)),
    ("heartbeat lateness p50", |m| time(m.heartbeat.p50_ns)),
    ("  p99", |m| time(m.heartbeat.p99_ns)),
    ("  p99.9", |m| time(m.heartbeat.p999_ns)),
    ("  max", |m| time(m.heartbeat.max_ns)),
    ("heartbeats missed", |m| m.missed_beats.to_string()),
    ("  of", |m| m.heartbeat.count.to_string()),
    ("request latency p50", |m| request(m, |q| q.p50_ns)),
    ("  p99", |m| request(m, |q| q.p99_ns)),
    ("  p99.9", |m| request(m, |q| q.p999_ns)),
    ("  max", |m| request(m, |q| q.max_ns)),
    ("longest stall", |m| time(m.longest_stall_ns)),
];

fn request(figures: &Figures, which: fn(Quantiles) -> u64) -> String {
    match &figures.request {
        Some(request) if request.latency.count > 0 => time(which(request.latency)),
        _ => "–".to_owned(),
    }
}
