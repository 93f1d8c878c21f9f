//! An executor as its offloop drives it. Two kinds implement it: the own [`Pool`], and a
//! [`Guest`], which is anybody's [`Executor`] together with the books that are kept for it.
//!
//! Invariant: nothing here blocks but the two `wait` functions and `join`, which are for the shutdown.
//!
//! [`Pool`]: super::threads::Pool
//! [`Guest`]: super::guest::Guest
//! [`Executor`]: super::Executor

use std::time::Instant;

use super::Ring;
use crate::complete::{CallRef, Phase, Work};
use crate::failure::Failure;
use crate::priority::Priority;
use crate::trace;

/// What an executor's threads amount to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CrewCounts {
    pub(crate) threads: usize,
    pub(crate) start_failures: u64,
}

/// A call's function is given up.
pub(super) fn tell_abandoned(call: &CallRef) {
    if let Some(verdict) = call.verdict() {
        trace::abandoned(call.subject(), &Failure::from(verdict));
    }
}

pub(crate) trait Crew: Send + Sync {
    /// Pushes by a sequentially consistent access, or ends with a fence, so that the caller's next
    /// look at `life` comes behind the push.
    fn submit(&self, work: Work, priority: Priority, ring: Ring);

    /// A decision came while the call's function ran, or did not: if it did, its worker is given
    /// up for lost and replaced.
    fn cut_short(&self, call: &CallRef, from: Phase);

    /// The keeper's look; says when to look again at the latest.
    fn tend(&self, now: Instant) -> Option<Instant>;

    /// The calls that wait come to `Shutdown`.
    fn turn_away(&self);

    /// Waits until no function runs, at most until `until`.
    fn wait_returned(&self, until: Instant);

    /// The calls whose functions run now.
    fn running(&self) -> Vec<CallRef>;

    /// Has the workers end.
    fn stop(&self);

    /// Waits for the workers to leave; for those inside a function until `until`.
    fn wait_left(&self, until: Instant);

    /// After the keeper's end: the same, for one that it was about to start.
    fn join(&self, until: Instant) {
        let _nothing_is_started_later = until;
    }

    fn counts(&self) -> CrewCounts;

    /// In a forked child: touches nothing that lives in the parent only.
    fn forget(&self) {}
}
