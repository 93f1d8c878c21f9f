//! A flow on a thread that waits with it: for an async call that was sent to a pool of threads.
//! Invariant: the thread sleeps until the flow is woken, and looks at its call each time.

use std::sync::Arc;
use std::task::{self, Poll, Wake};
use std::thread::{self, Thread};

use crate::complete::{BoxFlow, CallRef};
use crate::failure::{Failure, Outcome};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls the flow to its end, or to the first wake that finds the call decided.
pub(super) fn drive<T>(mut flow: BoxFlow<T>, call: &CallRef) -> Outcome<T> {
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut cx = task::Context::from_waker(&waker);
    let outcome = loop {
        match flow.poll(call, &mut cx) {
            Poll::Ready(outcome) => break outcome,
            // Nobody sees this one.
            Poll::Pending if call.is_decided() => break Err(Failure::Shutdown),
            Poll::Pending => thread::park(),
        }
    };
    call.hub().drop_here(flow);
    outcome
}
