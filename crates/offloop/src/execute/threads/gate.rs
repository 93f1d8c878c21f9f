//! Who sleeps, who looks for work, who must be woken: the pool's coordination, without its queue.
//!
//! A worker *searches* (will look at the queue before it sleeps), *works*, or is *idle* (its bit
//! is set and it parks). Submitters wake nobody while one searches: the searcher that takes a
//! call passes the search on if more calls wait.
//!
//! Both sides write, then read what the other wrote (Dekker); all accesses are sequentially
//! consistent, so at least one sees the other:
//! * submit: push · read `searching`, `idle`, `live`;
//! * searcher that found work, or gives up: leave `searching` · read the queue;
//! * worker going idle: set its bit, leave `searching` · read the queue;
//! * worker that retires or is given up: leave `live` · read the queue.
//!
//! The right to wake is `searching` 0 → 1: one submitter at a time holds it and gives it to the
//! worker that it wakes or has started. Model: `execute::threads::loom`.

use crate::sync::{AtomicU64, AtomicUsize, Ordering, sc_write_then_read};

/// What a submitter, or a searcher that leaves, has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somebody will look at the queue, or all are busy.
    Nothing,
    /// Wake this idle worker; it counts as searching already.
    Wake(usize),
    /// Have a worker started; it counts as searching already.
    Start,
}

pub(crate) struct Gate {
    searching: AtomicUsize,
    /// Workers that are not abandoned: idle, searching, working.
    live: AtomicUsize,
    max: usize,
    idle: Box<[AtomicU64]>,
}

impl Gate {
    /// `max` live workers; `slots` worker indexes in all.
    pub(crate) fn new(max: usize, slots: usize) -> Self {
        Self {
            searching: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            max,
            idle: (0..slots.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// After a push, or whenever a call may wait unseen. `waiting` looks at the queue.
    pub(crate) fn step(&self, waiting: impl Fn() -> bool) -> Step {
        loop {
            sc_write_then_read();
            if self.searching.load(Ordering::SeqCst) != 0 || !self.has_room() {
                // Those who work look at the queue before they idle.
                return Step::Nothing;
            }
            let (none, one) = (0, 1);
            let right =
                self.searching.compare_exchange(none, one, Ordering::SeqCst, Ordering::SeqCst);
            if right.is_err() {
                return Step::Nothing;
            }
            if let Some(index) = self.claim_idle() {
                return Step::Wake(index);
            }
            if self.live() < self.max {
                return Step::Start;
            }
            // All work. One that went idle meanwhile may have left its call to us.
            self.searching.fetch_sub(1, Ordering::SeqCst);
            sc_write_then_read();
            if !(waiting() && self.has_room()) {
                return Step::Nothing;
            }
        }
    }

    /// A worker that worked begins to search.
    pub(crate) fn search(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    /// A searcher leaves: it took a call, or it gives its right back.
    pub(crate) fn leave_search(&self, waiting: impl Fn() -> bool) -> Step {
        self.searching.fetch_sub(1, Ordering::SeqCst);
        sc_write_then_read();
        if waiting() { self.step(waiting) } else { Step::Nothing }
    }

    /// A start failed: the right goes back, and nobody is woken for it.
    pub(crate) fn give_up_start(&self) {
        self.searching.fetch_sub(1, Ordering::SeqCst);
    }

    /// A searcher goes idle. `false`: it found a call waiting and searches on.
    pub(crate) fn go_idle(&self, index: usize, waiting: impl Fn() -> bool) -> bool {
        let (word, bit) = place(index);
        self.idle[word].fetch_or(bit, Ordering::SeqCst);
        self.searching.fetch_sub(1, Ordering::SeqCst);
        sc_write_then_read();
        if waiting() && self.cancel_idle(index) {
            self.search();
            return false;
        }
        true
    }

    pub(crate) fn is_idle(&self, index: usize) -> bool {
        let (word, bit) = place(index);
        self.idle[word].load(Ordering::Acquire) & bit != 0
    }

    /// Takes an idle worker's own bit back; `false` when somebody has claimed it, and so a wake
    /// is on its way and the search was given to it.
    pub(crate) fn cancel_idle(&self, index: usize) -> bool {
        let (word, bit) = place(index);
        self.idle[word].fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }

    /// The idle worker with the lowest index, so that the others time out and retire.
    pub(crate) fn claim_idle(&self) -> Option<usize> {
        for (at, word) in self.idle.iter().enumerate() {
            let mut seen = word.load(Ordering::SeqCst);
            while seen != 0 {
                let bit = seen & seen.wrapping_neg();
                if word.fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
                    return Some(at * 64 + bit.trailing_zeros() as usize);
                }
                seen = word.load(Ordering::SeqCst);
            }
        }
        None
    }

    /// Whether somebody could take a call who does not work now.
    fn has_room(&self) -> bool {
        self.live() < self.max || self.idle.iter().any(|word| word.load(Ordering::SeqCst) != 0)
    }

    /// Whether a worker runs a call, about; for one that searches.
    pub(crate) fn others_work(&self) -> bool {
        let idle: u32 =
            self.idle.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        self.live() > self.searching.load(Ordering::Relaxed) + idle as usize
    }

    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// Counts one more live worker, if the maximum allows; before it is started.
    pub(crate) fn try_grow(&self) -> bool {
        let more = |live| (live < self.max).then_some(live + 1);
        self.live.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// A worker's function was given up, and so was the worker: makes room for another. A submitter
    /// that counted it as busy has left its call to us.
    pub(crate) fn give_up_worker(&self, waiting: impl Fn() -> bool) -> Step {
        self.shrink();
        sc_write_then_read();
        if waiting() { self.step(waiting) } else { Step::Nothing }
    }

    /// One live worker less: it ended, or could not be started.
    pub(crate) fn shrink(&self) {
        self.live.fetch_sub(1, Ordering::SeqCst);
    }

    /// An idle worker that took its bit back retires. `false`: a call came in that counted on it,
    /// so it is live again and searches.
    pub(crate) fn retire(&self, waiting: impl Fn() -> bool) -> bool {
        self.shrink();
        sc_write_then_read();
        if waiting() && self.try_grow() {
            self.search();
            return false;
        }
        true
    }
}

fn place(index: usize) -> (usize, u64) {
    (index / 64, 1 << (index % 64))
}
