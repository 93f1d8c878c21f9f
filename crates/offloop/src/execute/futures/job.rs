//! Futures as what a call runs. Invariant: a future is polled inside the guard, and dropped contained,
//! on the thread that polls it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use super::drive::drive;
use crate::complete::{BoxFlow, CallRef, Context, Flow, Job};
use crate::execute::guard;
use crate::failure::{Failure, Outcome, Panic};

/// A future.
pub struct Eventual<F>(Pin<Box<F>>);

impl<F> Eventual<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F> Job for Eventual<F>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = F::Output;

    fn perform(self, call: &CallRef) -> Outcome<F::Output> {
        drive(self.flow(call), call)
    }

    fn flow(self, _: &CallRef) -> BoxFlow<F::Output> {
        Box::new(self)
    }
}

impl<F: Future + Send> Flow for Eventual<F> {
    type Output = F::Output;

    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<F::Output>> {
        guarded(call, || self.0.as_mut().poll(cx))
    }
}

/// A function that makes a future of its call's [`Context`]. It is called where the future is polled.
pub struct EventualWith<M, F>(State<M, F>);

enum State<M, F> {
    Make(M),
    Made(Pin<Box<F>>),
    Nothing,
}

impl<M, F> EventualWith<M, F> {
    pub(crate) fn new(make: M) -> Self {
        Self(State::Make(make))
    }
}

impl<M, F> Job for EventualWith<M, F>
where
    M: FnOnce(Context) -> F + Send + 'static,
    F: Future<Output: Send + 'static> + Send + 'static,
{
    type Output = F::Output;

    fn perform(self, call: &CallRef) -> Outcome<F::Output> {
        drive(self.flow(call), call)
    }

    fn flow(self, _: &CallRef) -> BoxFlow<F::Output> {
        Box::new(self)
    }
}

impl<M, F> Flow for EventualWith<M, F>
where
    M: FnOnce(Context) -> F + Send,
    F: Future + Send,
{
    type Output = F::Output;

    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<F::Output>> {
        guarded(call, || {
            if let State::Make(_) = self.0
                && let State::Make(make) = std::mem::replace(&mut self.0, State::Nothing)
            {
                self.0 = State::Made(Box::pin(make(Context::new(call.clone()))));
            }
            match &mut self.0 {
                // In its place: what unwinds out of it does not drop it on the way.
                State::Made(future) => future.as_mut().poll(cx),
                State::Make(_) | State::Nothing => Poll::Pending,
            }
        })
    }
}

fn guarded<T>(call: &CallRef, poll: impl FnOnce() -> Poll<T>) -> Poll<Outcome<T>> {
    let panicked = |payload: Box<dyn Any + Send>| {
        Failure::Panicked(Panic::new(payload, call.name().cloned(), call.place()))
    };
    match guard::attempt(poll) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(panicked(payload))),
    }
}
