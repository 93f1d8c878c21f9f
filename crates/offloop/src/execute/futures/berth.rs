//! Where a task can be woken from outside.
//!
//! Order of effects. Task: leave the waker, look whether the call is decided, poll. Decider: decide,
//! look for the waker, wake. Invariant: a call that is decided is not polled any more after that
//! poll, and its task is woken. Model: `loom`.

use std::sync::PoisonError;
use std::task::Waker;

use crate::sync::{Mutex, MutexGuard};

/// Here a task leaves its waker before each poll.
#[derive(Default)]
pub(super) struct Berth(Mutex<Option<Waker>>);

impl Berth {
    /// The task is about to look at its call, and to wait for `waker`.
    pub(super) fn moor(&self, waker: &Waker) {
        let mut moored = self.lock();
        if moored.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return;
        }
        let old = moored.take();
        drop(moored);
        // The runtime's code. A decider that finds nothing meanwhile has decided by then.
        drop(old);
        let new = waker.clone();
        *self.lock() = Some(new);
    }

    /// The call is decided.
    pub(super) fn wake(&self) {
        let waker = self.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The task is at its end; nobody wakes it any more.
    pub(super) fn leave(&self) {
        let waker = self.lock().take();
        drop(waker);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, loom))]
mod loom {
    //! Every interleaving of a task's poll and a decision.

    use loom::future::block_on;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, Ordering};
    use loom::thread;
    use std::future::poll_fn;
    use std::task::Poll;

    use super::Berth;

    /// A2 of the module. A lost wake is a dead-lock, which the checker reports.
    #[test]
    fn a_decided_task_is_woken_or_sees_it() {
        loom::model(|| {
            let (berth, decided) = (Arc::new(Berth::default()), Arc::new(AtomicBool::new(false)));
            let decider = {
                let (berth, decided) = (berth.clone(), decided.clone());
                thread::spawn(move || {
                    decided.store(true, Ordering::Release);
                    berth.wake();
                })
            };
            block_on(poll_fn(|cx| {
                berth.moor(cx.waker());
                if decided.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
            }));
            decider.join().unwrap();
            assert!(decided.load(Ordering::Relaxed));
        });
    }
}
