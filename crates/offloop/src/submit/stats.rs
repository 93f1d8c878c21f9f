//! Counters and times. Invariant: each counter is exact once what it counts has come to rest; read
//! in between, they may differ by the calls that are on their way.

#[cfg(feature = "stats")]
use std::borrow::Cow;
#[cfg(feature = "stats")]
use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::offloop::Offloop;
#[cfg(feature = "process")]
use super::process::WorkerStats;
use crate::complete::{LaneId, Post};
use crate::execute::Crew;
#[cfg(feature = "stats")]
use crate::timing::{Book, CallStats, Latencies, OTHER_NAMES};

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
    /// Calls whose worker process died.
    pub died: u64,
    /// Calls whose argument or result could not be encoded or decoded.
    pub codec: u64,
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
    /// Turns that took longer than [`Turn::max_time`](crate::Turn::max_time).
    ///
    /// A turn looks at the clock after each handler and ends with the one that uses its time up, so
    /// each of these is one handler that ran on behind it: on its own, or at the end of others that
    /// took their share. An inline call's function counts like a handler, and so does a loop that a
    /// handler runs inside itself. A handler that panics is left out.
    pub turn_overruns: u64,
    /// How long the longest of these took.
    pub longest_turn: Duration,
    /// The submit place of the handler that ended it: where to look first.
    pub longest_turn_place: Option<&'static Location<'static>>,
    /// The pool for blocking calls.
    pub threads: ExecutorStats,
    /// The pool for computing calls.
    pub cores: ExecutorStats,
    /// Calls that run on the loop.
    pub inline: ExecutorStats,
    /// The threads of resources, all together.
    pub resources: ExecutorStats,
    /// Calls in worker processes; its `threads` are those.
    pub processes: ExecutorStats,
    /// Async calls; its `threads` are the executor's own.
    pub async_calls: ExecutorStats,
    /// Polls of async calls that took longer than [`AsyncCalls::stall`](crate::AsyncCalls::stall):
    /// their future blocked its thread, and all else that the thread had to poll waited. Each is an
    /// event for `tracing`, too.
    pub async_stalls: u64,
    /// How long the longest of these took, as far as it is over or its call was decided meanwhile.
    pub longest_stall: Duration,
    /// The submit place of its call: where to look first.
    pub longest_stall_place: Option<&'static Location<'static>>,
    /// What became of the worker processes.
    #[cfg(feature = "process")]
    pub workers: WorkerStats,
    /// The timed calls that have a [`name`](crate::Call::name), by that.
    ///
    /// The first 256 names have an entry each; later ones share [`Stats::OTHER_NAMES`].
    #[cfg(feature = "stats")]
    pub names: BTreeMap<Cow<'static, str>, CallStats>,
}

#[cfg(feature = "stats")]
impl Stats {
    /// The entry in [`names`](Self::names) of the names that came after the first 256.
    pub const OTHER_NAMES: &'static str = OTHER_NAMES;

    fn with_times(mut self, mut book: Book) -> Self {
        let executors = [
            (LaneId::Threads, &mut self.threads),
            (LaneId::Cores, &mut self.cores),
            (LaneId::Inline, &mut self.inline),
            (LaneId::Resource, &mut self.resources),
            (LaneId::Process, &mut self.processes),
            (LaneId::Async, &mut self.async_calls),
        ];
        for (id, stats) in executors {
            let CallStats { queue_wait, run, delivery_wait } = book.take_lane(id as usize);
            (stats.queue_wait, stats.run, stats.delivery_wait) = (queue_wait, run, delivery_wait);
        }
        self.names = book.into_names().collect();
        self
    }
}

/// One executor's load at present, and how long its calls waited and ran.
///
/// The three times of a call follow on one another, so that they add up to the time from its submit
/// to its handler. They are taken for some of the calls, see [`Offloop::stats`], and counted when
/// the outcome is delivered: to a handler, to a detached call's end, to a task. So a call is not
/// counted before that, and never if its handler or its future is dropped instead.
///
/// Calls that share a run are counted one by one, each from its own submit, where the run takes
/// place; the run itself is not a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// From the submit until the function began, or until the call ended without it: by a deadline,
    /// a cancel, a shutdown or the want of a thread. What a [`serial`](crate::Call::serial) call
    /// waits for its turn is part of it. Calls refused at submit have none.
    #[cfg(feature = "stats")]
    pub queue_wait: Latencies,
    /// From the function's begin until it returned or panicked, or until the call ended without it:
    /// a function that runs past its deadline counts with the time up to that. Calls whose function
    /// did not begin have none, and so have those that left a shared run before its end.
    #[cfg(feature = "stats")]
    pub run: Latencies,
    /// From then, or from a refusal, until the handler ran or the task took the outcome: what the
    /// loop's other work, handlers ahead in the line, and earlier calls of an
    /// [`in_order`](crate::Call::in_order) key cost.
    #[cfg(feature = "stats")]
    pub delivery_wait: Latencies,
}

impl<S: 'static> Offloop<S> {
    /// The counters as they stand and, with the feature `stats`, how long calls waited and ran.
    ///
    /// **Which calls are timed**: of the loop's own calls about the first 32 of each 5 ms, as many of
    /// all its [`Handle`](crate::Handle)s' together, and one in 64 of the others. So a loop that
    /// makes a call now and then has all of them timed, and a storm of calls pays for few. The
    /// counters count every call.
    ///
    /// **What it costs**: a call that is not timed, next to nothing; a timed one, four readings of
    /// the clock (one on the submitting thread, two on the worker, one at the delivery) and an entry
    /// in the loop's own books. Each call is 16 bytes larger. An executor or a name with timed calls
    /// takes three tables, which grow as its longest times double. This method copies all of that:
    /// good for a status line a few times a second, not for every turn.
    pub fn stats(&self) -> Stats {
        let hub = &self.link().hub;
        let counts = &hub.counts;
        let turns = self.inbox().counts();
        let stalls = self.link().engine.stalls();
        let (by_loop, by_handles) = counts.submitted.counts();
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Acquire);
        let stats = Stats {
            submitted: by_loop + by_handles,
            finished: load(&counts.finished),
            panicked: load(&counts.panicked),
            died: load(&counts.died),
            codec: load(&counts.unmoved),
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
            processes: self.executor(LaneId::Process),
            async_calls: self.executor(LaneId::Async),
            async_stalls: stalls.stalls,
            longest_stall: stalls.longest,
            longest_stall_place: stalls.longest_place,
            #[cfg(feature = "process")]
            workers: self.workers(),
            #[cfg(feature = "stats")]
            names: BTreeMap::new(),
        };
        #[cfg(feature = "stats")]
        let stats = stats.with_times(hub.timing.book());
        stats
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
            #[cfg(feature = "stats")]
            queue_wait: Latencies::default(),
            #[cfg(feature = "stats")]
            run: Latencies::default(),
            #[cfg(feature = "stats")]
            delivery_wait: Latencies::default(),
        }
    }
}
