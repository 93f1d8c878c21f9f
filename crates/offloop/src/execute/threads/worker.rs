//! The life of a worker: search, work, idle, and out.
//!
//! Invariant: whoever started or woke this worker counted it as searching; it leaves that count
//! exactly once, with a call, to idle, or to end.

use std::thread;
use std::time::Instant;

use super::pool::Pool;
use crate::complete::{Ran, Remains, Verdict};
use crate::contain::{contain, drop_contained};
use crate::trace;

/// Why a worker ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Stopped,
    Retired,
    /// Its function was given up, and came back when its place was taken.
    Surplus,
}

/// What a worker is after a call.
enum After {
    Free,
    /// It counts as searching already.
    Searching,
    /// Its function was given up, and came back when its place was taken.
    Surplus,
}

/// A worker's whole life, from the first line of its thread to the last.
pub(super) fn live(pool: &Pool, index: usize) {
    pool.roster.sit(index);
    prepare(pool, index);
    let end = search(pool, index);
    if end == End::Stopped {
        if pool.options.single {
            pool.roster.outside(index, crate::execute::resident::vacate);
        }
        pool.gate.leave_search(|| false);
        pool.gate.shrink();
    }
    pool.roster.leave(index, end == End::Stopped);
    pool.left();
}

fn prepare(pool: &Pool, index: usize) {
    let options = &pool.options;
    // `build` has tried both on a thread of its own; one that fails here still does its work.
    if let Some(nice) = options.nice {
        let _unchanged = crate::sys::nice(nice);
    }
    if let Some(cpus) = &options.pin {
        let _unchanged = crate::sys::pin(cpus);
    }
    if let Some(on_start) = &options.on_start {
        pool.roster.outside(index, || {
            if let Err(payload) = contain(|| on_start()) {
                drop_contained(payload);
            }
        });
    }
}

fn search(pool: &Pool, index: usize) -> End {
    loop {
        if let Some(first) = pool.line.pop() {
            pool.take_step(pool.gate.leave_search(|| pool.is_waiting()));
            match work(pool, index, first) {
                After::Free => pool.gate.search(),
                After::Searching => {}
                After::Surplus => return End::Surplus,
            }
        } else if pool.is_stopping() {
            // What came before the stop can be seen now.
            if !pool.is_waiting() {
                return End::Stopped;
            }
        } else if !pool
            .linger
            .look(|| pool.is_waiting() || pool.is_stopping(), || pool.gate.others_work())
            && pool.gate.go_idle(index, || pool.is_waiting() || pool.is_stopping())
            && !idle(pool, index)
        {
            return End::Retired;
        }
    }
}

/// Runs calls for as long as there are some.
fn work(pool: &Pool, index: usize, first: Remains) -> After {
    let mut next = Some(first);
    while let Some(load) = next {
        match perform(pool, index, load) {
            After::Free => next = pool.line.pop(),
            after => return after,
        }
    }
    After::Free
}

fn perform(pool: &Pool, index: usize, load: Remains) -> After {
    let Remains::Work(work) = load else {
        pool.roster.outside(index, || load.dispose());
        return After::Free;
    };
    let claimed = match work.claim() {
        Ok(claimed) => claimed,
        Err(decided) => {
            pool.roster.outside(index, || drop(decided));
            return After::Free;
        }
    };
    let returned = pool.roster.execute(index, claimed);
    // Where a wake of another worker costs more than a look: the loop may have its next call ready
    // before this one has told it everything, and finds that somebody searches.
    let ahead = pool.options.searches_ahead;
    if ahead {
        pool.gate.search();
    }
    // By now this worker has one hand on the call, and gives that to the loop.
    let mut gone = None;
    let ran = returned.complete_or(&pool.hub, |unwanted| {
        gone = Some(unwanted.call().clone());
        if ahead {
            // Who drops it may take long.
            pool.take_step(pool.gate.leave_search(|| pool.is_waiting()));
        }
        pool.roster.outside(index, || drop(unwanted));
        if ahead {
            pool.gate.search();
        }
    });
    match (ran, gone) {
        // Its decider gave this worker up and made room for another.
        (Ran::Late(Verdict::TimedOut | Verdict::Shutdown), Some(call)) if !pool.options.kills => {
            call.lane().came_back();
            trace::came_back(call.subject());
            if pool.options.single || pool.gate.try_grow() { After::Free } else { After::Surplus }
        }
        _ if ahead => After::Searching,
        _ => After::Free,
    }
}

/// Parks until somebody claims this worker. `false`: it was idle for too long and retires.
fn idle(pool: &Pool, index: usize) -> bool {
    // A time beyond the clock's range never comes.
    let until = pool.options.keep_alive.and_then(|time| Instant::now().checked_add(time));
    while pool.gate.is_idle(index) {
        match until {
            None => thread::park(),
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    // A claim that came first counts: its wake is on its way.
                    return !pool.gate.cancel_idle(index)
                        || !pool.gate.retire(|| pool.is_waiting());
                }
                thread::park_timeout(left);
            }
        }
    }
    true
}
