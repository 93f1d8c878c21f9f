//! What a shutdown waits for, as books that are kept for somebody else's executor.
//!
//! Invariant: who waits hears of every change; while nobody does, a change costs no system call.

#[cfg(test)]
mod tests;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

#[derive(Default)]
pub(super) struct Awaited<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Default)]
struct State<T> {
    value: T,
    /// Somebody waits, or did: it is the end, so there are few changes left.
    waited: bool,
}

impl<T> Awaited<T> {
    /// Reads, or changes what nobody waits for.
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        look(&mut self.lock().value)
    }

    /// Changes it, and tells who waits, outside of the lock.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.lock();
        let (result, waited) = (change(&mut state.value), state.waited);
        drop(state);
        if waited {
            self.changed.notify_all();
        }
        result
    }

    /// Waits while it is busy, and no longer than `until`.
    pub(super) fn wait_while(&self, until: Instant, busy: impl Fn(&T) -> bool) {
        let mut state = self.lock();
        state.waited = true;
        while busy(&state.value) {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|t| !t.is_zero())
            else {
                return;
            };
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
