//! The executors of one offloop, together: where a call goes, and how it all ends.
//!
//! Order of the end: nothing new (`life`), nothing queued (`drain`), what runs is waited for and
//! then given up, the workers leave, then the reaper that drops what they left, then the keeper.

use std::borrow::Cow;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::charge::Charge;
use super::grave::Grave;
use super::inline;
use super::keeper::{Bell, Keeper, Timers};
use super::threads::{Apart, Pool, PoolCounts};
use super::{Executor, Priority, Ring};
use crate::complete::{CallRef, Hub, LaneId, Verdict, Work};

/// A call whose function was still running when a shutdown's time was over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AbandonedCall {
    /// The call's name, if it was given one.
    pub name: Option<Cow<'static, str>>,
    /// Where the call was submitted.
    pub place: &'static Location<'static>,
}

/// How the running calls ended.
pub(crate) struct Exits {
    pub(crate) finished: usize,
    pub(crate) abandoned: Vec<AbandonedCall>,
}

pub(crate) struct Engine {
    charge: Arc<Charge>,
    bell: Arc<Bell>,
    keeper: Keeper,
}

impl Engine {
    pub(crate) fn start(hub: Arc<Hub>, threads: Apart, cores: Apart) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let pool = |options| Pool::new(options, bell.clone());
        let charge = Arc::new(Charge {
            threads: pool(threads),
            cores: pool(cores),
            reaper: pool(Apart::reaper()),
            timers: Timers::new(),
            owes_turn: AtomicBool::new(false),
            hub,
        });
        let keeper = Keeper::start(bell.clone(), charge.clone())?;
        charge.hub.set_discard(Some(charge.reaper.clone()));
        Ok(Self { charge, bell, keeper })
    }

    /// Sends a call on its way: one wake at the most.
    pub(crate) fn submit(&self, work: Work, priority: Priority) {
        let ring = self.set_timer(work.call());
        let pool = self.charge.pool(work.call().lane()).expect("an inline call stands by");
        pool.submit(work, priority, ring);
        self.sent(ring);
    }

    /// Sends an inline call on its way: it stands by for the next turn, and its loop is woken.
    pub(crate) fn stand_by(&self, call: &CallRef) {
        let ring = self.set_timer(call);
        inline::stand_by(&self.charge, call, ring);
        self.sent(ring);
    }

    /// `Ring::No` when the keeper would wake too late for the call's deadline, so that
    /// [`sent`](Self::sent) wakes it.
    fn set_timer(&self, call: &CallRef) -> Ring {
        match call.deadline() {
            Some(at) if self.charge.timers.add(at, call.clone()) => Ring::No,
            _ => Ring::Yes,
        }
    }

    fn sent(&self, ring: Ring) {
        if ring == Ring::No {
            self.bell.ring();
        }
        // A close may have come between the caller's look at `life` and the push.
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        self.charge.drain_if_closed();
    }

    /// Has the keeper drain; returns at once.
    pub(crate) fn drain_soon(&self) {
        self.bell.ring();
    }

    /// Waits for what runs, at most `within`; then decides what is left, and ends all threads.
    pub(crate) fn shut_down(&self, within: Duration) -> Exits {
        let until = Instant::now().checked_add(within).unwrap_or_else(far_off);
        self.charge.drain_if_closed();
        let mut abandoned = Vec::new();
        for pool in self.charge.pools() {
            pool.roster().wait_returned(until);
        }
        for pool in self.charge.pools() {
            for call in pool.roster().running() {
                if let Some(from) = call.decide(Verdict::Shutdown) {
                    pool.cut_short(&call, from);
                }
                // A worker also holds calls that it is about to skip, or has just finished.
                if call.is_cut_short() {
                    let (name, place) = (call.name().cloned(), call.place());
                    abandoned.push(AbandonedCall { name, place });
                }
            }
            pool.stop();
        }
        for pool in self.charge.pools() {
            pool.wait_left(until);
        }
        let finished = &self.charge.hub.counts.finished_in_shutdown;
        let finished = finished.load(std::sync::atomic::Ordering::Relaxed);
        Exits { finished: usize::try_from(finished).unwrap_or(usize::MAX), abandoned }
    }

    /// The end of all threads; what the loop thread leaves from now on waits for
    /// [`bury`](Self::bury).
    pub(crate) fn end(&self, until: Option<Instant>) {
        self.charge.reaper.stop();
        self.charge.reaper.wait_left(until.unwrap_or_else(far_off));
        self.keeper.stop();
        // It may have been about to start a worker when the pool stopped; now it starts no more.
        for pool in self.charge.all() {
            pool.roster().wait_left(until.unwrap_or_else(far_off));
        }
        self.charge.hub.set_discard(Some(Arc::new(Grave::new())));
        // A reaper that is inside a destructor goes on with the rest when it returns.
        if self.charge.reaper.roster().threads() == 0 {
            // No thread could be had for these.
            for load in self.charge.reaper.drain() {
                load.dispose();
            }
        }
    }

    /// The loop's last handle is gone, and nobody on its thread leaves remains any more.
    pub(crate) fn bury(&self) {
        self.charge.hub.set_discard(None);
    }

    /// In a forked child: joins and ends nothing.
    pub(crate) fn forget(&self) {
        self.keeper.forget();
    }

    pub(crate) fn counts(&self, lane: LaneId) -> Option<PoolCounts> {
        self.charge.pool(lane).map(|pool| pool.counts())
    }
}

/// A time that no shutdown lives to see, for waits beyond the clock's range.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(86_400 * 365)
}
