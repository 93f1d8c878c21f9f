//! What the library measures without the feature `stats`: nothing. Invariant: every item has no
//! size and no effect.

use std::time::Instant;

use super::{Number, Passage};

pub(crate) struct Timing;

impl Timing {
    pub(crate) fn new(_epoch: Instant) -> Self {
        Self
    }

    pub(crate) fn submit(&self, _: Number, _now: impl FnOnce() -> Instant) -> Stamps {
        Stamps
    }

    pub(crate) fn turn(&self, _began: Option<Instant>, _submitted: (u64, u64)) {}
}

pub(crate) struct Stamps;

impl Stamps {
    #[cfg(any(test, all(fuzzing, feature = "process", target_os = "linux")))]
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn of_run(_timing: &Timing, _now: Instant) -> Self {
        Self
    }

    pub(crate) fn are_there(&self) -> bool {
        false
    }

    pub(crate) fn begin(&self, _timing: &Timing, _now: Instant) {}

    pub(crate) fn end(&self, _timing: &Timing, _now: Instant) {}

    pub(crate) fn begin_with(&self, _run: &Self) {}

    pub(crate) fn record(&self, _timing: &Timing, _now: Instant, _passage: &Passage<'_>) {}
}
