//! The decision of a call's outcome, once, and its way to whoever waits.
//!
//! Invariant: whoever wins the swap of the state word settles the call: counts it, and brings it to
//! its receiver, at once or when its place in the order comes.

use super::{CallRef, Route};
use crate::complete::cell::Ran;
use crate::complete::hub::{Hub, LaneId, Life};
use crate::complete::state::{Came, ORPHAN, Phase, STANDING, SUPERSEDED, Verdict};
use crate::failure::By;
use crate::sync::Ordering;

/// An outcome that nobody takes, in its slot; dropped with this. Made by `finish` alone.
pub(crate) struct Unwanted<'a>(&'a CallRef);

impl Unwanted<'_> {
    pub(crate) fn call(&self) -> &CallRef {
        self.0
    }
}

impl Drop for Unwanted<'_> {
    fn drop(&mut self) {
        // SAFETY: the vtable is the cell's own; `finish` is told by the one that has claimed the call,
        // and makes this when the receiver does not get to the slot.
        unsafe { (self.0.vtable.drop_outcome)(self.0) };
    }
}

impl CallRef {
    /// Names the call among those that live.
    pub(crate) fn id(&self) -> usize {
        self.head.as_ptr().addr()
    }

    /// Decides the outcome if it is open; says which phase it cut short.
    pub(crate) fn decide(&self, verdict: Verdict) -> Option<Phase> {
        if self.hub.is_forked() {
            // A lock that this would take may be held by a thread of the parent.
            return None;
        }
        let open = |phase| matches!(phase, Phase::Queued | Phase::Running);
        let never_started = &self.hub.counts.never_started;
        // Counted ahead, so that a shutdown which meets the call decided has its count, too.
        let ahead = verdict == Verdict::Shutdown && !self.is_flight() && self.is_unstarted();
        if ahead {
            never_started.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        let from = self.swap_phase(Phase::Failed(verdict), open).ok().map(Phase::unpack);
        if ahead && from != Some(Phase::Queued) {
            never_started.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        }
        let from = from?;
        self.note_ended();
        // First: whoever finds it counted, or hears of it, finds its run told, if it was the last one.
        if let Some(policy) = self.policy() {
            policy.leave_run(&self.hub, verdict);
        }
        if !self.is_flight() {
            self.hub.counts.verdict(verdict);
        }
        if from == Phase::Queued {
            self.lane().decided_while_queued();
        }
        self.settle(Some(verdict));
        if from == Phase::Running && matches!(self.lane, LaneId::Process | LaneId::Async) {
            // Whoever decides it has its function stopped.
            self.hub.cut_short(self, from);
        }
        Some(from)
    }

    /// A call that was made as refused is told to its receiver; the rest of its submit is done.
    pub(crate) fn refuse(&self) {
        match self.policy() {
            None => self.reach(),
            Some(policy) => {
                policy.submitted();
                policy.settled(self, None);
            }
        }
    }

    /// A newer call of its key was submitted: no `Ok` of this one is delivered any more.
    pub(crate) fn supersede(&self) {
        if self.decide(Verdict::Cancelled(By::Superseded)).is_none() {
            self.state.fetch_or(SUPERSEDED, Ordering::AcqRel);
        }
    }

    /// The function has returned, and its outcome is in the slot; `hub` outlives the call. An outcome
    /// that nobody takes goes to `unwanted`.
    pub(super) fn finish(self, came: Came, hub: &Hub, unwanted: impl FnOnce(Unwanted<'_>)) -> Ran {
        self.lane().returned();
        if let Phase::Failed(verdict) = self.phase() {
            return self.late(verdict, unwanted);
        }
        let counts = &hub.counts;
        let in_shutdown = hub.life() >= Life::Stopping;
        self.note_ended();
        // Counted ahead, so that whoever sees it done finds it counted. Not if it is decided: the
        // shutdown that did so waits for nobody who is inside a function, and reads the counts.
        if !self.is_flight() {
            counts.finished(came, in_shutdown, 1);
        }
        let word = match self.swap_phase(Phase::Done, |phase| phase == Phase::Running) {
            Ok(word) => word,
            Err(Phase::Failed(verdict)) => {
                if !self.is_flight() {
                    counts.finished(came, in_shutdown, u64::MAX);
                }
                return self.late(verdict, unwanted);
            }
            Err(_) => unreachable!("only deciders leave Running beside its worker"),
        };
        if word & ORPHAN != 0 {
            // As above, and the receiver left before Done.
            unwanted(Unwanted(&self));
        }
        if !self.marks.has_extras() && self.lane != LaneId::Inline {
            self.bury_timer();
            // The loop has the last hand: what it allocated comes back to it.
            hub.hand_over(self);
        } else {
            self.settle(None);
            self.left();
        }
        Ran::Finished
    }

    /// Its outcome was decided while its function ran, and not by that.
    fn late(self, verdict: Verdict, unwanted: impl FnOnce(Unwanted<'_>)) -> Ran {
        // We have claimed the call, and it is not Done.
        unwanted(Unwanted(&self));
        self.left();
        Ran::Late(verdict)
    }

    /// Tells whoever waits, once per call; `verdict` where the outcome is one.
    fn settle(&self, verdict: Option<Verdict>) {
        if verdict != Some(Verdict::TimedOut) {
            self.bury_timer();
        }
        match self.policy() {
            None => self.reach(),
            Some(policy) => policy.settled(self, verdict),
        }
    }

    /// Its timer, if it has one, is dead weight.
    fn bury_timer(&self) {
        if self.deadline_ns != u64::MAX {
            self.hub.dead_timers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    /// A decided call, whose place in the order has come, goes to its receiver.
    pub(in crate::complete) fn reach(&self) {
        match self.route() {
            Route::Loop if self.lane_id() == LaneId::Inline => {
                self.stand();
            }
            Route::Loop => self.hub.hand_over(self.clone()),
            Route::Task(_) => {
                if self.lane_id() == LaneId::Inline {
                    // The turn lets go of what it kept.
                    self.stand();
                }
                self.post();
                if self.announce() {
                    self.hub.ask_for_turn();
                }
            }
            Route::Flight(members) => {
                if self.lane_id() == LaneId::Inline {
                    self.stand();
                }
                if let Phase::Failed(verdict) = self.phase() {
                    members.fail(verdict);
                }
            }
        }
    }

    /// The first of the two steps to a receiver: what keeps the order.
    pub(in crate::complete) fn post(&self) {
        match self.route() {
            Route::Task(task) => task.release(),
            _ => {
                self.state.fetch_or(STANDING, Ordering::AcqRel);
                self.hub.push(self.clone());
            }
        }
    }

    /// The second: the wake; of the loop on `true`, by the caller.
    #[must_use]
    pub(in crate::complete) fn announce(&self) -> bool {
        match self.route() {
            Route::Task(task) => {
                // With the look at `life` below: either it sees the close, or the close sees this.
                self.hub.awaited().fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                task.wake();
                // A closed loop waits for this call too, and looks when it is woken.
                self.hub.life() >= Life::Closing
            }
            _ => true,
        }
    }

    /// An inline call enters the ready queue, once; whoever sees to that asks for the turn.
    pub(crate) fn stand(&self) {
        if self.stand_quietly() {
            self.hub.ask_for_turn();
        }
    }

    /// Same as [`stand`](Self::stand), except that the caller asks for the turn on `true`.
    fn stand_quietly(&self) -> bool {
        let first = self.state.fetch_or(STANDING, Ordering::AcqRel) & STANDING == 0;
        if first {
            self.hub.push(self.clone());
        }
        first
    }

    /// An inline call may run in the next turn, or when its place in the order comes. `true`: the
    /// caller asks for the turn.
    pub(crate) fn stand_by(&self) -> bool {
        let in_order = self.policy().and_then(|policy| policy.stand_by());
        in_order.unwrap_or_else(|| self.stand_quietly())
    }
}
