//! Values that tell on which thread they were dropped, or that panic there. Invariant: a probe
//! reports once, at its drop.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use super::{Count, wait_for};

/// Where probes report their ends.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<Mutex<Vec<ThreadId>>>);

impl Drops {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn probe(&self) -> Probe {
        Probe(self.clone())
    }

    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for `count` ends; none of them was here.
    #[track_caller]
    pub(crate) fn were_elsewhere(&self, count: usize) {
        wait_for("the probes are dropped", || self.threads().len() >= count);
        let threads = self.threads();
        assert_eq!(threads.len(), count, "each probe is dropped once");
        assert!(!threads.contains(&thread::current().id()), "dropped on the loop thread");
    }

    /// There were `count` ends by now, all of them here.
    #[track_caller]
    pub(crate) fn were_here(&self, count: usize) {
        assert_eq!(self.threads(), vec![thread::current().id(); count]);
    }
}

pub(crate) struct Probe(Drops);

impl Probe {
    /// Moves the probe into a closure and does nothing there.
    pub(crate) fn touch(&self) {}
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(thread::current().id());
    }
}

/// Panics when it is dropped, and counts that it did.
pub(crate) struct Bomb(pub(crate) Count);

impl Bomb {
    /// Moves the bomb into a closure and does nothing there.
    pub(crate) fn touch(&self) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        if !thread::panicking() {
            resume_unwind(Box::new("a destructor panicked"));
        }
    }
}
