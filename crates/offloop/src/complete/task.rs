//! The waker of a task that awaits a call.
//!
//! Order of effects. Decider: decide, release, then take the waker and wake it. Task: put its waker,
//! then look whether it is released. So either the decider finds the waker, or the task finds the
//! outcome.
//! Model: `complete::loom::an_awaiting_task_is_woken`.

use std::task::Waker;

use crate::contain::{contain, drop_contained};
use crate::sync::{AtomicBool, Mutex, Ordering};

pub(crate) struct TaskSlot {
    /// Locked for a move only; cloning, waking and dropping a waker happen outside.
    waker: Mutex<Option<Waker>>,
    /// The outcome is decided, and its place in the order has come.
    released: AtomicBool,
}

impl TaskSlot {
    pub(crate) fn new() -> Self {
        Self { waker: Mutex::new(None), released: AtomicBool::new(false) }
    }

    /// The task may take its outcome.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Release);
    }

    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Ordering::Acquire)
    }

    /// Leaves `waker` for the decider; the caller looks at the state again afterwards.
    pub(crate) fn put(&self, waker: Waker) {
        let old = self.swap(Some(waker));
        drop_contained(old);
    }

    /// Nobody waits any more.
    pub(crate) fn clear(&self) {
        drop_contained(self.swap(None));
    }

    /// Wakes the task, if one waits.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.swap(None)
            && let Err(payload) = contain(|| waker.wake())
        {
            drop_contained(payload);
        }
    }

    fn swap(&self, waker: Option<Waker>) -> Option<Waker> {
        let mut slot = self.waker.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut slot, waker)
    }
}
