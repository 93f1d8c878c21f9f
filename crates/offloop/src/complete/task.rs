//! The waker of a task that awaits a call.
//!
//! Order of effects. Decider: decide, then take the waker and wake it. Task: put its waker, then
//! look at the state again. So either the decider finds the waker, or the task finds the outcome.
//! Model: `complete::loom::an_awaiting_task_is_woken`.

use std::task::Waker;

use crate::contain::{contain, drop_contained};
use crate::sync::Mutex;

/// The lock is held for a move only; cloning, waking and dropping a waker happen outside.
pub(crate) struct TaskSlot(Mutex<Option<Waker>>);

impl TaskSlot {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(None))
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
        let mut slot = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::replace(&mut slot, waker)
    }
}
