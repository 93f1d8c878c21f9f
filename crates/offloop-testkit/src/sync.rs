//! What checks wait for and make functions wait for. Invariant: a check's own wait ends after its
//! patience with a verdict; a function's wait ends with the check, whatever the verdict is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::promise::broken;

/// Waits until `condition` holds; the promise is broken when it does not within `patience`.
pub(crate) fn wait_for(
    patience: Duration,
    condition: impl FnMut() -> bool,
    seen: impl FnOnce() -> String,
) {
    if !holds_within(patience, condition) {
        broken!("{} within {patience:?}", seen());
    }
}

pub(crate) fn holds_within(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// A number that any thread counts up.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What functions wait in front of. Its owner opens it, at the latest when it drops it.
#[derive(Default)]
pub(crate) struct Gate(Pass);

/// A function's side of a [`Gate`].
#[derive(Clone, Default)]
pub(crate) struct Pass(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn pass(&self) -> Pass {
        self.0.clone()
    }

    pub(crate) fn open(&self) {
        let (open, changed) = &*self.0.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Pass {
    /// Returns once the gate is open.
    pub(crate) fn wait(&self) {
        let (open, changed) = &*self.0;
        let mut is_open = open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_open {
            is_open = changed.wait(is_open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
