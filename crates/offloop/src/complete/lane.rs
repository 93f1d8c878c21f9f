//! Admission and load of one executor.
//!
//! Invariant: `queued` counts calls that are Queued, `stale` the ones that were decided while they
//! still stood in a queue.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crate::failure::Reason;
use crate::padded::Padded;

#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneLimits {
    pub(crate) queue: usize,
    pub(crate) abandoned: usize,
    /// Calls that run take up room in the queue, too: they cost memory and no thread.
    pub(crate) with_running: bool,
}

/// Admission and load of one executor.
pub(crate) struct Lane {
    limits: LaneLimits,
    /// Written by those who submit.
    entrance: Padded<Entrance>,
    /// Written by those who run calls: how many functions run, in the low bits, and how many calls
    /// have left the queue so far, in the others, which wrap.
    floor: Padded<AtomicU64>,
    /// Written by those who end calls early.
    exceptions: Padded<Exceptions>,
}

struct Entrance {
    /// Calls admitted so far; wraps as `floor` does.
    admitted: AtomicU64,
    /// How many had left the queue when a submitter last had to know. Behind by any number, it makes
    /// the queue look longer than it is, and is then brought up to date.
    left_by_then: AtomicU64,
}

/// These two may dip below zero for a moment: a worker may pass a stale call, or a function
/// return, before the decider has counted it.
struct Exceptions {
    stale: AtomicI64,
    abandoned: AtomicI64,
}

const RUNNING_BITS: u32 = 24;
/// As many calls may run at once.
pub(crate) const RUNNING_MAX: usize = (1 << RUNNING_BITS) - 1;
const ONE_RUNNING: u64 = 1;
const ONE_LEFT: u64 = 1 << RUNNING_BITS;
/// The range in which calls are counted.
const COUNT: u64 = u64::MAX >> RUNNING_BITS;

impl Lane {
    pub(crate) fn new(limits: LaneLimits) -> Self {
        let (admitted, left_by_then) = (AtomicU64::new(0), AtomicU64::new(0));
        let (stale, abandoned) = (AtomicI64::new(0), AtomicI64::new(0));
        Self {
            limits,
            entrance: Padded(Entrance { admitted, left_by_then }),
            floor: Padded(AtomicU64::new(0)),
            exceptions: Padded(Exceptions { stale, abandoned }),
        }
    }

    /// Takes a place in the queue, or says why not. Calls that were decided while queued hold
    /// memory until a worker passes them: together with the waiting ones at most twice the limit.
    pub(crate) fn admit(&self) -> Result<(), Reason> {
        if self.abandoned() >= self.limits.abandoned {
            return Err(Reason::Abandoned);
        }
        let entrance = &*self.entrance;
        // In one order with the caller's look at `life`, and with `close` and its look at this.
        let before = entrance.admitted.fetch_add(1, Ordering::SeqCst);
        let left = entrance.left_by_then.load(Ordering::Relaxed);
        if self.is_full(before, left) {
            let left = self.made_room();
            entrance.left_by_then.store(left, Ordering::Relaxed);
            if self.is_full(before, left) {
                self.leave();
                return Err(Reason::QueueFull);
            }
        }
        Ok(())
    }

    pub(super) fn is_full(&self, admitted: u64, left: u64) -> bool {
        let queued = admitted.wrapping_sub(left) & COUNT;
        // Others may have come and left since `admitted` was read: then nobody was in front.
        let queued = if queued > COUNT / 2 { 0 } else { queued };
        let queued = usize::try_from(queued).unwrap_or(usize::MAX);
        let limit = self.limits.queue;
        queued >= limit
            || queued.saturating_add(clamp(&self.exceptions.stale)) >= limit.saturating_mul(2)
    }

    fn left(&self) -> u64 {
        self.floor.load(Ordering::SeqCst) >> RUNNING_BITS
    }

    /// How many have left and take up no room any more.
    fn made_room(&self) -> u64 {
        let floor = self.floor.load(Ordering::SeqCst);
        let running = if self.limits.with_running { floor & (ONE_LEFT - 1) } else { 0 };
        (floor >> RUNNING_BITS).wrapping_sub(running)
    }

    /// Gives the place back: the call is not made after all.
    pub(crate) fn leave(&self) {
        // Whoever sees the queue empty sees what the call's submit wrote elsewhere.
        self.floor.fetch_add(ONE_LEFT, Ordering::Release);
    }

    pub(crate) fn claimed(&self) {
        self.floor.fetch_add(ONE_LEFT + ONE_RUNNING, Ordering::Release);
    }

    pub(crate) fn returned(&self) {
        self.floor.fetch_sub(ONE_RUNNING, Ordering::Relaxed);
    }

    pub(crate) fn decided_while_queued(&self) {
        self.exceptions.stale.fetch_add(1, Ordering::Relaxed);
        self.leave();
    }

    pub(crate) fn passed_stale(&self) {
        self.exceptions.stale.fetch_sub(1, Ordering::Relaxed);
    }

    /// A running function is given up: its worker is replaced.
    pub(crate) fn abandon(&self) {
        self.exceptions.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// An abandoned function returned after all.
    pub(crate) fn came_back(&self) {
        self.exceptions.abandoned.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn abandoned(&self) -> usize {
        clamp(&self.exceptions.abandoned)
    }

    pub(crate) fn queued(&self) -> usize {
        // What left is read first, so that a call between the two reads counts as queued.
        let left = self.left();
        let admitted = self.entrance.admitted.load(Ordering::SeqCst);
        usize::try_from(admitted.wrapping_sub(left) & COUNT).unwrap_or(usize::MAX)
    }

    pub(crate) fn running(&self) -> usize {
        let running = self.floor.load(Ordering::Relaxed) & (ONE_LEFT - 1);
        usize::try_from(running).unwrap_or(usize::MAX)
    }
}

fn clamp(counter: &AtomicI64) -> usize {
    usize::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0)
}
