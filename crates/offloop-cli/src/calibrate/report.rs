//! What the calibration found, as a table for people or as one JSON document.
//!
//! Both are made from the same [`Report`], so they cannot disagree.

use super::measure::Place;
use super::spread::{Samples, Spread};
use crate::tour::report::{Machine, prose, table};
use crate::tour::units::{count, number, size, time};
use serde::Serialize;

/// All that is reported; its fields are the JSON document.
#[derive(Serialize)]
pub(crate) struct Report {
    schema: &'static str,
    version: &'static str,
    machine: Machine,
    rounds: u32,
    pub(crate) executors: Vec<Column>,
}

/// What one executor costs.
#[derive(Serialize)]
pub(crate) struct Column {
    #[serde(rename = "executor")]
    pub(crate) place: Place,
    /// From the submit of an empty call to the end of its handler.
    pub(crate) hand_over_ns: Samples,
    /// The part of it that the loop was busy with: its submit, and its turn.
    pub(crate) on_loop_ns: Samples,
    /// The same of a future that yields once; other executors have none.
    pub(crate) yielding_ns: Samples,
    /// One sample for each round.
    pub(crate) switches_per_call: Samples,
    /// What the argument and the result add, for each MiB that goes one way.
    pub(crate) payload_ns_per_mib: Samples,
    /// The same in a `SharedBuf`, which comes back and is sent again.
    pub(crate) in_place_ns_per_mib: Samples,
    /// The part of a large call that the loop was busy with.
    pub(crate) payload_on_loop_ns: Samples,
    pub(crate) memory_per_call_bytes: Option<f64>,
    /// Private memory of a worker process that has had small calls only.
    pub(crate) worker_bytes: Option<u64>,
}

impl Column {
    pub(crate) fn new(place: Place) -> Column {
        Column {
            place,
            hand_over_ns: Samples::default(),
            on_loop_ns: Samples::default(),
            yielding_ns: Samples::default(),
            switches_per_call: Samples::default(),
            payload_ns_per_mib: Samples::default(),
            in_place_ns_per_mib: Samples::default(),
            payload_on_loop_ns: Samples::default(),
            memory_per_call_bytes: None,
            worker_bytes: None,
        }
    }

    /// Inside a turn a call is not off the loop, however long it is.
    fn break_even(&self) -> String {
        match (self.place, self.on_loop_ns.spread()) {
            (Place::Inline, _) | (_, None) => NONE.to_owned(),
            (_, Some(spread)) => time(whole(spread.median)),
        }
    }
}

const NONE: &str = "–";

/// The lines of the table: name, and the cell of an executor.
type Row = (&'static str, fn(&Column) -> String);

const ROWS: &[Row] = &[
    ("hand-over and back", |c| median(&c.hand_over_ns, time_of)),
    ("  quartiles", |c| quartiles(&c.hand_over_ns, time_of)),
    ("  of that on the loop", |c| median(&c.on_loop_ns, time_of)),
    ("  quartiles", |c| quartiles(&c.on_loop_ns, time_of)),
    ("of a future that yields once", |c| median(&c.yielding_ns, time_of)),
    ("  quartiles", |c| quartiles(&c.yielding_ns, time_of)),
    ("break-even length", Column::break_even),
    ("context switches per call", |c| median(&c.switches_per_call, number)),
    ("  quartiles", |c| quartiles(&c.switches_per_call, number)),
    ("payload, per MiB and way", |c| median(&c.payload_ns_per_mib, time_of)),
    ("  quartiles", |c| quartiles(&c.payload_ns_per_mib, time_of)),
    ("  in a SharedBuf", |c| median(&c.in_place_ns_per_mib, time_of)),
    ("  quartiles", |c| quartiles(&c.in_place_ns_per_mib, time_of)),
    ("  16 MiB, on the loop", |c| median(&c.payload_on_loop_ns, time_of)),
    ("memory of a waiting call", |c| bytes(c.memory_per_call_bytes.map(whole))),
    ("memory of a worker", |c| bytes(c.worker_bytes)),
];

const ABOUT: &str = "\
Break-even: a call that takes longer holds the loop for less time off it than on it; a shorter one \
may stay. Its result comes later by the hand-over. Quartiles: half of all samples lie between the \
two. A loop that sleeps in a system call of its own kind (epoll, a window system) wakes up a \
little slower than this one, which sleeps on a futex.";

impl Report {
    pub(crate) fn new(rounds: u32) -> Report {
        Report {
            schema: "offloop.calibrate/1",
            version: env!("CARGO_PKG_VERSION"),
            machine: Machine::now(),
            rounds,
            executors: Vec::new(),
        }
    }

    /// The document, with a newline at its end.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub(crate) fn page(&self) -> String {
        let names = self.executors.iter().map(|column| column.place.name().to_owned());
        let row = |(what, value): &Row| (*what, self.executors.iter().map(value).collect());
        let table = table(names, ROWS.iter().map(row));
        format!("{}\n{table}\n\n{}\n", self.machine(), prose(ABOUT, 80))
    }

    fn machine(&self) -> String {
        let cpus = count(self.machine.parallelism as u64, "CPU");
        let load = self.machine.load_average;
        let load = load.map_or_else(String::new, |load| format!(", load {load} before"));
        let rounds = count(self.rounds, "round");
        let build = if cfg!(debug_assertions) { "; a debug build: not for figures" } else { "" };
        format!("{} {} with {cpus}{load}; {rounds}{build}", self.machine.os, self.machine.arch)
    }
}

fn median(samples: &Samples, shown: fn(f64) -> String) -> String {
    samples.spread().map_or_else(|| NONE.to_owned(), |spread| shown(spread.median))
}

fn quartiles(samples: &Samples, shown: fn(f64) -> String) -> String {
    samples.spread().map_or_else(
        || NONE.to_owned(),
        |Spread { q1, q3, .. }| {
            let (from, to) = (shown(q1), shown(q3));
            let unit = |text: &str| text.split_once(' ').map(|(_, unit)| unit.to_owned());
            let from = match from.split_once(' ') {
                Some((value, _)) if unit(&from) == unit(&to) => value,
                _ => &from,
            };
            format!("{from}…{to}")
        },
    )
}

fn time_of(ns: f64) -> String {
    time(whole(ns))
}

fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| NONE.to_owned(), size)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is not negative")]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
