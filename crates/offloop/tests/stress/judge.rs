//! The verdicts on the books: what an outcome must have behind it, and what must hold for every
//! call in the end. Invariant: nothing is changed here but the outcome that is judged.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use offloop::{By, Failure, Outcome, Reason};

use crate::ledger::{Event, Kind, Round, now_ns};
use crate::plan::{Cancel, Ending, Lane, Origin};
use crate::probe::Value;

impl Round {
    /// Takes a call's outcome into the books, and looks whether it can be true.
    pub(crate) fn judge(&self, id: usize, outcome: Outcome<Value>) {
        let kind = match outcome {
            Ok(value) => {
                value.accept(id);
                if !self.record(id).had(Event::Ended) || self.plan(id).panics {
                    self.fault(id, "a value of a function that did not return one");
                }
                Kind::Finished
            }
            Err(failure) => self.judge_failure(id, failure),
        };
        self.set_kind(id, kind);
    }

    pub(crate) fn judge_failure(&self, id: usize, failure: Failure) -> Kind {
        let (record, plan) = (self.record(id), self.plan(id));
        match failure {
            Failure::Panicked(panic) => {
                let bomb = plan.ending == Ending::Detach && plan.value_bomb;
                if !record.had(Event::Ended) || !(plan.panics || bomb) {
                    self.fault(id, &format!("an unplanned panic: {panic}"));
                }
                if panic.name().is_some_and(|name| name != id.to_string()) {
                    self.fault(id, &format!("the panic of another call: {panic}"));
                }
                let payload = panic.into_payload();
                if let Some(value) = payload.and_then(|any| any.downcast::<Value>().ok()) {
                    value.accept(id);
                }
                Kind::Panicked
            }
            Failure::TimedOut => {
                let since = now_ns() - record.submit_ns.load(SeqCst);
                let since = Duration::from_nanos(since);
                if plan.deadline.is_none_or(|time| time > since) {
                    self.fault(id, "timed out before its deadline");
                }
                Kind::TimedOut
            }
            Failure::Cancelled(By::Caller) => {
                if record.cancel_ns.load(SeqCst) == 0 {
                    self.fault(id, "cancelled by nobody");
                }
                Kind::Cancelled
            }
            Failure::Rejected(Reason::QueueFull | Reason::Abandoned) => Kind::Rejected,
            Failure::Rejected(Reason::NoWorker) => {
                self.no_worker.fetch_add(1, SeqCst);
                Kind::Rejected
            }
            Failure::Shutdown => {
                if !Self::is_set(&self.ending) {
                    self.fault(id, "Shutdown without a shutdown");
                }
                Kind::Shutdown
            }
            other => {
                self.fault(id, &format!("an impossible outcome: {other}"));
                Kind::Rejected
            }
        }
    }

    /// Once all is settled: what must hold for each call now.
    pub(crate) fn verify(&self) {
        for id in 0..self.used() {
            let (record, plan) = (self.record(id), self.plan(id));
            let ends = [Event::Ran, Event::Unrun, Event::UnrunElsewhere, Event::Back];
            let ends: u8 = ends.into_iter().map(|event| record.count(event)).sum();
            let futures = record.count(Event::Awaited) + record.count(Event::Forgotten);
            let expected = match plan.ending {
                Ending::Then | Ending::TryThen => (1, 0),
                Ending::Detach => (0, 0),
                Ending::Await | Ending::AwaitDropped(_) => (0, 1),
            };
            if (ends, futures) != expected {
                self.fault(id, "not exactly one end");
            }
            if !self.is_settled(id) {
                self.fault(id, "not settled");
            }
            let ran = record.had(Event::Started);
            if ran && (record.had(Event::Back) || record.kind() == Some(Kind::Rejected)) {
                self.fault(id, "a refused call ran");
            }
            let here = matches!(plan.origin, Origin::Loop | Origin::Handler);
            if here && plan.cancel == Cancel::Now && plan.lane == Lane::Inline && ran {
                self.fault(id, "an inline call ran although it was cancelled before its turn");
            }
        }
    }
}
