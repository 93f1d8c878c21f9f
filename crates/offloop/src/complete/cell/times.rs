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
        let stamps = &self.details.stamps;
        if !stamps.is_timed() && self.details.deadline.is_none() {
            return None;
        }
        let now = self.hub.now();
        if stamps.is_timed() {
            stamps.begin(&self.hub.timing, now);
        }
        Some(now)
    }

    /// The same, for a call that is served by another's run.
    pub(super) fn note_joined(&self, flight: &Head) {
        if self.details.stamps.is_timed() {
            self.details.stamps.begin_with(&flight.details.stamps);
        }
    }

    /// By the one that decides the outcome, before it tells anybody.
    pub(super) fn note_ended(&self) {
        let stamps = &self.details.stamps;
        if stamps.is_timed() {
            stamps.end(&self.hub.timing, self.hub.now());
        }
    }

    /// By the one that takes the outcome, just before it is looked at.
    pub(crate) fn note_delivered(&self) {
        let details = &self.details;
        if !details.stamps.is_timed() {
            return;
        }
        let passage = Passage {
            lane: details.runs_on as usize,
            name: details.name.as_ref(),
            queued: self.admitted,
            began: self.state.load(Acquire) & CLAIMED != 0,
            by_task: matches!(details.route, Route::Task(_)),
        };
        details.stamps.record(&self.hub.timing, self.hub.now(), &passage);
    }
}
