//! The queue of a pool: three first-in-first-out lines, one per priority.
//!
//! Any thread pushes, without a lock and without memory of its own: calls are linked by a node that
//! they bring. Workers pop, one at a time, under a lock that no submitter takes but one
//! that meets the end.
//!
//! A worker that sees a line which is not empty finds its call, if need be when its pusher has linked
//! it. That look is what both sides of the `gate` read. Model: `execute::threads::loom`.
//!
//! Invariant: no line starves. Every 4th take begins at normal priority and every 16th at low; the
//! others at high.

use std::sync::PoisonError;

use crossbeam_queue::SegQueue;

use crate::complete::{Remains, Work};
use crate::deliver::{Linked, Popper, Pusher, queue};
use crate::padded::Padded;
use crate::priority::Priority;
use crate::sync::{Mutex, yield_now};

pub(crate) struct Line {
    calls: Calls<Work>,
    /// What is only to be dropped.
    values: SegQueue<Remains>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { calls: Calls::new(), values: SegQueue::new() }
    }

    pub(crate) fn push(&self, load: Remains, priority: Priority) {
        match load {
            Remains::Work(work) => self.calls.push(work, priority),
            value @ Remains::Value(..) => self.values.push(value),
        }
    }

    pub(crate) fn pop(&self) -> Option<Remains> {
        self.calls.pop().map(Remains::Work).or_else(|| self.values.pop())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.values.is_empty()
    }
}

/// The three lines.
pub(super) struct Calls<P: Linked> {
    pushers: [Pusher<P>; 3],
    poppers: Padded<Mutex<Poppers<P>>>,
}

struct Poppers<P: Linked> {
    lines: [Popper<P>; 3],
    takes: usize,
}

impl<P: Linked> Calls<P> {
    pub(super) fn new() -> Self {
        let [high, normal, low] = [(); 3].map(|()| queue());
        let poppers = Poppers { lines: [high.1, normal.1, low.1], takes: 0 };
        Self { pushers: [high.0, normal.0, low.0], poppers: Padded(Mutex::new(poppers)) }
    }

    pub(super) fn push(&self, call: P, priority: Priority) {
        self.pushers[priority as usize].push(call);
    }

    pub(super) fn pop(&self) -> Option<P> {
        loop {
            let mut poppers = self.poppers.lock().unwrap_or_else(PoisonError::into_inner);
            let order = order(poppers.takes);
            if let Some(call) = order.into_iter().find_map(|line| poppers.lines[line].pop()) {
                poppers.takes = poppers.takes.wrapping_add(1);
                return Some(call);
            }
            drop(poppers);
            // Only now: this reads what pushers write, and while calls wait they have it for themselves.
            if self.is_empty() {
                return None;
            }
            // The next one is about to be linked.
            yield_now();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pushers.iter().all(Pusher::is_empty)
    }
}

/// Which lines the `take`-th take looks at, first to last.
pub(crate) fn order(take: usize) -> [usize; 3] {
    match take % 16 {
        15 => [2, 1, 0],
        3 | 7 | 11 => [1, 2, 0],
        _ => [0, 1, 2],
    }
}
