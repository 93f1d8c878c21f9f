//! An async executor at work under an offloop, on a small loop. Invariant: each wait ends after the
//! patience with a verdict.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use offloop::{AsyncCalls, Ticket};

use super::rig::{AsyncSuite, Configured, End};
use crate::promise::{Promise, broken};
use crate::small_loop::{SmallLoop, keep};
use crate::sync::{Count, Gate, wait_for};

pub(super) struct Bench {
    small_loop: SmallLoop,
    threads: usize,
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

pub(super) const fn promise(
    name: &'static str,
    numbers: &'static str,
    sentence: &'static str,
) -> Promise {
    Promise { of: "async executor", name, numbers, sentence }
}

impl Promise {
    /// Checks it on an executor of the suite.
    #[track_caller]
    pub(super) fn on_runtime(
        &self,
        suite: &AsyncSuite,
        body: impl FnOnce(&mut Bench) + Send + 'static,
    ) {
        self.on_runtime_with(AsyncCalls::new(), suite, body);
    }

    /// The same, with limits.
    #[track_caller]
    pub(super) fn on_runtime_with(
        &self,
        limits: AsyncCalls,
        suite: &AsyncSuite,
        body: impl FnOnce(&mut Bench) + Send + 'static,
    ) {
        let suite = suite.clone();
        self.check(6 * suite.patience, move || {
            let configure = |builder| (suite.configure)(builder).async_calls(limits);
            let small_loop = SmallLoop::new(suite.patience, configure);
            body(&mut Bench { small_loop, threads: suite.threads });
        });
    }

    /// The same, with what ends the runtime.
    #[track_caller]
    pub(super) fn on_ending_runtime(
        &self,
        suite: &AsyncSuite,
        body: impl FnOnce(&mut Bench, End) + Send + 'static,
    ) {
        let suite = suite.clone();
        self.check(6 * suite.patience, move || {
            let Some(configure_to_end) = &suite.configure_to_end else {
                broken!("the suite was not told how the runtime ends: see `ended_by`");
            };
            let mut end = None;
            let configure = |builder| -> Configured {
                let (builder, its_end) = configure_to_end(builder);
                end = Some(its_end);
                builder
            };
            let small_loop = SmallLoop::new(suite.patience, configure);
            let end = end.expect("the loop was built");
            body(&mut Bench { small_loop, threads: suite.threads }, end);
        });
    }
}

impl Bench {
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Submits a future, whose outcome is kept.
    #[track_caller]
    pub(super) fn submit(&self, future: impl Future<Output = u32> + Send + 'static) -> Ticket {
        self.off.call_async(future).then(keep)
    }

    /// Has every thread wait for the gate, inside a poll. Returns how many calls that took.
    pub(super) fn hold(&self, gate: &Gate, after: &str) -> usize {
        let (inside, threads) = (Count::default(), self.threads);
        for thread in 1..=threads {
            let (inside_too, pass) = (inside.clone(), gate.pass());
            let call = self.off.call_async(async move {
                inside_too.add();
                pass.wait();
                0
            });
            call.name("held").then(keep);
            // One after the other: a thread may take several futures at once, and hold up the others
            // while it polls the first. tokio's do.
            wait_for(
                self.patience,
                || inside.get() >= thread,
                || format!("{after}, {} of {threads} threads polled a future", inside.get()),
            );
        }
        threads
    }

    /// All threads still poll, at once.
    pub(super) fn expect_all_threads_alive(&mut self, after: &str) {
        let (gate, before) = (Gate::default(), self.state.outcomes.len());
        let held = self.hold(&gate, after);
        gate.open();
        self.run_until_handled(before + held);
    }
}
