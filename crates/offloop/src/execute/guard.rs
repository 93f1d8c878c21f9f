//! The guard: user code runs here, and every way out of it is an [`Outcome`].
//!
//! Invariant: `run` holds the one line of the crate that calls a user's function off the loop;
//! no executor catches panics of its own.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::complete::{CallRef, Context, Job};
use crate::failure::{Failure, Outcome, Panic};

fn run<T>(call: &CallRef, function: impl FnOnce() -> T) -> Outcome<T> {
    // Unwind safety: what the function shares with others, it shares by its own choice of
    // `Mutex` and the like; what it owned is gone.
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| {
        Failure::Panicked(Panic::new(payload, call.name().cloned(), call.place()))
    })
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

/// A job whose value nobody wants; it is dropped where it was made.
pub(crate) struct Detached<J>(pub(crate) J);

impl<J: Job> Job for Detached<J> {
    type Output = ();

    fn perform(self, call: &CallRef) -> Outcome<()> {
        let value = self.0.perform(call)?;
        run(call, move || drop(value))
    }
}
