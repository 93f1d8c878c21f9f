//! Deadlines: any thread adds one without a lock, the keeper fires them in order.
//!
//! A binary heap behind a lock-free list: an add costs a push, the keeper log n. Calls that end
//! before their deadline leave a dead timer; the keeper sweeps when half of the heap is dead, so
//! memory follows the live ones.
//!
//! Order of effects. Adder: push, fence, read `next_ns`. Keeper: write `next_ns`, fence, look at
//! the list, sleep. So either the adder sees when the keeper wakes, or the keeper sees the timer.
//! Model: `execute::keeper::loom`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;

use crate::complete::CallRef;
use crate::sync::{AtomicU64, AtomicUsize, Ordering, fence};

/// Adds that may wait unseen while the keeper sleeps, so that dead ones do not pile up.
const BACKLOG_MAX: usize = 1024;

/// Fewer dead timers than this are not worth a sweep.
const SWEEP_MIN: usize = 64;

/// The shared side.
pub(crate) struct Timers {
    added: SegQueue<(Instant, CallRef)>,
    alarm: Alarm,
    epoch: Instant,
}

/// When the keeper will wake by itself, and how much waits for it.
pub(crate) struct Alarm {
    next_ns: AtomicU64,
    backlog: AtomicUsize,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self { next_ns: AtomicU64::new(u64::MAX), backlog: AtomicUsize::new(0) }
    }

    /// After a push: whether the keeper must be woken for it.
    pub(crate) fn must_ring(&self, at_ns: u64) -> bool {
        fence(Ordering::SeqCst);
        at_ns < self.next_ns.load(Ordering::Relaxed)
            || self.backlog.fetch_add(1, Ordering::Relaxed) % BACKLOG_MAX == BACKLOG_MAX - 1
    }

    /// Before the keeper looks at the list for the last time and sleeps.
    pub(crate) fn set(&self, next_ns: u64) {
        self.next_ns.store(next_ns, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { added: SegQueue::new(), alarm: Alarm::new(), epoch: Instant::now() }
    }

    /// Adds a timer; `true` when the keeper must be woken for it.
    pub(crate) fn add(&self, at: Instant, call: CallRef) -> bool {
        self.added.push((at, call));
        self.alarm.must_ring(self.ns(at))
    }

    fn ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX - 1)
    }
}

struct Timer {
    at: Instant,
    /// Breaks ties: first come, first fired.
    number: u64,
    call: CallRef,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// The keeper's side.
#[derive(Default)]
pub(crate) struct TimerHeap {
    heap: BinaryHeap<Reverse<Timer>>,
    number: u64,
}

impl TimerHeap {
    /// Takes over what was added.
    pub(crate) fn take_in(&mut self, timers: &Timers) {
        while let Some((at, call)) = timers.added.pop() {
            timers.alarm.backlog.store(0, Ordering::Relaxed);
            if !call.is_decided() {
                self.number += 1;
                self.heap.push(Reverse(Timer { at, number: self.number, call }));
            } else {
                uncount_dead(&call, 1);
            }
        }
        self.sweep();
    }

    /// The next call whose deadline has passed.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<CallRef> {
        while self.heap.peek().is_some_and(|Reverse(timer)| timer.at <= now) {
            let Reverse(timer) = self.heap.pop()?;
            if !timer.call.is_decided() {
                return Some(timer.call);
            }
            uncount_dead(&timer.call, 1);
        }
        None
    }

    /// Says when the keeper will wake, at the latest at `or_at`. `None`: a timer came in meanwhile.
    pub(crate) fn arm(&self, timers: &Timers, or_at: Option<Instant>) -> Option<Sleep> {
        let first = self.heap.peek().map(|Reverse(timer)| timer.at);
        let until = match (first, or_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        timers.alarm.set(until.map_or(u64::MAX, |at| timers.ns(at)));
        if !timers.added.is_empty() {
            return None;
        }
        Some(match until {
            Some(at) => Sleep::For(at.saturating_duration_since(Instant::now())),
            None => Sleep::UntilRung,
        })
    }

    #[cfg(all(test, not(loom)))]
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    fn sweep(&mut self) {
        let Some(Reverse(timer)) = self.heap.peek() else { return };
        let dead = timer.call.hub().dead_timers.load(std::sync::atomic::Ordering::Relaxed);
        if dead >= SWEEP_MIN && dead * 2 >= self.heap.len() {
            let before = self.heap.len();
            let call = timer.call.clone();
            self.heap.retain(|Reverse(timer)| !timer.call.is_decided());
            uncount_dead(&call, before - self.heap.len());
        }
    }
}

/// How long the keeper sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    For(Duration),
    UntilRung,
}

fn uncount_dead(call: &CallRef, count: usize) {
    let dead = &call.hub().dead_timers;
    let less = |dead: usize| Some(dead.saturating_sub(count));
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let _previous = dead.fetch_update(relaxed, relaxed, less);
}
