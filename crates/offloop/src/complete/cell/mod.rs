//! One call in one allocation: its state word, its job, the slot for its outcome.
//!
//! Three kinds of holder: [`Work`] (one; may run or drop the job), [`Receiver`] (one; may read
//! the slot) and [`CallRef`] (any number; the state word and the details only). Which of them may
//! touch what, and when, is the table in `state`; this file is where it is kept. The allocation
//! ends with its last holder, and by then job and slot are empty.

mod decide;
mod hands;
mod times;

pub(crate) use self::hands::{Ran, Receiver, Work};

use std::borrow::Cow;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Instant;

use super::hub::{Hub, LaneId, Life};
use super::lane::Lane;
use super::policy::{Members, Policy};
use super::state::{CLAIMED, Phase, SUPERSEDED, Verdict};
use super::task::TaskSlot;
use crate::deliver::{Completed, Linked, Node, Token};
use crate::failure::Outcome;
use crate::sync::{AtomicU32, AtomicUsize, Ordering, UnsafeCell, fence, yield_now};
use crate::timing::Stamps;
use crate::trace::Subject;

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
    perform: unsafe fn(&CallRef) -> Ran,
    drop_job: unsafe fn(&CallRef),
    free: unsafe fn(NonNull<Head>),
}

#[repr(C)]
pub struct Head {
    /// The link in the loop's ready queue. First, so that a pointer to it is one to the call.
    node: Node,
    /// The link in an executor's line.
    line: Node,
    state: AtomicU32,
    /// How many hands hold it: `Work`, `Receiver` and `CallRef`s together.
    refs: AtomicUsize,
    /// Whether it holds a place in its lane's queue.
    admitted: bool,
    vtable: &'static Vtable,
    hub: Arc<Hub>,
    details: Details,
}

/// The part whose layout does not depend on the job.
#[repr(C)]
struct Slot<T> {
    head: Head,
    outcome: UnsafeCell<Option<Outcome<T>>>,
}

#[repr(C)]
struct Cell<J: Job> {
    slot: Slot<J::Output>,
    job: UnsafeCell<Option<J>>,
}

impl<J: Job> Cell<J> {
    const VTABLE: Vtable =
        Vtable { perform: Self::perform, drop_job: Self::drop_job, free: Self::free };

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
        // SAFETY: only the `Work` holder touches the job, and there is one `Work`.
        cell.job.with_mut(|job| unsafe { (*job).take() })
    }

    /// # Safety
    /// As for `take_job`, and the caller has claimed the call.
    unsafe fn perform(call: &CallRef) -> Ran {
        // SAFETY: the caller's promises.
        let job = unsafe { Self::take_job(call) }.expect("a claimed call has its job");
        let outcome = job.perform(call);
        // SAFETY: `call` points to a `Cell<J>`, which begins with a `Slot<J::Output>`.
        unsafe { call.finish(outcome) }
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
        drop(unsafe { Box::from_raw(head.cast::<Self>().as_ptr()) });
    }
}

/// The three hands that a call begins with.
pub(crate) type Hands<T> = (Work, Receiver<T>, CallRef);

fn make<J: Job>(hub: &Arc<Hub>, job: J, details: Details, first: Phase) -> Hands<J::Output> {
    let cell = Box::new(Cell {
        slot: Slot {
            head: Head {
                node: Node::new(),
                line: Node::new(),
                refs: AtomicUsize::new(3),
                state: AtomicU32::new(first.pack()),
                admitted: first == Phase::Queued,
                vtable: &Cell::<J>::VTABLE,
                hub: hub.clone(),
                details,
            },
            outcome: UnsafeCell::new(None),
        },
        job: UnsafeCell::new(Some(job)),
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
        assert!(hands < usize::MAX / 2, "as many hands as no memory could hold");
        Self { head: self.head }
    }
}

impl Drop for CallRef {
    fn drop(&mut self) {
        // What the other hands did happens before the cell is freed.
        if self.refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
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

// SAFETY: the node is the first field of the `repr(C)` head; the queue gets our reference and
// gives it back. A call is pushed once: by its decider, or at the submit of an inline call.
unsafe impl Linked for CallRef {
    fn into_node(self) -> NonNull<Node> {
        ManuallyDrop::new(self).head.cast()
    }

    unsafe fn from_node(node: NonNull<Node>) -> Self {
        Self { head: node.cast() }
    }
}

impl Completed for CallRef {
    fn token(&self) -> Token {
        self.details.token
    }

    fn is_decided(&self) -> bool {
        Head::is_decided(self)
    }
}

impl Head {
    pub(crate) fn lane_id(&self) -> LaneId {
        self.details.lane
    }

    /// The lane that it was admitted to.
    pub(crate) fn lane(&self) -> &Lane {
        match self.policy().and_then(|policy| policy.post.as_ref()) {
            Some(post) if self.details.lane == LaneId::Resource => post.lane(),
            _ => self.hub.lane(self.details.lane),
        }
    }

    pub(crate) fn policy(&self) -> Option<&Policy> {
        self.details.policy.as_deref()
    }

    /// Its function is at its end, one way or another.
    fn left(&self, call: &CallRef) {
        if let Some(policy) = self.policy() {
            policy.left(call);
        }
    }

    /// A run that serves others is no call of a user's, and not counted as one.
    fn is_flight(&self) -> bool {
        matches!(self.details.route, Route::Flight(_))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.details.deadline
    }

    pub(crate) fn name(&self) -> Option<&Cow<'static, str>> {
        self.details.name.as_ref()
    }

    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.details.place
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn hub_arc(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(crate) fn task(&self) -> Option<&TaskSlot> {
        match &self.details.route {
            Route::Task(task) => Some(task),
            _ => None,
        }
    }

    pub(crate) fn is_decided(&self) -> bool {
        self.phase().is_final()
    }

    /// Whether a value is not to be delivered any more. A task has its outcome when it is decided.
    fn is_superseded(&self) -> bool {
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
    fn is_unstarted(&self) -> bool {
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
        Subject { name: self.details.name.as_deref(), place: self.details.place }
    }

    /// Whether its outcome was decided while its function ran. Waits out the moment in which a
    /// worker stores an outcome, so that whoever reads the counters next finds it there.
    pub(crate) fn is_cut_short(&self) -> bool {
        loop {
            let word = self.state.load(Ordering::Acquire);
            match Phase::unpack(word) {
                Phase::Writing => yield_now(),
                phase => return word & CLAIMED != 0 && matches!(phase, Phase::Failed(_)),
            }
        }
    }

    /// Whether what the function returns is not wanted any more.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.phase() != Phase::Running || self.hub.life() >= Life::Stopping
    }

    fn phase(&self) -> Phase {
        Phase::unpack(self.state.load(Ordering::Acquire))
    }

    /// Swaps the phase if `accept` takes the present one; returns the one it took.
    fn swap_phase(&self, next: Phase, accept: impl Fn(Phase) -> bool) -> Result<Phase, Phase> {
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
                Ok(_) => return Ok(phase),
                Err(now) => word = now,
            }
        }
    }
}
