//! An awaited call. Invariant: its future is polled when it was woken and at no other time, so a
//! task that is not woken never ends.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use offloop::Outcome;

use crate::app::{Probe, Shared, Value, handle};

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

pub(crate) struct Task {
    future: Pin<Box<dyn Future<Output = Outcome<Value>>>>,
    woken: Arc<Woken>,
    probe: Probe,
}

impl Task {
    pub(crate) fn new(
        future: impl Future<Output = Outcome<Value>> + 'static,
        probe: Probe,
    ) -> Self {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        Self { future: Box::pin(future), woken, probe }
    }

    /// Whether it has ended.
    pub(crate) fn poll_if_woken(&mut self, shared: &Shared) -> bool {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return false;
        }
        let waker = Waker::from(self.woken.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => {
                handle(shared, &self.probe, &outcome);
                true
            }
            Poll::Pending => false,
        }
    }
}
