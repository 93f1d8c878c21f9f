//! The two hands on a call that are each held once: [`Work`] runs it, [`Receiver`] takes its
//! outcome. Invariant: neither can be cloned, and both end with their right used or given up.

use std::marker::PhantomData;
use std::mem::{ManuallyDrop, offset_of};
use std::ptr::NonNull;
use std::task::{self, Poll};

use super::decide::Unwanted;
use super::{CallRef, Head};
use crate::complete::hub::{Hub, Life, Remains};
use crate::complete::state::{Came, ORPHAN, Phase, Verdict};
use crate::deliver::{Linked, Node};
use crate::failure::{By, Failure, Outcome};
use crate::sync::Ordering;

/// How a [`Work`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ran {
    /// The function returned or panicked, and that was the outcome.
    Finished,
    /// The function returned after its outcome had been decided.
    Late(Verdict),
}

/// The right to run a call, once. Dropped unrun, it decides `Shutdown`.
pub struct Work {
    call: ManuallyDrop<CallRef>,
}

// SAFETY: `line` is a link of the call's own that nothing else uses, and there is one `Work`; the
// queue gets its reference and gives it back.
unsafe impl Linked for Work {
    fn into_node(self) -> NonNull<Node> {
        let head = ManuallyDrop::new(self).call.head.as_ptr();
        // SAFETY: the reference that the queue gets keeps the cell alive, and so `head` valid.
        unsafe { NonNull::new_unchecked(&raw mut (*head).line) }
    }

    unsafe fn from_node(node: NonNull<Node>) -> Self {
        // SAFETY: the node is the `line` of a head, from `into_node`.
        let head = unsafe { node.byte_sub(offset_of!(Head, line)) }.cast();
        Self::new(CallRef { head })
    }
}

impl Work {
    pub(super) fn new(call: CallRef) -> Self {
        Self { call: ManuallyDrop::new(call) }
    }

    pub(crate) fn call(&self) -> &CallRef {
        &self.call
    }

    /// Runs the call on this thread, or comes back with its job if the outcome is decided.
    pub(crate) fn try_run(self) -> Result<Ran, Self> {
        let hub = self.call.hub.clone();
        Ok(self.claim()?.execute().complete(&hub))
    }

    /// It does not run: it has that outcome, if none is decided, and its job is dropped off this thread.
    pub(crate) fn turn_away(self, verdict: Verdict) {
        self.call.decide(verdict);
        self.discard();
    }

    /// It does not run, and its outcome is decided or has nobody: its job is dropped off this thread.
    pub(crate) fn discard(self) {
        let hub = self.call.hub.clone();
        hub.discard(Remains::Work(self));
    }

    /// Completes a member of a flight with what was left for it, at whatever time; dropped here if
    /// the outcome is decided.
    pub(crate) fn complete(self, flight: &CallRef) {
        self.call.note_joined(flight);
        let hub = self.call.hub.clone();
        if let Ok(claimed) = self.claim_anyway() {
            claimed.execute().complete(&hub);
        }
    }

    /// Claims the call, or comes back with its job if the outcome is decided.
    pub(crate) fn claim(self) -> Result<Claimed, Self> {
        if self.call.hub.life() >= Life::Closing {
            self.call.decide(Verdict::Shutdown);
        }
        let now = self.call.note_began();
        // The keeper may be late; the deadline counts all the same.
        if self.call.deadline().zip(now).is_some_and(|(at, now)| at <= now) {
            self.call.decide(Verdict::TimedOut);
        }
        self.claim_anyway()
    }

    fn claim_anyway(self) -> Result<Claimed, Self> {
        if self.call.swap_phase(Phase::Running, |phase| phase == Phase::Queued).is_err() {
            return Err(self);
        }
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never touched again, so its reference moves out once.
        let call = unsafe { ManuallyDrop::take(&mut this.call) };
        call.lane().claimed();
        Ok(Claimed { call })
    }
}

/// A call whose function is about to run here.
#[must_use = "a claimed call has its function run"]
pub(crate) struct Claimed {
    call: CallRef,
}

impl Claimed {
    pub(crate) fn call(&self) -> &CallRef {
        &self.call
    }

    /// Runs the function. Never unwinds.
    pub(crate) fn execute(self) -> Returned {
        // SAFETY: the vtable is the cell's own; the call was claimed by its one `Work`, and this is
        // what became of it.
        let came = unsafe { (self.call.vtable.perform)(&self.call) };
        Returned { call: self.call, came }
    }
}

/// A call that is under way without a thread. Dropped before its end, it decides `Shutdown`, and what
/// is left of its job is dropped with it.
#[must_use = "a call that flows is polled to its end"]
pub(crate) struct Flowing {
    call: ManuallyDrop<CallRef>,
}

impl Claimed {
    /// Makes a flow of the call's job.
    pub(crate) fn flow(self) -> Flowing {
        // SAFETY: as for `execute`.
        unsafe { (self.call.vtable.begin_flow)(&self.call) };
        Flowing { call: ManuallyDrop::new(self.call) }
    }
}

