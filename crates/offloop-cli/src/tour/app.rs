//! The application on the loop: it goes through the work list once, under one model.
//!
//! This is the state that handlers change. It lives on the loop thread and is never
//! shared. A bounded number of calls is in flight, so that a list of any length costs
//! the same memory.

use super::chaos::{Ill, Losses};
use super::ledger::{Ledger, RunId};
use super::model::{Job, Model, Place};
use crate::interrupt::Interrupt;
use crate::service::{Application, Next};
use crate::work::digest::{FileError, Hashed};
use offloop::{Offloop, Outcome};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Calls in flight: enough that no worker waits for the loop, few enough that stopping
/// is quick.
pub(crate) const WINDOW: usize = 64;
/// How long an interrupted run waits for the calls that have begun.
const STOP_WITHIN: Duration = Duration::from_secs(3);

/// What one run is about.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) run: RunId,
    pub(crate) rounds: u32,
    pub(crate) files: Arc<Vec<PathBuf>>,
    pub(crate) interrupt: Interrupt,
    /// How many files there are: after so many the list begins again.
    pub(crate) listed: usize,
    /// Files done over all runs, for the progress bar.
    pub(crate) progress: Arc<AtomicU64>,
}

impl Plan {
    fn job(&self, index: usize) -> Job {
        Job {
            files: Arc::clone(&self.files),
            index,
            interrupt: self.interrupt.clone(),
            ill: self.ill(index),
        }
    }

    /// How the call goes wrong, if this model is to be run with that.
    fn ill(&self, index: usize) -> Option<Ill> {
        let ill = Ill::of(index).filter(|_| self.run.is_chaos());
        ill.filter(|ill| self.run.model.survives.contains(ill))
    }
}

/// What one run has done so far.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) files_done: u64,
    pub(crate) files_failed: u64,
    pub(crate) bytes_done: u64,
}

/// The state of one run.
pub(crate) struct App {
    plan: Plan,
    off: Option<Offloop<App>>,
    ledger: Ledger,
    counts: Counts,
    losses: Losses,
    next: usize,
    in_flight: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The loop serves, the work has not begun.
    Ready,
    Working,
    /// No new calls; those that run may finish until then.
    Stopping(Instant),
    Stopped,
}

/// The answer to `STAT`.
#[derive(Serialize)]
struct Status {
    model: &'static str,
    round: u32,
    rounds: u32,
    files_total: usize,
    in_flight: usize,
    #[serde(flatten)]
    counts: Counts,
}

impl App {
    pub(crate) fn new(plan: Plan, off: Option<Offloop<App>>, ledger: Ledger) -> App {
        App {
            plan,
            off,
            ledger,
            counts: Counts::default(),
            losses: Losses::default(),
            next: 0,
            in_flight: 0,
            phase: Phase::Ready,
        }
    }

    pub(crate) fn start(&mut self) {
        self.phase = Phase::Working;
        self.submit();
    }

    /// Whether every file has its outcome, or no more will come.
    pub(crate) fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Ready => false,
            Phase::Working => self.next == self.plan.files.len() && self.in_flight == 0,
            Phase::Stopping(_) => self.in_flight == 0,
            Phase::Stopped => true,
        }
    }

    /// Whether every file has its outcome.
    pub(crate) fn is_complete(&self) -> bool {
        let counted = self.counts.files_done + self.counts.files_failed;
        counted == self.plan.files.len() as u64
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn losses(&self) -> Losses {
        self.losses.clone()
    }

    /// Ends the run: nothing of offloop is left after it but calls that never return,
    /// whose number is given.
    pub(crate) fn end(mut self) -> (Ledger, usize) {
        let Some(off) = self.off.take() else {
            return (self.ledger, 0);
        };
        let report = off.shutdown(Duration::from_secs(1));
        off.deliver(&mut self);
        (self.ledger, report.abandoned.len())
    }

    /// Keeps [`WINDOW`] calls in flight.
    fn submit(&mut self) {
        let (Place::OffLoop(submit), Some(off)) = (&self.plan.run.model.place, &self.off) else {
            return;
        };
        while self.in_flight < WINDOW && self.next < self.plan.files.len() {
            submit(off, self.plan.job(self.next));
            self.next += 1;
            self.in_flight += 1;
        }
    }

    /// The handler of every call.
    pub(crate) fn on_hashed(&mut self, index: usize, outcome: Outcome<Result<Hashed, FileError>>) {
        self.in_flight -= 1;
        if self.phase == Phase::Working && self.plan.run.is_chaos() {
            self.losses.count(self.plan.ill(index), outcome.as_ref().err());
        }
        match outcome {
            Ok(result) => self.record(index, result),
            // Refused because the run was interrupted: that says nothing about the file.
            Err(_) if self.phase != Phase::Working => {}
            Err(failure) => {
                // What chaos took is told by itself, and says nothing about the file.
                if !self.plan.run.is_chaos() {
                    self.ledger.record_failed_call(index, &failure);
                }
                self.count(Err(()));
            }
        }
        if self.phase == Phase::Working {
            self.submit();
        }
    }

    /// The same work as a program without offloop does it: one call, one turn.
    fn hash_here(&mut self) -> Next {
        if self.next == self.plan.files.len() || self.phase != Phase::Working {
            return Next::OnEvent;
        }
        let job = self.plan.job(self.next);
        self.next += 1;
        let result = job.hash(|| false);
        self.record(job.index, result);
        Next::AtOnce
    }

    fn record(&mut self, index: usize, result: Result<Hashed, FileError>) {
        if !matches!(result, Err(FileError::Stopped)) {
            self.count(result.as_ref().map(|hashed| hashed.bytes).map_err(|_| ()));
            self.ledger.record(index % self.plan.listed, self.plan.run, result);
        }
    }

    fn count(&mut self, bytes: Result<u64, ()>) {
        match bytes {
            Ok(bytes) => {
                self.counts.files_done += 1;
                self.counts.bytes_done += bytes;
            }
            Err(()) => self.counts.files_failed += 1,
        }
        self.plan.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Looks after an interruption: first no new calls, then no more patience.
    fn look_for_interrupt(&mut self) {
        match self.phase {
            Phase::Working if self.plan.interrupt.is_set() => {
                self.phase = Phase::Stopping(Instant::now() + STOP_WITHIN);
                if let Some(off) = &self.off {
                    off.close();
                }
            }
            Phase::Stopping(until) if Instant::now() > until => self.phase = Phase::Stopped,
            _ => {}
        }
    }
}

impl Application for App {
    fn deliver(&mut self) -> Next {
        self.look_for_interrupt();
        match self.off.clone() {
            Some(off) => {
                off.deliver(self);
                Next::OnEvent
            }
            None => self.hash_here(),
        }
    }

    fn status(&self) -> impl Serialize {
        Status {
            model: self.plan.run.model.name,
            round: self.plan.run.round,
            rounds: self.plan.rounds,
            files_total: self.plan.files.len(),
            in_flight: self.in_flight,
            counts: self.counts,
        }
    }
}

/// Whether a model needs an [`Offloop`].
pub(crate) fn needs_offloop(model: &Model) -> bool {
    matches!(model.place, Place::OffLoop(_))
}
