//! What the calls of one offloop share: the way to the loop, the limits, the counters, the life.
//!
//! Invariant: `life` only grows. A lane's `queued` counts calls that are Queued, `stale` the ones
//! that were decided while they still stood in a queue.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::{CallRef, Work};
use super::state::Verdict;
use crate::contain::drop_contained;
use crate::deliver::{Notify, Pusher};
use crate::failure::Reason;

/// Where a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneId {
    Threads,
    Cores,
    Inline,
}

impl LaneId {
    pub(crate) const COUNT: usize = 3;
}

/// How far an offloop is along to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    Open,
    /// `close`: nothing new, nothing queued; what runs may finish.
    Closing,
    /// `shutdown`: what runs is asked to stop.
    Stopping,
    /// Every outcome is decided.
    Stopped,
}

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
    fn new(limits: LaneLimits) -> Self {
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

/// Decided outcomes by kind, for `stats()`.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) submitted: AtomicU64,
    pub(crate) finished: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) shut_down: AtomicU64,
    /// Of these, the ones that had not begun.
    pub(crate) never_started: AtomicU64,
    /// Functions that a shutdown found running, and that came to their end.
    pub(crate) finished_in_shutdown: AtomicU64,
    pub(crate) destructor_panics: AtomicU64,
}

impl Counts {
    pub(crate) fn verdict(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::TimedOut => &self.timed_out,
            Verdict::Cancelled(_) => &self.cancelled,
            Verdict::Rejected(_) => &self.rejected,
            Verdict::Shutdown => &self.shut_down,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// User values that must be dropped off the loop thread.
pub(crate) enum Remains {
    /// A call that will not run, with its job.
    Work(Work),
    /// A result that nobody took, and whose it was.
    Value(Arc<Hub>, Box<dyn Send>),
}

impl Remains {
    /// Drops them on this thread, contained.
    pub(crate) fn dispose(self) {
        match self {
            Remains::Work(work) => drop(work),
            Remains::Value(hub, value) => hub.drop_here(value),
        }
    }
}

/// Where remains are dropped.
pub(crate) trait Discard: Send + Sync {
    /// Takes them, or gives them back when it has ended.
    fn discard(&self, remains: Remains) -> Result<(), Remains>;
}

pub(crate) struct Hub {
    pub(crate) notify: Notify,
    ready: Pusher<CallRef>,
    lanes: [Lane; LaneId::COUNT],
    pub(crate) counts: Counts,
    life: AtomicU8,
    /// Awaited calls that are not decided.
    awaited: AtomicUsize,
    /// Calls with a deadline that were decided before it; their timers are dead weight.
    pub(crate) dead_timers: AtomicUsize,
    /// Numbers the calls of handles.
    remote: AtomicU64,
    discard: Mutex<Option<Arc<dyn Discard>>>,
    fork: crate::sys::ForkCheck,
}

impl Hub {
    pub(crate) fn new(
        notify: Notify,
        ready: Pusher<CallRef>,
        limits: [LaneLimits; LaneId::COUNT],
    ) -> Self {
        Self {
            notify,
            ready,
            lanes: limits.map(Lane::new),
            counts: Counts::default(),
            life: AtomicU8::new(Life::Open as u8),
            awaited: AtomicUsize::new(0),
            dead_timers: AtomicUsize::new(0),
            remote: AtomicU64::new(0),
            discard: Mutex::new(None),
            fork: crate::sys::ForkCheck::new(),
        }
    }

    pub(crate) fn lane(&self, id: LaneId) -> &Lane {
        &self.lanes[id as usize]
    }

    /// Whether a call may still be on its way to a queue or wait in one.
    pub(crate) fn has_queued(&self) -> bool {
        self.lanes.iter().any(|lane| lane.queued() > 0)
    }

    pub(crate) fn life(&self) -> Life {
        match self.life.load(Ordering::SeqCst) {
            0 => Life::Open,
            1 => Life::Closing,
            2 => Life::Stopping,
            _ => Life::Stopped,
        }
    }

    /// Moves the life on, never back.
    pub(crate) fn advance(&self, life: Life) {
        self.life.fetch_max(life as u8, Ordering::SeqCst);
    }

    /// Whether this process is a fork of the one that built this offloop.
    pub(crate) fn is_forked(&self) -> bool {
        self.fork.is_forked()
    }

    /// Gives a decided call to the loop.
    pub(crate) fn hand_over(&self, call: CallRef) {
        self.ready.push(call);
        self.ask_for_turn();
    }

    /// Gives an inline call to the loop; the caller sees to the turn.
    pub(crate) fn stand_by(&self, call: CallRef) {
        self.ready.push(call);
    }

    /// A forked child has its parent's way to wake the loop, and leaves it alone.
    pub(crate) fn ask_for_turn(&self) {
        if !self.is_forked() {
            self.notify.raise();
        }
    }

    pub(crate) fn awaited(&self) -> &AtomicUsize {
        &self.awaited
    }

    pub(crate) fn next_remote(&self) -> u64 {
        self.remote.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn set_discard(&self, to: Option<Arc<dyn Discard>>) {
        let mut discard = self.discard.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *discard, to);
        drop(discard);
        drop(old);
    }

    /// Has user values dropped off this thread; on it when no worker is left to do so.
    pub(crate) fn discard(&self, remains: Remains) {
        let to = self.discard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let left = match to {
            Some(to) => to.discard(remains),
            None => Err(remains),
        };
        if let Err(remains) = left {
            remains.dispose();
        }
    }

    /// Drops user values on this thread, contained.
    pub(crate) fn drop_here<T>(&self, value: T) {
        if drop_contained(value) {
            self.counts.destructor_panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
