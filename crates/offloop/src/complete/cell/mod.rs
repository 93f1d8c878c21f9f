//! One call in one allocation: its state word, its job, the slot for its outcome.
//!
//! Three kinds of holder: [`Work`] (one; may run or drop the job), [`Receiver`] (one; may read
//! the slot) and [`CallRef`] (any number; the state word and the details only). Which of them may
//! touch what, and when, is the table in `state`; this file is where it is kept. The allocation
//! ends with its last holder, and by then neither job nor outcome is in it.

mod decide;
mod hands;
mod head;
mod shown;
mod times;

pub(crate) use self::hands::{Claimed, Ran, Receiver, Returned, Work};
pub(crate) use self::shown::Shown;

use std::borrow::Cow;
use std::mem::{ManuallyDrop, offset_of};
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::hub::{Hub, LaneId, Remains};
use super::policy::{Members, Policy};
use super::state::{Came, Phase, Verdict};
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

struct Vtable {
    perform: unsafe fn(&CallRef) -> Came,
    /// Moves the outcome into an `Option<Outcome<T>>`.
    take_outcome: unsafe fn(&CallRef, NonNull<()>),
    drop_outcome: unsafe fn(&CallRef),
    drop_job: unsafe fn(&CallRef),
    free: unsafe fn(NonNull<Head>),
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

#[repr(C)]
struct Cell<J: Job> {
    head: Head,
    content: UnsafeCell<Content<J>>,
}

/// A call has its job until it runs, and its outcome from then on.
enum Content<J: Job> {
    Job(J),
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
    const VTABLE: Vtable = Vtable {
        perform: Self::perform,
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

    /// # Safety
    /// As for `take_job`.
    unsafe fn drop_job(call: &CallRef) {
        // SAFETY: the caller's promises.
        let job = unsafe { Self::take_job(call) };
        call.hub.drop_here(job);
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
