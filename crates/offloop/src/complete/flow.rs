//! A job that waits without a thread: what is left of it between two polls.
//!
//! Invariant: a flow is polled by one thread at a time, the one that has the call's
//! [`Flowing`](super::Flowing), and dropped by it.

use std::task::{self, Poll};

use super::cell::CallRef;
use crate::failure::Outcome;

/// A job under way. It keeps no hand on its own call, which it stands in: that comes with each poll.
pub trait Flow: Send {
    type Output;

    /// As `Future::poll`; the value is the call's outcome. Not called again after that. Never unwinds.
    fn poll(&mut self, call: &CallRef, cx: &mut task::Context<'_>) -> Poll<Outcome<Self::Output>>;
}

pub(crate) type BoxFlow<T> = Box<dyn Flow<Output = T>>;

/// The flow of a job that does not wait.
pub(crate) struct Ended<T>(Option<Outcome<T>>);

impl<T> Ended<T> {
    pub(crate) fn new(outcome: Outcome<T>) -> Self {
        Self(Some(outcome))
    }
}

impl<T: Send> Flow for Ended<T> {
    type Output = T;

    fn poll(&mut self, _: &CallRef, _: &mut task::Context<'_>) -> Poll<Outcome<T>> {
        self.0.take().map_or(Poll::Pending, Poll::Ready)
    }
}