impl Flowing {
    /// Lets it go on; comes back with it while it waits.
    pub(crate) fn poll(self, cx: &mut task::Context<'_>) -> Result<Returned, Self> {
        // SAFETY: the vtable is the cell's own; the call was claimed, and this is what became of it.
        match unsafe { (self.call.vtable.poll_flow)(&self.call, cx) } {
            Poll::Pending => Err(self),
            Poll::Ready(came) => {
                let mut this = ManuallyDrop::new(self);
                // SAFETY: `this` is never touched again, so its reference moves out once.
                let call = unsafe { ManuallyDrop::take(&mut this.call) };
                Ok(Returned { call, came })
            }
        }
    }
}

impl Drop for Flowing {
    fn drop(&mut self) {
        self.call.decide(Verdict::Shutdown);
        // First: whoever is let in behind it finds it gone.
        // SAFETY: the vtable is the cell's own, and `self` is what became of the call's one `Work`.
        unsafe { (self.call.vtable.drop_job)(&self.call) };
        self.call.lane().returned();
        self.call.left();
        // SAFETY: `self` is being dropped, so its reference is given up once.
        unsafe { ManuallyDrop::drop(&mut self.call) };
    }
}

/// A call whose function has returned.
#[must_use = "a call whose function has returned is completed"]
pub(crate) struct Returned {
    call: CallRef,
    came: Came,
}

impl Returned {
    /// Decides the outcome if it is open; drops it here if nobody takes it. `hub` is the call's, held
    /// by somebody else, because the call may be gone when the loop is woken for it.
    pub(crate) fn complete(self, hub: &Hub) -> Ran {
        self.complete_or(hub, |unwanted| drop(unwanted))
    }

    /// The same, except that an outcome which nobody takes goes to `unwanted`.
    pub(crate) fn complete_or(self, hub: &Hub, unwanted: impl FnOnce(Unwanted<'_>)) -> Ran {
        debug_assert!(std::ptr::eq(hub, &*self.call.hub), "a call completes to its own hub");
        self.call.finish(self.came, hub, unwanted)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.call.decide(Verdict::Shutdown);
        if self.call.marks.admitted() {
            self.call.lane().passed_stale();
        }
        self.call.left();
        // SAFETY: the vtable is the cell's own, and `self` is the call's one `Work`.
        unsafe { (self.call.vtable.drop_job)(&self.call) };
        // SAFETY: `self` is being dropped, so its reference is given up once.
        unsafe { ManuallyDrop::drop(&mut self.call) };
    }
}

/// The right to a call's outcome, once.
pub(crate) struct Receiver<T: Send + 'static> {
    call: CallRef,
    taken: bool,
    value: PhantomData<fn() -> T>,
}

impl<T: Send + 'static> Receiver<T> {
    pub(super) fn new(call: CallRef) -> Self {
        Self { call, taken: false, value: PhantomData }
    }

    pub(crate) fn call(&self) -> &CallRef {
        &self.call
    }

    /// The outcome, if it is decided; a second call of an `Ok` gives `None`.
    pub(crate) fn take(&mut self) -> Option<Outcome<T>> {
        match self.call.phase() {
            Phase::Failed(verdict) => Some(Err(Failure::from(verdict))),
            Phase::Done => {
                self.taken = true;
                let outcome = self.take_slot()?;
                if outcome.is_ok() && self.call.is_superseded() {
                    self.discard(outcome);
                    return Some(Err(Failure::Cancelled(By::Superseded)));
                }
                Some(outcome)
            }
            _ => None,
        }
    }

    fn discard<V: Send + 'static>(&self, value: V) {
        let hub = self.call.hub.clone();
        self.call.hub.discard(Remains::Value(hub, Box::new(value)));
    }

    /// The failure, if there is one; a value is sent off the loop to be dropped.
    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        if !self.call.is_finished() {
            return self.take().and_then(Result::err);
        }
        match self.take_slot()? {
            Ok(value) => {
                self.discard(value);
                None
            }
            Err(failure) => Some(failure),
        }
    }

    /// Only in the phase Done.
    fn take_slot(&self) -> Option<Outcome<T>> {
        let mut outcome: Option<Outcome<T>> = None;
        // SAFETY: a `Receiver<T>` is only made for cells whose job has this output, the vtable is the
        // cell's own, and the caller is the call's one receiver and sees to the phase.
        unsafe { (self.call.vtable.take_outcome)(&self.call, NonNull::from(&mut outcome).cast()) };
        outcome
    }
}

impl<T: Send + 'static> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(policy) = self.call.policy() {
            policy.received(&self.call);
        }
        if self.taken {
            return;
        }
        let before = self.call.state.fetch_or(ORPHAN, Ordering::AcqRel);
        if Phase::unpack(before) == Phase::Done
            && let Some(unclaimed) = self.take_slot()
        {
            self.discard(unclaimed);
        }
    }
}
