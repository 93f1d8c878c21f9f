//! The machine's floors: two counters, one cache line each, and what it takes to have them seen.
//!
//! Invariant: no call is lost, because `unpark` before `park` makes the latter return at once; and
//! the floor that spins does so while it is active only, to take no CPU from the blocks of others.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, Thread};

use anyhow::Result;
use crossbeam_utils::CachePadded;

use super::{Gate, Rival, Site, Tally};

#[derive(Default)]
struct Lines {
    submitted: CachePadded<AtomicU64>,
    completed: CachePadded<AtomicU64>,
    active: CachePadded<AtomicBool>,
    ended: AtomicBool,
}

struct Floor {
    lines: Arc<Lines>,
    worker: Thread,
    /// Whether a submit wakes the worker.
    wakes: bool,
    submitted: u64,
    delivered: u64,
}

/// Both sides awake: nobody sleeps, nobody wakes.
pub(super) fn spin(_site: &Site) -> Result<Box<dyn Rival>> {
    let lines = Arc::new(Lines::default());
    let active = lines.clone();
    let wait = move || match active.active.load(Ordering::Relaxed) {
        true => hint::spin_loop(),
        false => thread::park(),
    };
    floor(lines, false, wait, || {})
}

/// Both sides asleep: a futex wakes the worker, an eventfd the loop.
pub(super) fn futex(site: &Site) -> Result<Box<dyn Rival>> {
    let bell = site.bell.clone();
    floor(Arc::default(), true, thread::park, move || bell.ring())
}

fn floor(
    lines: Arc<Lines>,
    wakes: bool,
    wait: impl Fn() + Send + 'static,
    notify: impl Fn() + Send + 'static,
) -> Result<Box<dyn Rival>> {
    let thread = thread::Builder::new().name("floor".to_owned()).spawn({
        let lines = lines.clone();
        move || work(&lines, wait, notify)
    })?;
    let worker = thread.thread().clone();
    Ok(Box::new(Floor { lines, worker, wakes, submitted: 0, delivered: 0 }))
}

fn work(lines: &Lines, wait: impl Fn(), notify: impl Fn()) {
    let mut completed = 0;
    while !lines.ended.load(Ordering::Relaxed) {
        let submitted = lines.submitted.load(Ordering::Acquire);
        if submitted == completed {
            wait();
        } else {
            completed = submitted;
            lines.completed.store(completed, Ordering::Release);
            notify();
        }
    }
}

impl Rival for Floor {
    fn submit(&mut self, calls: u64) {
        self.submitted += calls;
        self.lines.submitted.store(self.submitted, Ordering::Release);
        if self.wakes {
            self.worker.unpark();
        }
    }

    /// A floor runs no calls; its one worker is there from the start.
    fn hold(&mut self, gate: &Arc<Gate>) {
        gate.open();
    }

    fn deliver(&mut self, tally: &mut Tally) {
        let completed = self.lines.completed.load(Ordering::Acquire);
        for value in self.delivered..completed {
            tally.ok(value);
        }
        self.delivered = completed;
    }

    fn deliver_often(&mut self, turns: u64, tally: &mut Tally) {
        for _ in 0..turns {
            self.deliver(tally);
        }
    }

    fn set_active(&mut self, active: bool) {
        self.lines.active.store(active, Ordering::Release);
        self.worker.unpark();
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.lines.ended.store(true, Ordering::Relaxed);
        self.worker.unpark();
    }
}
