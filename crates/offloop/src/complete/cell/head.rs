//! What can be seen of a call by anybody who holds a hand on it. Invariant: of what changes, only the
//! state word is read here, and only its phase is swapped.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use super::{Extras, Head, Route};
use crate::complete::hub::{Hub, LaneId, Life};
use crate::complete::lane::Lane;
use crate::complete::policy::Policy;
use crate::complete::state::{CLAIMED, Phase, SUPERSEDED, Verdict};
use crate::complete::task::TaskSlot;
use crate::sync::Ordering;
use crate::trace::Subject;

impl Head {
    pub(crate) fn lane_id(&self) -> LaneId {
        self.lane
    }

    fn extras(&self) -> Option<&Extras> {
        if self.marks.has_extras() { self.extras.as_deref() } else { None }
    }

    pub(super) fn route(&self) -> &Route {
        self.extras().map_or(&Route::Loop, |extras| &extras.route)
    }

    /// The lane that it was admitted to.
    pub(crate) fn lane(&self) -> &Lane {
        match self.policy().and_then(|policy| policy.post.as_ref()) {
            Some(post) if self.lane == LaneId::Resource => post.lane(),
            _ => self.hub.lane(self.lane),
        }
    }

    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.extras()?.policy.as_deref()
    }

    /// Its function is at its end, one way or another.
    pub(super) fn left(&self) {
        if let Some(policy) = self.policy() {
            policy.left(&self.hub);
        }
    }

    /// A run that serves others is no call of a user's, and not counted as one.
    pub(super) fn is_flight(&self) -> bool {
        matches!(self.route(), Route::Flight(_))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.deadline_ns != u64::MAX).then(|| self.hub.instant(self.deadline_ns))
    }

    pub(crate) fn name(&self) -> Option<&Cow<'static, str>> {
        self.extras()?.name.as_ref()
    }

    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.place
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn hub_arc(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn task(&self) -> Option<&TaskSlot> {
        match self.route() {
            Route::Task(task) => Some(task),
            _ => None,
        }
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.phase().is_final()
    }

    /// Whether a value is not to be delivered any more. A task has its outcome when it is decided.
    pub(super) fn is_superseded(&self) -> bool {
        self.state.load(Ordering::Acquire) & SUPERSEDED != 0 && self.task().is_none()
    }

    /// Whether its function ran to its end, and that was the outcome.
    pub(crate) fn is_finished(&self) -> bool {
        self.phase() == Phase::Done
    }

    /// Whether its function has begun, whatever was decided since.
    pub(crate) fn has_begun(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLAIMED != 0
    }

    /// Whether no function runs for it, its own or the one that it shares.
    pub(super) fn is_unstarted(&self) -> bool {
        let membership = self.policy().and_then(|policy| policy.membership.as_ref());
        self.phase() == Phase::Queued && !membership.is_some_and(|members| members.have_begun())
    }

    /// Why it has no value of its function's, once that is decided.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        match self.phase() {
            Phase::Failed(verdict) => Some(verdict),
            _ => None,
        }
    }

    /// Who it is, for what is told about it.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { name: self.name().map(AsRef::as_ref), place: self.place }
    }

    /// Whether its outcome was decided while its function ran.
    pub(crate) fn is_cut_short(&self) -> bool {
        let word = self.state.load(Ordering::Acquire);
        word & CLAIMED != 0 && matches!(Phase::unpack(word), Phase::Failed(_))
    }

    /// Whether what the function returns is not wanted any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.phase() != Phase::Running || self.hub.life() >= Life::Stopping
    }

    pub(super) fn phase(&self) -> Phase {
        Phase::unpack(self.state.load(Ordering::Acquire))
    }

    /// Swaps the phase if `accept` takes the present one; returns the word that it took.
    pub(super) fn swap_phase(
        &self,
        next: Phase,
        accept: impl Fn(Phase) -> bool,
    ) -> Result<u32, Phase> {
        let mut word = self.state.load(Ordering::Acquire);
        loop {
            let phase = Phase::unpack(word);
            if !accept(phase) {
                return Err(phase);
            }
            match self.state.compare_exchange_weak(
                word,
                next.pack_with(word),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(taken) => return Ok(taken),
                Err(now) => word = now,
            }
        }
    }
}
