//! What a call carries, by its type: job, flow or outcome; and the functions that reach it where the
//! type is not known.
//!
//! Invariant: who may touch the content, and when, is the table in `state`; each function here says
//! what its caller has to be for that.

use std::ptr::NonNull;
use std::task::{self, Poll};

use super::{CallRef, Head, Job};
use crate::complete::flow::BoxFlow;
use crate::complete::hub::{LaneId, Remains};
use crate::complete::state::Came;
use crate::failure::Outcome;
use crate::recycle;
use crate::sync::UnsafeCell;

pub(super) struct Vtable {
    pub(super) perform: unsafe fn(&CallRef) -> Came,
    /// Makes a flow of the job.
    pub(super) begin_flow: unsafe fn(&CallRef),
    pub(super) poll_flow: unsafe fn(&CallRef, &mut task::Context<'_>) -> Poll<Came>,
    /// Moves the outcome into an `Option<Outcome<T>>`.
    pub(super) take_outcome: unsafe fn(&CallRef, NonNull<()>),
    pub(super) drop_outcome: unsafe fn(&CallRef),
    pub(super) drop_job: unsafe fn(&CallRef),
    pub(super) free: unsafe fn(NonNull<Head>),
}

#[repr(C)]
pub(super) struct Cell<J: Job> {
    pub(super) head: Head,
    pub(super) content: UnsafeCell<Content<J>>,
}

/// A call has its job until it runs, and its outcome from then on; one that waits without a thread has
/// a flow in between.
pub(super) enum Content<J: Job> {
    Job(J),
    /// Out of its place while it is polled.
    Flow(Option<BoxFlow<J::Output>>),
    Outcome(Outcome<J::Output>),
    Nothing,
}

impl<J: Job> Content<J> {
    fn take_job(&mut self) -> Option<J> {
        match std::mem::replace(self, Content::Nothing) {
            Content::Job(job) => Some(job),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes the flow alone: the whole is as large as an outcome, and polls are many.
    fn take_flow(&mut self) -> Option<BoxFlow<J::Output>> {
        if let Content::Flow(flow) = self { flow.take() } else { None }
    }

    /// Takes what can still lead to an outcome.
    fn take_means(&mut self) -> Self {
        match self {
            Content::Job(_) | Content::Flow(_) => std::mem::replace(self, Content::Nothing),
            Content::Outcome(_) | Content::Nothing => Content::Nothing,
        }
    }

    fn take_outcome(&mut self) -> Option<Outcome<J::Output>> {
        match std::mem::replace(self, Content::Nothing) {
            Content::Outcome(outcome) => Some(outcome),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl<J: Job> Cell<J> {
    pub(super) const VTABLE: Vtable = Vtable {
        perform: Self::perform,
        begin_flow: Self::begin_flow,
        poll_flow: Self::poll_flow,
        take_outcome: Self::take_outcome,
        drop_outcome: Self::drop_outcome,
        drop_job: Self::drop_job,
        free: Self::free,
    };

    /// # Safety
    /// `call` points to a `Cell<J>`.
    unsafe fn of(call: &CallRef) -> &Self {
        // SAFETY: the caller's promise; `call` keeps it alive for the borrow.
        unsafe { call.head.cast::<Self>().as_ref() }
    }

    /// # Safety
    /// `call` points to a `Cell<J>`, and the caller holds its `Work`.
    unsafe fn take_job(call: &CallRef) -> Option<J> {
        // SAFETY: the caller's first promise.
        let cell = unsafe { Self::of(call) };
        // SAFETY: only the `Work` holder touches the content while that is a job, and there is one `Work`.
        cell.content.with_mut(|content| unsafe { (*content).take_job() })
    }

    /// # Safety
    /// `call` points to a `Cell<J>`, and `into` to an `Option<Outcome<J::Output>>`. The caller is the
    /// call's receiver, and the phase is Done.
    unsafe fn take_outcome(call: &CallRef, into: NonNull<()>) {
        // SAFETY: the caller's first promise.
        let cell = unsafe { Self::of(call) };
        // SAFETY: in this phase the one receiver alone touches the content.
        let outcome = cell.content.with_mut(|content| unsafe { (*content).take_outcome() });
        // SAFETY: the caller's promise about `into`.
        unsafe { *into.cast::<Option<Outcome<J::Output>>>().as_ptr() = outcome };
    }

    /// Runs the job and leaves its outcome in the slot; says what that is.
    ///
    /// # Safety
    /// As for `take_job`, and the caller has claimed the call.
    unsafe fn perform(call: &CallRef) -> Came {
        // SAFETY: the caller's promises.
        let job = unsafe { Self::take_job(call) }.expect("a claimed call has its job");
        let outcome = job.perform(call);
        let came = Came::of(&outcome);
        // SAFETY: as above.
        let cell = unsafe { Self::of(call) };
        // SAFETY: before Done the claimer alone touches the content, whose job is gone.
        cell.content.with_mut(|content| unsafe { *content = Content::Outcome(outcome) });
        came
    }

    /// Puts the job's flow in its place.
    ///
    /// # Safety
    /// As for `perform`.
    unsafe fn begin_flow(call: &CallRef) {
        // SAFETY: the caller's promises.
        let job = unsafe { Self::take_job(call) }.expect("a claimed call has its job");
        let flow = job.flow(call);
        // SAFETY: as above.
        let cell = unsafe { Self::of(call) };
        // SAFETY: before Done the claimer alone touches the content, whose job is gone.
        cell.content.with_mut(|content| unsafe { *content = Content::Flow(Some(flow)) });
    }

    /// Polls the flow; leaves its outcome in the slot when it has one, and says what that is.
    ///
    /// # Safety
    /// As for `perform`.
    unsafe fn poll_flow(call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Came> {
        // SAFETY: the caller's promises.
        let cell = unsafe { Self::of(call) };
        // SAFETY: before Done the claimer alone touches the content. It is out of its place during the
        // poll, so that what the flow's own code does with its call finds nothing borrowed.
        let flow = cell.content.with_mut(|content| unsafe { (*content).take_flow() });
        let mut flow = flow.expect("a call that flows has its flow");
        let polled = flow.poll(call, cx);
        let (left, came) = match &polled {
            Poll::Pending => (Some(flow), Poll::Pending),
            Poll::Ready(outcome) => {
                call.hub.drop_here(flow);
                (None, Poll::Ready(Came::of(outcome)))
            }
        };
        // SAFETY: as above, and the flow is out of it.
        cell.content.with_mut(|place| unsafe {
            match polled {
                Poll::Pending => *place = Content::Flow(left),
                Poll::Ready(outcome) => *place = Content::Outcome(outcome),
            }
        });
        came
    }

    /// Drops an outcome that nobody takes.
    ///
    /// # Safety
    /// `call` points to a `Cell<J>`; the caller has claimed the call, and its receiver does not get
    /// to its outcome: the phase is not Done, or the receiver left before.
    unsafe fn drop_outcome(call: &CallRef) {
        // SAFETY: the caller's first promise.
        let cell = unsafe { Self::of(call) };
        // SAFETY: the caller's other promises.
        let outcome = cell.content.with_mut(|content| unsafe { (*content).take_outcome() });
        if call.lane_id() == LaneId::Inline {
            // This is the loop thread.
            call.hub.discard(Remains::Value(call.hub.clone(), Box::new(outcome)));
        } else {
            call.hub.drop_here(outcome);
        }
    }

    /// Drops the job, or what is left of it.
    ///
    /// # Safety
    /// As for `take_job`.
    unsafe fn drop_job(call: &CallRef) {
        // SAFETY: the caller's first promise.
        let cell = unsafe { Self::of(call) };
        // SAFETY: as in `take_job`; once claimed, the claimer alone touches the content before Done.
        let means = cell.content.with_mut(|content| unsafe { (*content).take_means() });
        call.hub.drop_here(means);
    }

    /// # Safety
    /// `head` starts a `Cell<J>` from `make`, and the caller had the last hand on it.
    unsafe fn free(head: NonNull<Head>) {
        // SAFETY: `make` took it out of a box, and nobody else is left.
        let cell = unsafe { Box::from_raw(head.cast::<Self>().as_ptr()) };
        if cfg!(any(loom, debug_assertions)) {
            // SAFETY: as above. The model checker sees by this that all that was done comes before.
            let is_empty = |content: *mut _| matches!(unsafe { &*content }, Content::<J>::Nothing);
            assert!(cell.content.with_mut(is_empty), "job and outcome went before the last hand");
        }
        recycle::dispose(cell);
    }
}
