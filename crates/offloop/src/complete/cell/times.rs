//! A call's stamps: when they are written, and what they mean. Invariant: a call that is not timed
//! reads no clock here, unless it has a deadline.

use std::sync::atomic::Ordering::Acquire;
use std::time::Instant;

use super::{Head, Route};
use crate::complete::state::CLAIMED;
use crate::timing::Passage;

impl Head {
    /// Before the claim, by the one that may run the call: gives the time if it matters to the
    /// call.
    pub(super) fn note_began(&self) -> Option<Instant> {
        if !self.marks.is_timed() && self.deadline_ns == u64::MAX {
            return None;
        }
        let now = self.hub.now();
        if self.marks.is_timed() {
            self.stamps.begin(&self.hub.timing, now);
        }
        Some(now)
    }

    /// The same, for a call that is served by another's run.
    pub(super) fn note_joined(&self, flight: &Head) {
        if self.marks.is_timed() {
            self.stamps.begin_with(&flight.stamps);
        }
    }

    /// By the one that decides the outcome, before it tells anybody; by the one that ran the function
    /// just before it decides.
    pub(super) fn note_ended(&self) {
        if self.marks.is_timed() {
            self.stamps.end(&self.hub.timing, self.hub.now());
        }
    }

    /// By the one that takes the outcome, just before it is looked at.
    pub(crate) fn note_delivered(&self) {
        if !self.marks.is_timed() {
            return;
        }
        let passage = Passage {
            lane: self.runs_on as usize,
            name: self.name(),
            queued: self.marks.admitted(),
            began: self.state.load(Acquire) & CLAIMED != 0,
            by_task: matches!(self.route(), Route::Task(_)),
        };
        self.stamps.record(&self.hub.timing, self.hub.now(), &passage);
    }
}
