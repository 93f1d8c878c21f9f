//! The queue of a pool: three first-in-first-out lines, one per priority.
//!
//! Any thread pushes, without a lock and without memory of its own: calls are linked by a node that
//! they bring. Workers pop, one at a time, under a lock that no submitter ever takes.
//!
//! Invariant: no line starves. Every 4th take begins at normal priority and every 16th at low; the
//! others at high.

use std::sync::{Mutex, PoisonError};

use crossbeam_queue::SegQueue;

use crate::complete::{Remains, Work};
use crate::deliver::{Popper, Pusher, queue};
use crate::priority::Priority;

pub(crate) struct Line {
    pushers: [Pusher<Work>; 3],
    poppers: Mutex<Poppers>,
    /// What is only to be dropped.
    values: SegQueue<Remains>,
}

struct Poppers {
    lines: [Popper<Work>; 3],
    takes: usize,
}

impl Line {
    pub(crate) fn new() -> Self {
        let [high, normal, low] = [(); 3].map(|()| queue());
        Self {
            pushers: [high.0, normal.0, low.0],
            poppers: Mutex::new(Poppers { lines: [high.1, normal.1, low.1], takes: 0 }),
            values: SegQueue::new(),
        }
    }

    pub(crate) fn push(&self, load: Remains, priority: Priority) {
        match load {
            Remains::Work(work) => self.pushers[priority as usize].push(work),
            value @ Remains::Value(..) => self.values.push(value),
        }
    }

    pub(crate) fn pop(&self) -> Option<Remains> {
        while self.has_work() {
            let mut poppers = self.poppers.lock().unwrap_or_else(PoisonError::into_inner);
            let order = order(poppers.takes);
            if let Some(work) = order.into_iter().find_map(|line| poppers.lines[line].pop()) {
                poppers.takes = poppers.takes.wrapping_add(1);
                return Some(Remains::Work(work));
            }
            // The next one is between its push's two steps.
            drop(poppers);
            std::thread::yield_now();
        }
        self.values.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.has_work() && self.values.is_empty()
    }

    fn has_work(&self) -> bool {
        !self.pushers.iter().all(Pusher::is_empty)
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
