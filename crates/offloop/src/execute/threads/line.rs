//! The queue of a pool: three first-in-first-out lines, one per priority.
//!
//! Invariant: no line starves. Every 4th take begins at normal priority and every 16th at low; the
//! others at high.

use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;

use crate::complete::Remains;
use crate::priority::Priority;

pub(crate) struct Line {
    lines: [SegQueue<Remains>; 3],
    takes: AtomicUsize,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { lines: Default::default(), takes: AtomicUsize::new(0) }
    }

    pub(crate) fn push(&self, load: Remains, priority: Priority) {
        self.lines[priority as usize].push(load);
    }

    pub(crate) fn pop(&self) -> Option<Remains> {
        if self.is_empty() {
            return None;
        }
        let order = order(self.takes.fetch_add(1, Ordering::Relaxed));
        order.into_iter().find_map(|line| self.lines[line].pop())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.iter().all(SegQueue::is_empty)
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
