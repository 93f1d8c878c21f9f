//! A flow on a thread that waits with it: for an async call that was sent to a pool of threads.
//! Invariant: the thread sleeps until the flow is woken, and looks at its call each time. The thread's
//! park token alone says nothing: whatever a poll waits for inside may use it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll, Wake};
use std::thread::{self, Thread};

use crate::complete::{BoxFlow, CallRef};
use crate::failure::{Failure, Outcome};

struct Sleeper {
    thread: Thread,
    woken: AtomicBool,
}

impl Sleeper {
    /// Until the next wake, or at once if one came since the last sleep.
    fn sleep(&self) {
        while !self.woken.swap(false, Ordering::Acquire) {
            thread::park();
        }
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // First: the thread looks for it before it parks.
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Polls the flow to its end, or to the first wake that finds the call decided.
pub(super) fn drive<T>(mut flow: BoxFlow<T>, call: &CallRef) -> Outcome<T> {
    let sleeper = Arc::new(Sleeper { thread: thread::current(), woken: AtomicBool::new(false) });
    let waker = sleeper.clone().into();
    let mut cx = task::Context::from_waker(&waker);
    let outcome = loop {
        match flow.poll(call, &mut cx) {
            Poll::Ready(outcome) => break outcome,
            // Nobody sees this one.
            Poll::Pending if call.is_decided() => break Err(Failure::Shutdown),
            Poll::Pending => sleeper.sleep(),
        }
    };
    call.hub().drop_here(flow);
    outcome
}
