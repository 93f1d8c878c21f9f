//! Calls of named functions. Invariant: the same function and argument run on whichever executor the
//! call was sent to; only one that was described by `.process()` knows how to leave the process.

use std::marker::PhantomData;

use super::guard;
#[cfg(all(feature = "process", target_os = "linux"))]
use super::process::Remote;
#[cfg(all(feature = "process", target_os = "linux"))]
use crate::complete::LaneId;
use crate::complete::{CallRef, Context, Job};
use crate::failure::Outcome;

/// A named function and its argument.
pub struct Named<F, A, T> {
    function: F,
    args: A,
    output: PhantomData<fn() -> T>,
    #[cfg(all(feature = "process", target_os = "linux"))]
    remote: Option<Remote<A, T>>,
    #[cfg(all(feature = "process", target_os = "linux"))]
    idempotent: bool,
}

impl<F, A, T> Named<F, A, T> {
    pub(crate) fn new(function: F, args: A) -> Self {
        Self {
            function,
            args,
            output: PhantomData,
            #[cfg(all(feature = "process", target_os = "linux"))]
            remote: None,
            #[cfg(all(feature = "process", target_os = "linux"))]
            idempotent: false,
        }
    }

    #[cfg(all(feature = "process", target_os = "linux"))]
    pub(crate) fn set_remote(&mut self, remote: Remote<A, T>) {
        self.remote = Some(remote);
    }

    /// It may run again when a worker process dies under it; where there are none, it says nothing.
    #[cfg(feature = "process")]
    pub(crate) fn set_idempotent(&mut self) {
        #[cfg(target_os = "linux")]
        {
            self.idempotent = true;
        }
    }

    fn perform_by(self, call: &CallRef, here: impl FnOnce(F, A) -> T) -> Outcome<T> {
        #[cfg(all(feature = "process", target_os = "linux"))]
        if let Some(remote) = self.remote
            && call.lane_id() == LaneId::Process
        {
            return remote.perform(self.idempotent, call, self.args);
        }
        guard::run(call, move || here(self.function, self.args))
    }
}

impl<F, A, T> Job for Named<F, A, T>
where
    F: Fn(A) -> T + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        self.perform_by(call, |function, args| function(args))
    }
}

/// A named function that gets its [`Context`], and its argument.
pub struct NamedContextual<F, A, T>(pub(crate) Named<F, A, T>);

impl<F, A, T> NamedContextual<F, A, T> {
    pub(crate) fn new(function: F, args: A) -> Self {
        Self(Named::new(function, args))
    }
}

impl<F, A, T> Job for NamedContextual<F, A, T>
where
    F: Fn(&Context, A) -> T + Send + 'static,
    A: Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn perform(self, call: &CallRef) -> Outcome<T> {
        let context = Context::new(call.clone());
        self.0.perform_by(call, |function, args| function(&context, args))
    }
}
