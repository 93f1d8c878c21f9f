//! Counters. Invariant: each is exact once what it counts has come to rest; read in between, they
//! may differ by the calls that are on their way.

use std::panic::Location;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::offloop::Offloop;
use crate::complete::{LaneId, Post};
use crate::execute::Crew;

/// What an offloop has done so far; from [`Offloop::stats`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Calls submitted, refused ones included; not those that `try_then` gave back.
    pub submitted: u64,
    /// Functions that returned in time.
    pub finished: u64,
    /// Functions that panicked in time.
    pub panicked: u64,
    /// Calls whose deadline passed.
    pub timed_out: u64,
    /// Calls that were cancelled.
    pub cancelled: u64,
    /// Calls that were refused; not those that `try_then` gave back.
    pub rejected: u64,
    /// Calls that the shutdown ended.
    pub shut_down: u64,
    /// Handlers run, and failures of detached calls looked at.
    pub delivered: u64,
    /// Handlers dropped unrun: no turn came any more, or their scope was closed.
    pub dropped_handlers: u64,
    /// Failures that no handler saw.
    pub unobserved: u64,
    /// Panics in the destructors of functions and of results that nobody took.
    pub destructor_panics: u64,
    /// Times that the loop was woken.
    pub wakes: u64,
    /// Panics of the waker.
    pub waker_panics: u64,
    /// Turns that found something ready.
    pub turns: u64,
    /// Handlers that ended behind their turn's time.
    pub turn_overruns: u64,
    /// The longest such turn.
    pub longest_turn: Duration,
    /// The submit place of the handler that ended it.
    pub longest_turn_place: Option<&'static Location<'static>>,
    /// The pool for blocking calls.
    pub threads: ExecutorStats,
    /// The pool for computing calls.
    pub cores: ExecutorStats,
    /// Calls that run on the loop.
    pub inline: ExecutorStats,
    /// The threads of resources, all together.
    pub resources: ExecutorStats,
}

/// One executor's load at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExecutorStats {
    /// Calls that wait.
    pub queued: usize,
    /// Functions that run, abandoned ones included.
    pub running: usize,
    /// Functions past their deadline that still run.
    pub abandoned: usize,
    /// Threads, idle ones included.
    pub threads: usize,
    /// Times that the system gave no thread.
    pub start_failures: u64,
}

impl<S: 'static> Offloop<S> {
    /// The counters as they stand.
    pub fn stats(&self) -> Stats {
        let hub = &self.link().hub;
        let counts = &hub.counts;
        let turns = self.inbox().counts();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            submitted: load(&counts.submitted),
            finished: load(&counts.finished),
            panicked: load(&counts.panicked),
            timed_out: load(&counts.timed_out),
            cancelled: load(&counts.cancelled),
            rejected: load(&counts.rejected),
            shut_down: load(&counts.shut_down),
            destructor_panics: load(&counts.destructor_panics),
            delivered: turns.delivered,
            dropped_handlers: self.local.dropped_handlers.get(),
            unobserved: self.local.unobserved.get(),
            wakes: hub.notify.wakes(),
            waker_panics: hub.notify.panics(),
            turns: turns.turns,
            turn_overruns: turns.overruns,
            longest_turn: turns.longest,
            longest_turn_place: turns.longest_place,
            threads: self.executor(LaneId::Threads),
            cores: self.executor(LaneId::Cores),
            inline: self.executor(LaneId::Inline),
            resources: self.resources(),
        }
    }

    fn resources(&self) -> ExecutorStats {
        let mut all = ExecutorStats::default();
        for resident in self.link().engine.residents() {
            let (lane, counts) = (resident.lane(), resident.counts());
            all.queued += lane.queued();
            all.running += lane.running();
            all.abandoned += lane.abandoned();
            all.threads += counts.threads;
            all.start_failures += counts.start_failures;
        }
        all
    }

    fn executor(&self, id: LaneId) -> ExecutorStats {
        let link = self.link();
        let lane = link.hub.lane(id);
        let pool = link.engine.counts(id);
        ExecutorStats {
            queued: lane.queued(),
            running: lane.running(),
            abandoned: lane.abandoned(),
            threads: pool.map_or(0, |pool| pool.threads),
            start_failures: pool.map_or(0, |pool| pool.start_failures),
        }
    }
}
