//! An executor at work under an offloop, on a small loop. Invariant: each wait ends after the
//! patience with a verdict.

use std::ops::{Deref, DerefMut};
use std::sync::mpsc;
use std::time::Duration;

use offloop::{Call, Context, Origin, Ticket};

use super::rig::ExecutorSuite;
use crate::promise::{Promise, broken};
use crate::small_loop::{SmallLoop, keep};
use crate::sync::{Count, Gate, wait_for};

pub(super) struct Bench {
    small_loop: SmallLoop,
    pub(super) suite: ExecutorSuite,
}

impl Deref for Bench {
    type Target = SmallLoop;

    fn deref(&self) -> &SmallLoop {
        &self.small_loop
    }
}

impl DerefMut for Bench {
    fn deref_mut(&mut self) -> &mut SmallLoop {
        &mut self.small_loop
    }
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
            let small_loop = SmallLoop::new(suite.patience, |builder| (suite.configure)(builder));
            body(&mut Bench { small_loop, suite });
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

    /// Has one more worker wait for the gate, off the loop; its call's context.
    pub(super) fn hold_one(&self, gate: &Gate) -> Context {
        let (pass, (enter, entered)) = (gate.pass(), mpsc::channel());
        let call = self.off.call_with(move |cx| {
            // A check that waits no longer has its verdict.
            let _unheard = enter.send(cx.clone());
            pass.wait();
            0
        });
        self.place(call).name("held").then(keep);
        match entered.recv_timeout(self.patience()) {
            Ok(cx) => cx,
            Err(_) => broken!("a call did not begin within {:?}", self.patience()),
        }
    }

    /// How many [`hold`](Self::hold) holds.
    pub(super) fn held(&self, count: usize) -> usize {
        if self.suite.is_inline() { 0 } else { count }
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
}
