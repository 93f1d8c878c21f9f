//! A value that stays on one thread, and the calls that go to it.
//!
//! Invariant: the value is made, used and dropped on the one thread of its pool, which is never
//! replaced. So it need not be `Send`, and calls reach it one at a time, in submit order.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::Ring;
use super::crew::{Crew, CrewCounts};
use super::guard;
use super::threads::{Apart, Pool, lock};
use crate::complete::{CallRef, Context, Hub, Job, Lane, LaneLimits, Phase, Post, Remains, Work};
use crate::contain::drop_contained;
use crate::failure::{Failure, Outcome};
use crate::priority::Priority;

thread_local! {
    /// The value of the resource that this thread is for.
    static VALUE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// The last line of a pool's thread before it leaves: drops the value here, contained. Says whether
/// its destructor panicked.
pub(super) fn vacate() -> bool {
    drop_contained(VALUE.take())
}

/// The thread of one resource.
pub(crate) struct Resident {
    pool: Arc<Pool>,
    lane: Lane,
}

impl Resident {
    pub(super) fn new(pool: Arc<Pool>, options: &Apart) -> Arc<Self> {
        let (queue, abandoned) = (options.queue, options.abandoned);
        let limits = LaneLimits { queue, abandoned, with_running: false };
        Arc::new(Self { pool, lane: Lane::new(limits) })
    }

    /// Nobody has a handle any more: the thread does what waits, and ends.
    pub(crate) fn dismiss(&self) {
        self.pool.stop();
        // The keeper forgets it, also when it never had a thread.
        self.pool.left();
    }

    /// Whether it was dismissed, and the thread has ended or never was.
    pub(super) fn is_over(&self) -> bool {
        self.pool.is_over()
    }
}

impl Post for Resident {
    fn lane(&self) -> &Lane {
        &self.lane
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        Crew::cut_short(&*self.pool, call, from);
    }
}

/// All calls are of the same priority, so that they keep their order.
impl Crew for Resident {
    fn submit(&self, work: Work, _: Priority, ring: Ring) {
        Crew::submit(&*self.pool, work, Priority::Normal, ring);
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        Crew::cut_short(&*self.pool, call, from);
    }

    fn tend(&self, now: Instant) -> Option<Instant> {
        self.pool.tend(now)
    }

    fn turn_away(&self) {
        self.pool.turn_away();
    }

    fn wait_returned(&self, until: Instant) {
        self.pool.wait_returned(until);
    }

    fn running(&self) -> Vec<CallRef> {
        self.pool.running()
    }

    fn stop(&self) {
        self.pool.stop();
    }

    fn wait_left(&self, until: Instant) {
        Crew::wait_left(&*self.pool, until);
    }

    fn join(&self, until: Instant) {
        self.pool.join(until);
    }

    fn counts(&self) -> CrewCounts {
        self.pool.counts()
    }
}

/// How far a resource's value is.
pub(crate) enum Birth<R: 'static> {
    /// It is made by the first call that gets there.
    Unborn(Unmade<R>),
    /// It is on its thread.
    Born,
    /// Making it panicked, and so end all calls.
    Failed(Failure),
}

type Make<R> = Box<dyn FnOnce() -> R + Send>;

/// What makes a value; if it never does, it is dropped off the loop.
pub(crate) struct Unmade<R: 'static> {
    make: Option<Make<R>>,
    hub: Arc<Hub>,
}

impl<R> Unmade<R> {
    pub(crate) fn new(make: impl FnOnce() -> R + Send + 'static, hub: Arc<Hub>) -> Self {
        Self { make: Some(Box::new(make)), hub }
    }

    fn take(mut self) -> Make<R> {
        self.make.take().expect("it is taken once")
    }
}

impl<R> Drop for Unmade<R> {
    fn drop(&mut self) {
        if let Some(make) = self.make.take() {
            if self.hub.is_forked() {
                std::mem::forget(make);
            } else {
                self.hub.discard(Remains::Value(self.hub.clone(), Box::new(make)));
            }
        }
    }
}

/// A function of a resource's value.
pub struct OnResource<R: 'static, F, T> {
    birth: Arc<Mutex<Birth<R>>>,
    function: F,
    output: PhantomData<fn() -> T>,
}

impl<R: 'static, F, T> OnResource<R, F, T> {
    pub(crate) fn new(birth: Arc<Mutex<Birth<R>>>, function: F) -> Self {
        Self { birth, function, output: PhantomData }
    }
}

impl<R: 'static, F, T> OnResource<R, F, T> {
    /// Makes the value, if this is the first call.
    fn born(&self, call: &CallRef) -> Result<Box<R>, Failure> {
        if let Some(value) = VALUE.take() {
            return Ok(value.downcast().expect("a resource's thread has its value alone"));
        }
        // Apart from the `match`, which would hold the lock to its end.
        let birth = std::mem::replace(&mut *lock(&self.birth), Birth::Born);
        let make = match birth {
            Birth::Unborn(unmade) => unmade.take(),
            Birth::Failed(failure) => {
                *lock(&self.birth) = Birth::Failed(failure.clone());
                return Err(failure);
            }
            Birth::Born => unreachable!("the value is on its thread"),
        };
        guard::run(call, make).map(Box::new).inspect_err(|failure| {
            *lock(&self.birth) = Birth::Failed(failure.clone());
        })
    }
}

impl<R, F, T> Job for OnResource<R, F, T>
where
    R: 'static,
    F: FnOnce(&mut R) -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        let mut value = match self.born(call) {
            Ok(value) => value,
            Err(failure) => {
                call.hub().drop_here(self);
                return Err(failure);
            }
        };
        let outcome = guard::run(call, || (self.function)(&mut value));
        VALUE.set(Some(value));
        outcome
    }
}

/// A function of a resource's value that gets its [`Context`].
pub struct ContextualOnResource<R: 'static, F, T>(OnResource<R, F, T>);

impl<R: 'static, F, T> ContextualOnResource<R, F, T> {
    pub(crate) fn new(birth: Arc<Mutex<Birth<R>>>, function: F) -> Self {
        Self(OnResource::new(birth, function))
    }
}

impl<R, F, T> Job for ContextualOnResource<R, F, T>
where
    R: 'static,
    F: FnOnce(&mut R, &Context) -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        let mut value = match self.0.born(call) {
            Ok(value) => value,
            Err(failure) => {
                call.hub().drop_here(self);
                return Err(failure);
            }
        };
        let context = Context::new(call.clone());
        let outcome = guard::run(call, || (self.0.function)(&mut value, &context));
        VALUE.set(Some(value));
        outcome
    }
}
