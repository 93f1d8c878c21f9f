//! Calls that go wrong on purpose, and what was lost when they did.
//!
//! Invariant: a model is given only what it survives; whatever else is lost beside those calls
//! is counted apart, and shown.

use super::figures::Quantiles;
use super::model::Model;
use super::rounds::RunResult;
use super::units::{count, time};
use serde::{Deserialize, Serialize};
use std::future::pending;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Every so many calls one goes wrong.
const EVERY: usize = 50;
/// The list is gone through as often as it takes, so that each ill comes up at least once.
const CALLS_MIN: usize = EVERY * Ill::ALL.len();
/// The deadline of a call that hangs.
pub(crate) const HANG_WITHIN: Duration = Duration::from_millis(250);
/// What a worker process may use; hashing a file needs a small part of it.
#[cfg(target_os = "linux")]
pub(crate) const WORKER_MEMORY: u64 = 64 << 20;

/// What a call does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ill {
    Crash,
    Hang,
    Hog,
}

impl Ill {
    const ALL: [Ill; 3] = [Ill::Crash, Ill::Hang, Ill::Hog];

    /// That of a call by its place in the list.
    pub(crate) fn of(index: usize) -> Option<Ill> {
        let number = index + 1;
        number.is_multiple_of(EVERY).then(|| Ill::ALL[(number / EVERY - 1) % Ill::ALL.len()])
    }

    /// Never returns.
    pub(crate) fn befall(self) -> ! {
        match self {
            Ill::Crash => std::process::abort(),
            Ill::Hang => loop {
                thread::park();
            },
            Ill::Hog => {
                let mut all = Vec::new();
                loop {
                    all.push(black_box(vec![1_u8; 1 << 20]));
                }
            }
        }
    }

    /// The same in a future: one that waits for what never comes, and holds no thread.
    pub(crate) async fn befall_async(self) -> ! {
        match self {
            Ill::Hang => loop {
                pending::<()>().await;
            },
            ill => ill.befall(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Ill::Crash => "crashed",
            Ill::Hang => "hung",
            Ill::Hog => "ate memory",
        }
    }

    fn is_run(self, model: &Model) -> bool {
        model.survives.contains(&self)
    }
}

/// How many calls a list of so many files comes to.
pub(crate) fn calls(files: usize) -> usize {
    files * CALLS_MIN.div_ceil(files.max(1))
}

/// The work list, as often as it takes.
pub(crate) fn list(files: &[PathBuf]) -> Arc<Vec<PathBuf>> {
    Arc::new(files.iter().cycle().take(calls(files.len())).cloned().collect())
}

/// What one run lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Losses {
    /// Made and lost, in the order of [`Ill::ALL`].
    ills: [Tally; Ill::ALL.len()],
    others: Tally,
    /// The first of the others that was lost, in words.
    first: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Tally {
    calls: u64,
    lost: u64,
}

impl Losses {
    /// Counts the outcome of one call.
    pub(crate) fn count(&mut self, ill: Option<Ill>, failure: Option<&offloop::Failure>) {
        let tally = match ill {
            Some(ill) => &mut self.ills[ill as usize],
            None => &mut self.others,
        };
        tally.calls += 1;
        tally.lost += u64::from(failure.is_some());
        if let (None, Some(failure), None) = (ill, failure, &self.first) {
            self.first = Some(failure.to_string());
        }
    }
}

/// One column of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Column {
    pub(crate) model: &'static str,
    /// An interruption cut it short.
    pub(crate) partial: bool,
    ills: Vec<IllColumn>,
    /// Absent when the model survives nothing, and so was not run.
    run: Option<Run>,
}

#[derive(Clone, Debug, Serialize)]
struct IllColumn {
    ill: &'static str,
    /// Whether calls did that under this model: only what it survives.
    run: bool,
    #[serde(flatten)]
    tally: Tally,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
struct Run {
    others: Tally,
    first_other_lost: Option<String>,
    total_time_ns: u64,
    heartbeat: Quantiles,
    longest_stall_ns: u64,
}

impl Column {
    /// Of a model, and of its run when it had one.
    pub(crate) fn of(model: &'static Model, result: Option<&RunResult>) -> Column {
        let losses = result.map(|run| run.losses.clone()).unwrap_or_default();
        let ill = |(ill, tally): (Ill, Tally)| IllColumn {
            ill: ill.name(),
            run: ill.is_run(model),
            tally,
        };
        let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Column {
            model: model.name,
            partial: result.is_some_and(|run| !run.complete),
            ills: Ill::ALL.into_iter().zip(losses.ills).map(ill).collect(),
            run: result.map(|run| Run {
                others: losses.others,
                first_other_lost: losses.first,
                total_time_ns: ns(run.figures.elapsed),
                heartbeat: Quantiles::of(&run.figures.beats.lateness),
                longest_stall_ns: ns(run.figures.longest_turn),
            }),
        }
    }

    fn ill(&self, ill: Ill) -> String {
        let column = &self.ills[ill as usize];
        if column.run { lost(column.tally) } else { "not run".to_owned() }
    }

    fn run(&self, value: fn(&Run) -> String) -> String {
        self.run.as_ref().map_or_else(|| "–".to_owned(), value)
    }
}

fn lost(tally: Tally) -> String {
    format!("{} of {}", tally.lost, tally.calls)
}

/// A line of the table: its name, and the cell of a model.
pub(crate) type Row = (&'static str, fn(&Column) -> String);

pub(crate) const ROWS: &[Row] = &[
    ("lost of what crashed", |c| c.ill(Ill::Crash)),
    ("  that hung", |c| c.ill(Ill::Hang)),
    ("  that ate memory", |c| c.ill(Ill::Hog)),
    ("lost of all others", |c| c.run(|run| lost(run.others))),
    ("total time", |c| c.run(|run| time(run.total_time_ns))),
    ("heartbeat lateness p99", |c| c.run(|run| time(run.heartbeat.p99_ns))),
    ("longest stall", |c| c.run(|run| time(run.longest_stall_ns))),
];

/// What the table is about.
pub(crate) fn about() -> String {
    format!(
        "Chaos: the same work list once more, in which every {EVERY}th call crashes, hangs or eats \
         memory, in turn. What a model does not survive is not run: a crash would end the program, \
         a hang would stop the loop, and memory that is eaten is the program's own. Under async \
         what hangs is a future that is never ready; one that blocks is not run either, because \
         it would take its thread from all others"
    )
}

/// What the figures mean, in a sentence for each model that was run.
pub(crate) fn verdict(columns: &[Column]) -> String {
    let told = columns.iter().filter_map(|column| {
        let run = column.run.as_ref()?;
        let ill: u64 = column.ills.iter().map(|ill| ill.tally.lost).sum();
        let kinds = column.ills.iter().filter(|ill| ill.run).map(|ill| ill.ill);
        let kinds = kinds.collect::<Vec<_>>().join(" or ");
        let others = match &run.first_other_lost {
            None => "no other".to_owned(),
            Some(first) => format!(
                "{} of {} (the first: {first})",
                run.others.lost,
                count(run.others.calls, "other")
            ),
        };
        let calls = count(ill, "call");
        let were = if ill == 1 { "was" } else { "were" };
        Some(format!("Under {} {calls} {were} lost that {kinds}, and {others}.", column.model))
    });
    told.collect::<Vec<_>>().join(" ")
}

/// Whether a model can be run at all.
pub(crate) fn can_run(model: &Model) -> bool {
    !model.survives.is_empty()
}
