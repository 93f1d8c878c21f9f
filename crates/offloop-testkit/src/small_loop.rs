//! The small loop that executors are tested on. Invariant: it delivers when it was woken and at no
//! other time, and each of its waits ends after the patience with a verdict.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use offloop::{Builder, Failure, Offloop, Outcome, Ticket};

use crate::promise::broken;
use crate::sync::wait_for;

/// The `S` of the offloops that an executor's suite builds; opaque to the executor.
#[derive(Default)]
pub struct ExecutorState {
    pub(crate) outcomes: Vec<Outcome<u32>>,
}

/// A handler that keeps its outcome.
pub(crate) fn keep(state: &mut ExecutorState, outcome: Outcome<u32>) {
    state.outcomes.push(outcome);
}

pub(crate) struct SmallLoop {
    pub(crate) off: Offloop<ExecutorState>,
    pub(crate) state: ExecutorState,
    pub(crate) patience: Duration,
    events: Receiver<()>,
}

impl SmallLoop {
    pub(crate) fn new(
        patience: Duration,
        configure: impl FnOnce(Builder<ExecutorState>) -> Builder<ExecutorState>,
    ) -> Self {
        let (wake, events) = mpsc::channel();
        let builder: Builder<ExecutorState> = Offloop::builder().waker(move || wake.send(()));
        let off = match configure(builder).build() {
            Ok(off) => off,
            Err(error) => broken!("no offloop can be built with it: {error}"),
        };
        Self { off, state: ExecutorState::default(), patience, events }
    }

    /// One turn.
    pub(crate) fn turn(&mut self) {
        self.off.deliver(&mut self.state);
    }

    /// Runs the loop until `count` outcomes are kept; there are never more.
    pub(crate) fn run_until_handled(&mut self, count: usize) {
        while self.state.outcomes.len() < count {
            if self.events.recv_timeout(self.patience).is_err() {
                let (kept, patience) = (self.state.outcomes.len(), self.patience);
                broken!("of {count} calls {kept} came back, and no other within {patience:?}");
            }
            self.turn();
        }
        let kept = self.state.outcomes.len();
        if kept > count {
            broken!("{kept} outcomes came of {count} calls");
        }
    }

    /// Runs the loop until no call is on its way.
    pub(crate) fn run_until_idle(&mut self) {
        while self.off.pending() > 0 {
            if self.events.recv_timeout(self.patience).is_err() {
                let (pending, patience) = (self.off.pending(), self.patience);
                broken!("{pending} calls are on their way, and none came back within {patience:?}");
            }
            self.turn();
        }
    }

    /// Waits until the outcome is decided, without a turn.
    pub(crate) fn wait_done(&self, ticket: &Ticket, what: &str) {
        wait_for(self.patience, || ticket.is_done(), || format!("{what} was not decided"));
    }

    /// The values that came, in rising order; each failure is a verdict.
    pub(crate) fn values(&self) -> Vec<u32> {
        let value = |outcome: &Result<u32, Failure>| match outcome {
            Ok(value) => *value,
            Err(failure) => broken!("a call came to {failure:?} instead of its value"),
        };
        let mut values: Vec<u32> = self.state.outcomes.iter().map(value).collect();
        values.sort_unstable();
        values
    }
}
