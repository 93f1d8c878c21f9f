//! The end: `close`, `shutdown`, and the last drop. Invariant: after it every outcome is decided,
//! and every thread that is not inside a user's function has ended.

use std::time::{Duration, Instant};

use super::offloop::{Local, Offloop};
use super::send::assert_not_forked;
use crate::complete::{Life, Post};
use crate::execute::AbandonedCall;

/// What a [`shutdown`](Offloop::shutdown) came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Calls that were running when it began, and finished within its time.
    pub finished: usize,
    /// Calls that waited in a queue; their functions were never run.
    pub never_started: usize,
    /// Calls whose functions were still running at its end, by name and submit place. Each holds
    /// one thread until it returns; one in a worker process was killed.
    pub abandoned: Vec<AbandonedCall>,
}

impl<S: 'static> Offloop<S> {
    /// Refuses new calls from now on, and turns those that wait in a queue into `Shutdown`. What
    /// runs may finish and is not told (`Context::is_cancelled` stays false until
    /// [`shutdown`](Self::shutdown)). Never blocks; go on delivering until [`is_closed`](Self::is_closed).
    ///
    /// # Panics
    /// In a forked child of the process that built it.
    #[track_caller]
    pub fn close(&self) {
        let link = self.link();
        assert_not_forked(&link.hub);
        link.hub.advance(Life::Closing);
        link.engine.drain_soon();
    }

    /// Whether it was closed, and every call has been delivered since.
    pub fn is_closed(&self) -> bool {
        let hub = &self.link().hub;
        hub.life() != Life::Open
            && !hub.has_queued()
            && self.link().engine.residents().iter().all(|resident| resident.lane().queued() == 0)
            && self.inbox().len() == 0
            && hub.awaited().load(std::sync::atomic::Ordering::SeqCst) == 0
    }

    /// Whether this process is a forked child of the one that built it, where submits, `deliver`, `close`
    /// and [`shutdown`](Self::shutdown) panic. One load; a fork past the C library goes unnoticed.
    pub fn is_forked(&self) -> bool {
        self.link().hub.is_forked()
    }

    /// Same as [`close`](Self::close), except that it waits for the calls that run, at most
    /// `within`, and then ends the threads.
    ///
    /// * **Running** functions are asked to stop: `Context::is_cancelled` is true from the start.
    ///   Those that do not return in time are *abandoned*: their outcome is `Shutdown`, the report
    ///   names them, and their thread ends when they return.
    /// * **Outcomes** are all decided when it returns; `deliver` still hands them over.
    /// * **Again**: a second call returns the same report.
    ///
    /// # Panics
    /// With a `within` above zero inside a handler: the turn that runs the handler would wait for
    /// itself; call it when `deliver` has returned. In a forked child of the process that built
    /// it.
    #[track_caller]
    pub fn shutdown(&self, within: Duration) -> ShutdownReport {
        assert_not_forked(&self.link().hub);
        assert!(
            within.is_zero() || !self.inbox().in_turn(),
            "a blocking shutdown inside a handler would hold up the turn that runs the handler; \
             leave a note in your state and call it when deliver has returned, or call close()"
        );
        self.local.end(within, |_| {});
        self.local.report.get().cloned().unwrap_or_default()
    }
}

impl<S: 'static> Local<S> {
    /// Ends everything, once; `then` runs while remains can still be dropped off the loop.
    pub(super) fn end(&self, within: Duration, then: impl FnOnce(&Self)) {
        let hub = &self.link.hub;
        let engine = &self.link.engine;
        let until = Instant::now().checked_add(within);
        if self.report.get().is_some() {
            return then(self);
        }
        hub.advance(Life::Stopping);
        let exits = engine.shut_down(within);
        self.inbox.shut();
        hub.advance(Life::Stopped);
        then(self);
        engine.end(until);
        // Counted last: every thread that could still be counting has ended.
        let never_started = hub.counts.never_started.load(std::sync::atomic::Ordering::Relaxed);
        // Nobody else sets it: this is the loop thread.
        let _first = self.report.set(ShutdownReport {
            finished: exits.finished,
            never_started: usize::try_from(never_started).unwrap_or(usize::MAX),
            abandoned: exits.abandoned,
        });
    }
}
