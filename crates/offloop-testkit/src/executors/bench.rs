//! An executor at work under an offloop, on a small loop. Invariant: the loop delivers when it was
//! woken and at no other time, and each of its waits ends after the patience with a verdict.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use offloop::{Builder, Call, Failure, Offloop, Origin, Ticket};

use super::rig::{ExecutorState, ExecutorSuite, keep};
use crate::promise::{Promise, broken};
use crate::sync::{Count, Gate, wait_for};

pub(super) struct Bench {
    pub(super) off: Offloop<ExecutorState>,
    pub(super) state: ExecutorState,
    pub(super) suite: ExecutorSuite,
    events: Receiver<()>,
}

impl Promise {
    /// Checks it on an executor of the suite.
    #[track_caller]
    pub(super) fn on_executor(
        &self,
        suite: &ExecutorSuite,
        body: impl FnOnce(&mut Bench) + Send + 'static,
    ) {
        let suite = suite.clone();
        self.check(6 * suite.patience, move || {
            let (wake, events) = mpsc::channel();
            let builder: Builder<ExecutorState> = Offloop::builder().waker(move || wake.send(()));
            let off = match (suite.configure)(builder).build() {
                Ok(off) => off,
                Err(error) => broken!("no offloop can be built with it: {error}"),
            };
            body(&mut Bench { off, state: ExecutorState::default(), suite, events });
        });
    }
}

impl Bench {
    pub(super) fn patience(&self) -> Duration {
        self.suite.patience
    }

    pub(super) fn workers(&self) -> usize {
        self.suite.workers
    }

    /// Sends a call to the executor.
    pub(super) fn place<O: Origin, J>(&self, call: Call<O, J>) -> Call<O, J> {
        self.suite.place(call)
    }

    /// Submits a call of `function`, whose outcome is kept.
    pub(super) fn submit(&self, function: impl FnOnce() -> u32 + Send + 'static) -> Ticket {
        self.place(self.off.call(function)).then(keep)
    }

    /// Submits a call whose function says that it began and then waits for the gate.
    pub(super) fn submit_held(&self, gate: &Gate, inside: &Count) -> Ticket {
        let (pass, inside) = (gate.pass(), inside.clone());
        let call = self.off.call(move || {
            inside.add();
            pass.wait();
            0
        });
        self.place(call).name("held").then(keep)
    }

    /// Has `count` workers wait for the gate, inside a function; on the loop itself there is none
    /// to hold, and calls wait until its next turn.
    pub(super) fn hold(&self, gate: &Gate, count: usize) -> Vec<Ticket> {
        if self.suite.is_inline() {
            return Vec::new();
        }
        let inside = Count::default();
        let held = (0..count).map(|_| self.submit_held(gate, &inside)).collect();
        wait_for(
            self.patience(),
            || inside.get() >= count,
            || format!("of {count} functions that may run at once {} began", inside.get()),
        );
        held
    }

    /// How many [`hold`](Self::hold) holds.
    pub(super) fn held(&self, count: usize) -> usize {
        if self.suite.is_inline() { 0 } else { count }
    }

    /// Runs the loop until `count` outcomes are kept; there are never more.
    pub(super) fn run_until_handled(&mut self, count: usize) {
        while self.state.outcomes.len() < count {
            if self.events.recv_timeout(self.patience()).is_err() {
                let (kept, patience) = (self.state.outcomes.len(), self.patience());
                broken!("of {count} calls {kept} came back, and no other within {patience:?}");
            }
            self.off.deliver(&mut self.state);
        }
        let kept = self.state.outcomes.len();
        if kept > count {
            broken!("{kept} outcomes came of {count} calls");
        }
    }

    /// Runs the loop until no call is on its way.
    pub(super) fn run_until_idle(&mut self) {
        while self.off.pending() > 0 {
            if self.events.recv_timeout(self.patience()).is_err() {
                let (pending, patience) = (self.off.pending(), self.patience());
                broken!("{pending} calls are on their way, and none came back within {patience:?}");
            }
            self.off.deliver(&mut self.state);
        }
    }

    /// Waits until the outcome is decided, without a turn.
    pub(super) fn wait_done(&self, ticket: &Ticket, what: &str) {
        wait_for(self.patience(), || ticket.is_done(), || format!("{what} was not decided"));
    }

    /// All workers still run calls, at once.
    pub(super) fn expect_all_workers_alive(&mut self, after: &str) {
        let (gate, before) = (Gate::default(), self.state.outcomes.len());
        if self.suite.is_inline() {
            self.submit(|| 0);
            return self.run_until_handled(before + 1);
        }
        let (inside, workers) = (Count::default(), self.workers());
        let _held: Vec<_> = (0..workers).map(|_| self.submit_held(&gate, &inside)).collect();
        wait_for(
            self.patience(),
            || inside.get() >= workers,
            || format!("{after}, {} of {workers} workers took a call", inside.get()),
        );
        gate.open();
        self.run_until_handled(before + workers);
    }

    /// The values that came, in rising order; each failure is a verdict.
    pub(super) fn values(&self) -> Vec<u32> {
        let value = |outcome: &Result<u32, Failure>| match outcome {
            Ok(value) => *value,
            Err(failure) => broken!("a call came to {failure:?} instead of its value"),
        };
        let mut values: Vec<u32> = self.state.outcomes.iter().map(value).collect();
        values.sort_unstable();
        values
    }
}
