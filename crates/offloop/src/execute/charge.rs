//! What the keeper and the submitters share: the pools and the timers of one offloop.
//! Invariant: a call that waits in a pool when its offloop closes is decided `Shutdown` by
//! whoever finds it first, and its job is dropped by the reaper.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::keeper::Timers;
use super::threads::Pool;
use crate::complete::{CallRef, Hub, LaneId, Life, Remains, Verdict};

pub(crate) struct Charge {
    pub(crate) hub: Arc<Hub>,
    pub(crate) threads: Arc<Pool>,
    pub(crate) cores: Arc<Pool>,
    /// Drops jobs that will not run and results that nobody took.
    pub(crate) reaper: Arc<Pool>,
    pub(crate) timers: Timers,
    /// A submit woke the keeper in the loop's place, so that it woke one thread and not two.
    pub(crate) owes_turn: AtomicBool,
}

impl Charge {
    /// The pools that run calls.
    pub(crate) fn pools(&self) -> [&Arc<Pool>; 2] {
        [&self.threads, &self.cores]
    }

    pub(crate) fn all(&self) -> [&Arc<Pool>; 3] {
        [&self.threads, &self.cores, &self.reaper]
    }

    /// The pool that runs a lane's calls; inline calls run on the loop.
    pub(crate) fn pool(&self, lane: LaneId) -> Option<&Arc<Pool>> {
        match lane {
            LaneId::Threads => Some(&self.threads),
            LaneId::Cores => Some(&self.cores),
            LaneId::Inline => None,
        }
    }

    /// Leaves it to the keeper to ask for a turn; the caller rings it afterwards.
    pub(crate) fn owe_turn(&self) {
        self.owes_turn.store(true, Ordering::Release);
    }

    /// The keeper asks for the turn that it owes.
    pub(crate) fn pay_turn(&self) {
        if self.owes_turn.swap(false, Ordering::Acquire) {
            self.hub.ask_for_turn();
        }
    }

    /// The call's deadline has passed.
    pub(crate) fn time_out(&self, call: &CallRef) {
        let from = call.decide(Verdict::TimedOut);
        if let (Some(from), Some(pool)) = (from, self.pool(call.lane())) {
            pool.cut_short(call, from);
        }
    }

    pub(crate) fn drain_if_closed(&self) {
        if self.hub.life() == Life::Open {
            return;
        }
        // The keeper may have ended.
        self.pay_turn();
        for pool in self.pools() {
            for load in pool.drain() {
                if let Remains::Work(work) = &load {
                    work.call().decide(Verdict::Shutdown);
                }
                self.hub.discard(load);
            }
        }
    }
}
