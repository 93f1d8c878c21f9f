//! One call in one allocation: its state word, its job, the slot for its outcome.
//!
//! Three kinds of holder: [`Work`] (one; may run or drop the job), [`Receiver`] (one; may read
//! the slot) and [`CallRef`] (any number; the state word and the details only). Which of them may
//! touch what, and when, is the table in `state`; this file is where it is kept. The allocation
//! ends with its last holder, and by then neither job nor outcome is in it.

mod content;
mod decide;
mod hands;
mod head;
mod shown;
mod times;

pub(crate) use self::hands::{Claimed, Flowing, Ran, Receiver, Returned, Work};
pub(crate) use self::shown::Shown;

use std::borrow::Cow;
use std::mem::{ManuallyDrop, offset_of};
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use self::content::{Cell, Content, Vtable};
use super::flow::{BoxFlow, Ended};
use super::hub::{Hub, LaneId};
use super::policy::{Members, Policy};
use super::state::{Phase, Verdict};
use super::task::TaskSlot;
use crate::deliver::{Completed, Linked, Node, Token};
use crate::failure::Outcome;
use crate::recycle;
use crate::sync::{AtomicU32, Ordering, UnsafeCell};
use crate::timing::Stamps;

/// What a call runs.
pub trait Job: Send + 'static {
    type Output: Send + 'static;
    /// Runs it. Never unwinds.
    fn perform(self, call: &CallRef) -> Outcome<Self::Output>;
    /// The same for an executor of futures: a job that waits gives its thread back meanwhile.
    fn flow(self, call: &CallRef) -> BoxFlow<Self::Output>
    where
        Self: Sized,
    {
        Box::new(Ended::new(self.perform(call)))
    }
}

/// How a decided call reaches its receiver.
pub(crate) enum Route {
    /// By the loop's ready queue.
    Loop,
    /// By waking a task.
    Task(TaskSlot),
    /// It is a run that serves others, and they are told in its place.
    Flight(Arc<dyn Members>),
}

/// What is known about a call when it is submitted.
pub(crate) struct Details {
    pub(crate) lane: LaneId,
    pub(crate) token: Token,
    pub(crate) route: Route,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) place: &'static Location<'static>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) policy: Option<Box<Policy>>,
    /// Where its function runs, its own or the one that it shares.
    pub(crate) runs_on: LaneId,
    pub(crate) stamps: Stamps,
}

/// Two halves that stand half a hundred bytes apart, so that what the loop does with its half meets
/// the worker at the other one seldom.
#[repr(C)]
pub struct Head {
    /// How many hands hold it: `Work`, `Receiver` and `CallRef`s together.
    refs: AtomicU32,
    stamps: Stamps,
    token: Token,
    place: &'static Location<'static>,
    /// What most calls do not have.
    extras: Option<Box<Extras>>,

    /// The link in the loop's ready queue.
    node: Node,
    /// The link in an executor's line.
    line: Node,
    state: AtomicU32,
    lane: LaneId,
    runs_on: LaneId,
    marks: Marks,
    /// In the hub's time; `u64::MAX` where there is none.
    deadline_ns: u64,
    vtable: &'static Vtable,
    hub: Arc<Hub>,
}

/// What does not change of a call, in one byte.
#[derive(Clone, Copy)]
struct Marks(u8);

impl Marks {
    fn new(admitted: bool, has_extras: bool, is_timed: bool) -> Self {
        Self(u8::from(admitted) | u8::from(has_extras) << 1 | u8::from(is_timed) << 2)
    }

    /// Whether it holds a place in its lane's queue.
    fn admitted(self) -> bool {
        self.0 & 1 != 0
    }

    /// What stands in the other half, so that a worker need not look there.
    fn has_extras(self) -> bool {
        self.0 & 2 != 0
    }

    /// The same.
    fn is_timed(self) -> bool {
        self.0 & 4 != 0
    }
}

struct Extras {
    name: Option<Cow<'static, str>>,
    route: Route,
    policy: Option<Box<Policy>>,
}

/// The extras of a call that goes to the loop and has no name and no policies.
#[inline]
fn extras(
    name: Option<Cow<'static, str>>,
    route: Route,
    policy: Option<Box<Policy>>,
) -> Option<Box<Extras>> {
    if name.is_none() && matches!(route, Route::Loop) && policy.is_none() {
        return None;
    }
    Some(Box::new(Extras { name, route, policy }))
}

