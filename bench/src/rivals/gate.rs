//! Holds workers inside a call, awake, until the loop lets them go. Invariant: a gate opens once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    held: AtomicUsize,
    open: AtomicBool,
}

impl Gate {
    /// How many workers stand here.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Acquire)
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Stays awake, and leaves the CPU to whoever shares it.
    pub(super) fn hold(&self) -> u64 {
        let number = self.held.fetch_add(1, Ordering::AcqRel);
        while !self.open.load(Ordering::Acquire) {
            thread::yield_now();
        }
        number as u64
    }
}
