//! What was asked for and what came of it. Invariant: a breach is noted where it is seen and raised
//! on the test's thread, because a panic inside a function would be that call's outcome.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use offloop::{By, Failure, Outcome, Reason};

use crate::plan::{Ending, EndsBy, Plan, Reports};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Waits,
    Handled,
    /// Its handler was dropped unrun.
    Dropped,
}

pub(crate) struct Record {
    pub(crate) plan: Plan,
    /// The number of the turn in which it was submitted, if it was in one.
    pub(crate) born_in: Option<u64>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) scope: Option<usize>,
    /// When, in the ledger's own time.
    submitted: u64,
    began: Option<u64>,
    ended: Option<u64>,
    /// It ended before its deadline.
    in_time: bool,
    pub(crate) fate: Fate,
    /// A cancel that came before any outcome was decided: no other outcome is right.
    pub(crate) cancelled: bool,
    progress: Vec<u32>,
}

impl Record {
    pub(crate) fn is_awaited(&self) -> bool {
        self.plan.ends_by == EndsBy::Await
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) records: Vec<Record>,
    time: u64,
    /// Which functions of a serial key are inside.
    inside: BTreeMap<usize, usize>,
    /// Which of them began last.
    last_serial: BTreeMap<usize, usize>,
    pub(crate) closed_scopes: Vec<bool>,
    /// Closed or shut down, or about to be at any time.
    pub(crate) may_end: bool,
    breaches: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Book(Arc<Mutex<Ledger>>);

impl Book {
    pub(crate) fn open(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Raises the first breach.
    #[track_caller]
    pub(crate) fn audit(&self) {
        let breach = self.open().breaches.first().cloned();
        assert!(breach.is_none(), "{}", breach.unwrap_or_default());
    }
}

impl Ledger {
    fn tick(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    pub(crate) fn breach(&mut self, what: String) {
        self.breaches.push(what);
    }

    pub(crate) fn submit(
        &mut self,
        plan: Plan,
        born_in: Option<u64>,
        deadline: Option<Instant>,
        scope: Option<usize>,
    ) -> usize {
        let submitted = self.tick();
        self.records.push(Record {
            plan,
            born_in,
            deadline,
            scope,
            submitted,
            began: None,
            ended: None,
            in_time: false,
            fate: Fate::Waits,
            cancelled: false,
            progress: Vec::new(),
        });
        self.records.len() - 1
    }

    /// `try_then` gave it back, as if it had never been: it has no place in any line.
    pub(crate) fn take_back(&mut self, call: usize) {
        let record = &mut self.records[call];
        record.born_in = None;
        record.plan.in_order = None;
        record.plan.latest = None;
    }

    /// A function begins. G1: once. G9: `serial` ones one at a time, in submit order.
    pub(crate) fn begin(&mut self, call: usize) {
        let now = self.tick();
        let record = &mut self.records[call];
        let again = record.began.replace(now).is_some();
        let serial = record.plan.serial;
        if again {
            self.breach(format!("G1: the function of call {call} ran twice"));
        }
        let Some(key) = serial else { return };
        if let Some(other) = self.inside.insert(key, call) {
            self.breach(format!("G9: calls {other} and {call} of serial key {key} run at once"));
        }
        if let Some(last) = self.last_serial.insert(key, call).filter(|last| *last > call) {
            self.breach(format!("G9: call {call} of serial key {key} began after {last}"));
        }
    }

    pub(crate) fn end(&mut self, call: usize, at: Instant) {
        let now = self.tick();
        let record = &mut self.records[call];
        record.ended = Some(now);
        record.in_time = record.deadline.is_none_or(|deadline| at < deadline);
        if let Some(key) = record.plan.serial {
            self.inside.remove(&key);
        }
    }

    /// A progress value reaches its handler.
    pub(crate) fn hear(&mut self, call: usize, value: u32) {
        let record = &mut self.records[call];
        let last = record.progress.last().copied();
        let fits = match record.plan.reports {
            Reports::Each => value == last.map_or(0, |last| last + 1),
            Reports::Newest => last.is_none_or(|last| value > last),
            Reports::Nothing => false,
        };
        record.progress.push(value);
        let late = record.fate != Fate::Waits;
        if late || !fits {
            self.breach(format!(
                "progress {value} of call {call} came after {last:?}, late: {late}"
            ));
        }
    }

    /// An outcome reaches its handler, in turn `turn`.
    pub(crate) fn handle(
        &mut self,
        call: usize,
        outcome: &Outcome<usize>,
        turn: u64,
        now: Instant,
    ) {
        let record = &self.records[call];
        if record.fate != Fate::Waits {
            self.breach(format!("G1: call {call} was handled when it was {:?}", record.fate));
        }
        let record = &self.records[call];
        if record.born_in == Some(turn) {
            self.breach(format!("G2: call {call} was handled in the turn that submitted it"));
        }
        let awaited = self.records[call].is_awaited();
        if !awaited && self.is_scope_closed(call) {
            self.breach(format!("G1: call {call} was handled though its scope was closed"));
        }
        self.check_order(call);
        if let Err(what) = self.check_outcome(call, outcome, now) {
            self.breach(format!("call {call} came to {outcome:?}, but {what}"));
        }
        self.records[call].fate = Fate::Handled;
    }

    /// G9: every earlier call of the same key has had its turn. An awaited one has had it when its
    /// task is told, which is a task's own business.
    fn check_order(&mut self, call: usize) {
        let Some(key) = self.records[call].plan.in_order else { return };
        if self.records[call].is_awaited() {
            return;
        }
        let waits = |record: &Record| record.fate == Fate::Waits && !record.is_awaited();
        let earlier = self.records[..call]
            .iter()
            .position(|record| record.plan.in_order == Some(key) && waits(record));
        if let Some(earlier) = earlier {
            self.breach(format!("G9: call {call} was handled before {earlier}, of one order key"));
        }
    }

    fn check_outcome(
        &self,
        call: usize,
        outcome: &Outcome<usize>,
        now: Instant,
    ) -> Result<(), String> {
        let record = &self.records[call];
        let plan = &record.plan;
        if record.cancelled
            && !matches!(outcome, Err(Failure::Cancelled(By::Caller | By::Superseded)))
        {
            return Err("it was cancelled before".to_owned());
        }
        let of_key = |newer: &Record| plan.latest.is_some() && newer.plan.latest == plan.latest;
        let mut newer = self.records[call + 1..].iter();
        let superseded = newer.any(of_key);
        match outcome {
            Ok(value) => self.check_value(call, *value).and_then(|()| {
                if superseded && !record.is_awaited() {
                    Err("a newer call supersedes it".to_owned())
                } else {
                    Ok(())
                }
            }),
            Err(Failure::Panicked(_)) if plan.share.is_some() => Ok(()),
            Err(Failure::Panicked(_)) if plan.ending == Ending::Panics => Ok(()),
            Err(Failure::TimedOut) if record.deadline.is_some_and(|at| at <= now) => Ok(()),
            Err(Failure::Cancelled(By::Caller)) if plan.may_cancel || record.cancelled => Ok(()),
            Err(Failure::Cancelled(By::Superseded)) if superseded => Ok(()),
            Err(Failure::Shutdown) if self.may_end => Ok(()),
            Err(Failure::Cancelled(By::Scope))
                if record.is_awaited() && self.is_scope_closed(call) =>
            {
                Ok(())
            }
            // A queue is short; who shares a run may be refused with the one that began it.
            Err(Failure::Rejected(Reason::QueueFull)) if record.began.is_none() => Ok(()),
            Err(Failure::Rejected(Reason::Abandoned)) if record.began.is_none() => Ok(()),
            Err(_) => Err("nothing asked for that".to_owned()),
        }
    }

    fn is_scope_closed(&self, call: usize) -> bool {
        self.records[call].scope.is_some_and(|scope| self.closed_scopes[scope])
    }

    fn check_value(&self, call: usize, value: usize) -> Result<(), String> {
        let (record, source) = (&self.records[call], &self.records[value]);
        let Some(key) = record.plan.share else {
            return if value == call && source.ended.is_some() && source.in_time {
                Ok(())
            } else {
                Err(format!("its function, in time: {}, gave no {value}", source.in_time))
            };
        };
        if source.plan.share != Some(key) {
            return Err(format!("call {value} has another share key"));
        }
        if source.submitted > record.submitted
            || source.ended.is_none_or(|end| end < record.submitted)
        {
            return Err(format!("the run of {value} was not in flight at its submit"));
        }
        Ok(())
    }

    /// A handler is gone; unrun, if it had not been.
    pub(crate) fn drop_handler(&mut self, call: usize) {
        let record = &mut self.records[call];
        if record.fate == Fate::Waits {
            record.fate = Fate::Dropped;
        }
    }

    /// The program is over: each handler ran, or was dropped where that is allowed.
    pub(crate) fn close(&mut self, delivered: bool) {
        for call in 0..self.records.len() {
            let scope_closed = self.is_scope_closed(call);
            let fate = self.records[call].fate;
            if fate == Fate::Waits || (fate == Fate::Dropped && delivered && !scope_closed) {
                self.breach(format!("G1: at the end, call {call} was {fate:?}"));
            }
        }
        if delivered {
            self.check_reports();
        }
    }

    /// Each value of a function that returned in time was heard.
    fn check_reports(&mut self) {
        for call in 0..self.records.len() {
            let record = &self.records[call];
            let (heard, sent) = (record.progress.len(), record.plan.values as usize);
            let whole = record.fate == Fate::Handled && record.ended.is_some();
            let each = record.plan.reports == Reports::Each;
            if whole && each && heard != sent && self.is_ok(call) {
                self.breach(format!("of {sent} progress values of call {call} {heard} were heard"));
            }
        }
    }

    /// Whether nothing could have cut the call short.
    fn is_ok(&self, call: usize) -> bool {
        let record = &self.records[call];
        let plan = &record.plan;
        !self.may_end
            && plan.deadline.is_none()
            && plan.latest.is_none()
            && !plan.may_cancel
            && !record.cancelled
    }
}