/// The three hands that a call begins with.
pub(crate) type Hands<T> = (Work, Receiver<T>, CallRef);

#[inline(always)]
fn make<J: Job>(hub: &Arc<Hub>, job: J, details: Details, first: Phase) -> Hands<J::Output> {
    let Details { lane, token, route, name, place, deadline, policy, runs_on, stamps } = details;
    let extras = extras(name, route, policy);
    let marks = Marks::new(first == Phase::Queued, extras.is_some(), stamps.are_there());
    let cell = recycle::boxed(Cell {
        head: Head {
            refs: AtomicU32::new(3),
            token,
            place,
            extras,
            node: Node::new(),
            line: Node::new(),
            state: AtomicU32::new(first.pack()),
            lane,
            runs_on,
            marks,
            stamps,
            deadline_ns: deadline.map_or(u64::MAX, |at| hub.to_ns(at)),
            vtable: &Cell::<J>::VTABLE,
            hub: hub.clone(),
        },
        content: UnsafeCell::new(Content::Job(job)),
    });
    // SAFETY: a box is never null.
    let head = unsafe { NonNull::new_unchecked(Box::into_raw(cell)) }.cast();
    // As many as `refs` says.
    let [work, receiver, call] = [head; 3].map(|head| CallRef { head });
    if let Some(policy) = call.policy() {
        policy.made(&call);
    }
    (Work::new(work), Receiver::new(receiver), call)
}

/// A call that its lane admitted: the right to run it, and the right to its outcome.
#[inline(always)]
pub(crate) fn call<J: Job>(hub: &Arc<Hub>, job: J, details: Details) -> Hands<J::Output> {
    make(hub, job, details, Phase::Queued)
}

/// A call that was refused: it stands as decided, and nobody has been told. The [`Work`] is for
/// dropping the job off the loop.
pub(crate) fn refused<J: Job>(
    hub: &Arc<Hub>,
    job: J,
    details: Details,
    verdict: Verdict,
) -> Hands<J::Output> {
    hub.counts.verdict(verdict);
    make(hub, job, details, Phase::Failed(verdict))
}

/// A counted reference to a call: the state word and the details.
pub struct CallRef {
    head: NonNull<Head>,
}

// SAFETY: through a `CallRef` alone only `Head` is reachable, whose parts are `Sync`; job and
// outcome are `Send` (`Job`'s bounds) and are dropped by whichever thread holds the last one.
unsafe impl Send for CallRef {}
// SAFETY: as above.
unsafe impl Sync for CallRef {}

impl Clone for CallRef {
    fn clone(&self) -> Self {
        // We hold one, so the count is not 0, and others learn of the new hand from us.
        let hands = self.refs.fetch_add(1, Ordering::Relaxed);
        assert!(hands < u32::MAX / 2, "as many hands as no memory could hold");
        Self { head: self.head }
    }
}

impl Drop for CallRef {
    fn drop(&mut self) {
        // The last hand needs no read-modify-write to know that it is the last: nobody else is there
        // to make another. What the other hands did happens before the cell is freed.
        let last =
            self.refs.load(Ordering::Acquire) == 1 || self.refs.fetch_sub(1, Ordering::AcqRel) == 1;
        if last {
            // SAFETY: the vtable is the cell's own, and this was the last hand.
            unsafe { (self.vtable.free)(self.head) };
        }
    }
}

impl Deref for CallRef {
    type Target = Head;

    fn deref(&self) -> &Head {
        // SAFETY: we hold a reference, so the cell that `head` starts is alive.
        unsafe { self.head.as_ref() }
    }
}

// SAFETY: `node` is a link of the call's own; the queue gets our reference and gives it back. A call is
// pushed once: by its decider, or at the submit of an inline call.
unsafe impl Linked for CallRef {
    fn into_node(self) -> NonNull<Node> {
        let head = ManuallyDrop::new(self).head.as_ptr();
        // SAFETY: the reference that the queue gets keeps the cell alive, and so `head` valid.
        unsafe { NonNull::new_unchecked(&raw mut (*head).node) }
    }

    unsafe fn from_node(node: NonNull<Node>) -> Self {
        // SAFETY: the node is the `node` of a head, from `into_node`.
        let head = unsafe { node.byte_sub(offset_of!(Head, node)) }.cast();
        Self { head }
    }
}

impl Completed for CallRef {
    fn token(&self) -> Token {
        self.token
    }

    fn is_decided(&self) -> bool {
        Head::is_decided(self)
    }
}
