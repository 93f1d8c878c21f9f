//! The guard: user code runs here, and every way out of it is an [`Outcome`].
//!
//! Invariant: `attempt` holds the one line of the crate that calls a user's function off the loop;
//! no executor catches panics of its own.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{self, Poll};

use crate::complete::{BoxFlow, CallRef, Context, Flow, Job, ShareLine, Shared};
use crate::contain::drop_contained;
use crate::failure::{Failure, Outcome, Panic};
use crate::keyed::Keyed;
use crate::trace::Parent;

pub(super) fn run<T>(call: &CallRef, function: impl FnOnce() -> T) -> Outcome<T> {
    attempt(function).map_err(|payload| {
        Failure::Panicked(Panic::new(payload, call.name().cloned(), call.place()))
    })
}

/// The line itself; a worker process, which knows no calls, begins here.
pub(super) fn attempt<T>(function: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    // Unwind safety: what the function shares with others, it shares by its own choice of
    // `Mutex` and the like; what it owned is gone.
    catch_unwind(AssertUnwindSafe(function))
}

/// A function without arguments.
pub struct Plain<F, T> {
    function: F,
    output: PhantomData<fn() -> T>,
}

impl<F, T> Plain<F, T> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, output: PhantomData }
    }
}

impl<F, T> Job for Plain<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        run(call, self.function)
    }
}

/// A function that gets its [`Context`].
pub struct Contextual<F, T> {
    function: F,
    output: PhantomData<fn() -> T>,
}

impl<F, T> Contextual<F, T> {
    pub(crate) fn new(function: F) -> Self {
        Self { function, output: PhantomData }
    }
}

impl<F, T> Job for Contextual<F, T>
where
    F: FnOnce(&Context) -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        let context = Context::new(call.clone());
        run(call, move || (self.function)(&context))
    }
}

/// A job that runs in the span of its submitter.
pub(crate) struct Spanned<J> {
    pub(crate) parent: Parent,
    pub(crate) job: J,
}

impl<J: Job> Job for Spanned<J> {
    type Output = J::Output;

    fn perform(self, call: &CallRef) -> Outcome<J::Output> {
        let Self { parent, job } = self;
        let _entered = parent.enter();
        job.perform(call)
    }

    fn flow(self, call: &CallRef) -> BoxFlow<J::Output> {
        let Self { parent, job } = self;
        let flow = job.flow(call);
        if parent.is_none() { flow } else { Box::new(SpannedFlow { parent, flow }) }
    }
}

/// A flow that is in the span of its submitter while it is polled.
struct SpannedFlow<T> {
    parent: Parent,
    flow: BoxFlow<T>,
}

impl<T> Flow for SpannedFlow<T> {
    type Output = T;

    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<T>> {
        let _entered = self.parent.enter();
        self.flow.poll(call, cx)
    }
}

/// A job whose value nobody wants; it is dropped where it was made.
pub(crate) struct Detached<J>(pub(crate) J);

impl<J: Job> Job for Detached<J> {
    type Output = ();

    fn perform(self, call: &CallRef) -> Outcome<()> {
        drop_value(call, self.0.perform(call))
    }

    fn flow(self, call: &CallRef) -> BoxFlow<()> {
        Box::new(DetachedFlow(self.0.flow(call)))
    }
}

struct DetachedFlow<T>(BoxFlow<T>);

impl<T> Flow for DetachedFlow<T> {
    type Output = ();

    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<()>> {
        self.0.poll(call, cx).map(|outcome| drop_value(call, outcome))
    }
}

fn drop_value<T>(call: &CallRef, outcome: Outcome<T>) -> Outcome<()> {
    let value = outcome?;
    run(call, move || drop(value))
}

/// A run that serves several calls: its outcome is cloned for each.
pub(crate) struct SharedRun<J: Job> {
    job: J,
    shared: Arc<Shared<J::Output>>,
    /// Held until the run ends, so that equal calls find it.
    line: Arc<Keyed<ShareLine<J::Output>>>,
}

impl<J: Job> SharedRun<J> {
    pub(crate) fn new(
        job: J,
        shared: Arc<Shared<J::Output>>,
        line: Arc<Keyed<ShareLine<J::Output>>>,
    ) -> Self {
        Self { job, shared, line }
    }
}

impl<J: Job> Job for SharedRun<J> {
    type Output = ();

    fn perform(self, call: &CallRef) -> Outcome<()> {
        serve(&self.shared, &self.line, call, self.job.perform(call));
        Ok(())
    }

    fn flow(self, call: &CallRef) -> BoxFlow<()> {
        let Self { job, shared, line } = self;
        Box::new(SharedFlow { flow: job.flow(call), shared, line })
    }
}

struct SharedFlow<T: Send + 'static> {
    flow: BoxFlow<T>,
    shared: Arc<Shared<T>>,
    line: Arc<Keyed<ShareLine<T>>>,
}

impl<T: Send + 'static> Flow for SharedFlow<T> {
    type Output = ();

    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<()>> {
        self.flow.poll(call, cx).map(|outcome| {
            serve(&self.shared, &self.line, call, outcome);
            Ok(())
        })
    }
}

/// Gives a run's outcome to all whom it served.
fn serve<T: Send + 'static>(
    shared: &Shared<T>,
    line: &Keyed<ShareLine<T>>,
    call: &CallRef,
    outcome: Outcome<T>,
) {
    let mut members = shared.close();
    let last = members.pop();
    for (work, seat) in members {
        // Those that have left need no copy.
        if !work.call().is_decided() {
            let copy = match &outcome {
                Ok(value) => run(call, || (line.clone)(value)),
                Err(failure) => Err(failure.clone()),
            };
            seat.leave(copy);
            work.complete(call);
        }
    }
    match last {
        Some((work, seat)) => {
            seat.leave(outcome);
            work.complete(call);
        }
        None => {
            drop_contained(outcome);
        }
    }
}
