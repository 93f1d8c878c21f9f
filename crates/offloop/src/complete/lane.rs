//! Admission and load of one executor.
//!
//! Invariant: `queued` counts calls that are Queued, `stale` the ones that were decided while they
//! still stood in a queue.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use crate::failure::Reason;

#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneLimits {
    pub(crate) queue: usize,
    pub(crate) abandoned: usize,
}

/// Admission and load of one executor.
pub(crate) struct Lane {
    limits: LaneLimits,
    queued: AtomicUsize,
    running: AtomicUsize,
    /// These two may dip below zero for a moment: a worker may pass a stale call, or a function
    /// return, before the decider has counted it.
    stale: AtomicI64,
    abandoned: AtomicI64,
}

impl Lane {
    pub(crate) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            queued: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            stale: AtomicI64::new(0),
            abandoned: AtomicI64::new(0),
        }
    }

    /// Takes a place in the queue, or says why not. Calls that were decided while queued hold
    /// memory until a worker passes them: together with the waiting ones at most twice the limit.
    pub(crate) fn admit(&self) -> Result<(), Reason> {
        if self.abandoned() >= self.limits.abandoned {
            return Err(Reason::Abandoned);
        }
        // In one order with the caller's look at `life`, and with `close` and its look at this.
        let queued = self.queued.fetch_add(1, Ordering::SeqCst);
        let full = queued >= self.limits.queue
            || queued + clamp(&self.stale) >= self.limits.queue.saturating_mul(2);
        if full {
            self.leave();
            return Err(Reason::QueueFull);
        }
        Ok(())
    }

    /// Gives the place back: the call is not made after all.
    pub(crate) fn leave(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn claimed(&self) {
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn returned(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn decided_while_queued(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
        self.queued.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn passed_stale(&self) {
        self.stale.fetch_sub(1, Ordering::Relaxed);
    }

    /// A running function is given up: its worker is replaced.
    pub(crate) fn abandon(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// An abandoned function returned after all.
    pub(crate) fn came_back(&self) {
        self.abandoned.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn abandoned(&self) -> usize {
        clamp(&self.abandoned)
    }

    pub(crate) fn queued(&self) -> usize {
        self.queued.load(Ordering::SeqCst)
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }
}

fn clamp(counter: &AtomicI64) -> usize {
    usize::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0)
}
