//! The workers that are ready, and the attendants that wait for one.
//!
//! Invariant: `members` counts the workers that are ready or in use; whoever takes one out of the
//! books (`lose`) does so once, and the manager is rung whenever one more is wanted.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::peer::Peer;
use crate::complete::CallRef;
use crate::execute::threads::lock;
use crate::sys::WakeFd;

pub(super) struct Rack {
    state: Mutex<State>,
    changed: Condvar,
    /// Wakes the manager, which owns it, so that it closes with the manager's end.
    bell: Weak<WakeFd>,
}

struct State {
    idle: Vec<Arc<Peer>>,
    members: usize,
    starting: usize,
    /// Attendants that wait.
    waiting: usize,
    /// How many workers calls may use at once, and how many more are kept ready.
    max: usize,
    spare: usize,
    /// How often those who wait were told that no worker can be had.
    refusals: u64,
    stopping: bool,
}

/// Why an attendant has no worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
    /// The call's outcome is decided.
    Decided,
    /// None can be started.
    NoWorker,
}

impl State {
    /// How many more are to be started.
    fn lacking(&self) -> usize {
        if self.stopping {
            return 0;
        }
        let busy = self.members - self.idle.len();
        let wanted = (busy + self.waiting).min(self.max) + self.spare;
        wanted.saturating_sub(self.members + self.starting)
    }
}

impl Rack {
    pub(super) fn new(max: usize, spare: usize, bell: &Arc<WakeFd>) -> Self {
        let state = State {
            idle: Vec::new(),
            members: 0,
            starting: 0,
            waiting: 0,
            max,
            spare,
            refusals: 0,
            stopping: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), bell: Arc::downgrade(bell) }
    }

    /// Waits for a worker.
    pub(super) fn lease(&self, call: &CallRef) -> Result<Arc<Peer>, Without> {
        let mut state = lock(&self.state);
        state.waiting += 1;
        let refusals = state.refusals;
        let found = loop {
            if call.is_decided() || state.stopping {
                break Err(Without::Decided);
            }
            // The one that was used last is the warmest.
            if let Some(peer) = state.idle.pop() {
                break Ok(peer);
            }
            if state.refusals != refusals {
                break Err(Without::NoWorker);
            }
            self.ring_if_lacking(&state);
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        state.waiting -= 1;
        self.ring_if_lacking(&state);
        found
    }

    pub(super) fn give_back(&self, peer: Arc<Peer>) {
        let mut state = lock(&self.state);
        // One that comes back behind the end is nobody's any more.
        if !peer.gone.load(Ordering::Relaxed) && !state.stopping {
            state.idle.push(peer);
        }
        self.tell_one(state);
    }

    /// One more is ready. A wake of nobody is a system call all the same.
    fn tell_one(&self, state: MutexGuard<'_, State>) {
        let somebody_waits = state.waiting > 0;
        drop(state);
        if somebody_waits {
            self.changed.notify_one();
        }
    }

    /// A worker is lost, or not wanted any more. `false`: that was known.
    pub(super) fn lose(&self, peer: &Arc<Peer>) -> bool {
        let mut state = lock(&self.state);
        if peer.gone.swap(true, Ordering::Relaxed) {
            return false;
        }
        state.members = state.members.saturating_sub(1);
        state.idle.retain(|idle| !Arc::ptr_eq(idle, peer));
        drop(state);
        // Even if no other one is wanted: the manager reaps it.
        self.ring();
        true
    }

    /// A call was decided: if its attendant waits here, it need not any more.
    pub(super) fn look_again(&self) {
        // Under the lock, so that an attendant is either before its look or in its wait.
        drop(lock(&self.state));
        self.changed.notify_all();
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.upgrade() {
            bell.signal();
        }
    }

    fn ring_if_lacking(&self, state: &State) {
        if state.lacking() > 0 {
            self.ring();
        }
    }

    /// How many processes there are, those included that start.
    pub(super) fn processes(&self) -> usize {
        let state = lock(&self.state);
        state.members + state.starting
    }

    pub(super) fn is_stopping(&self) -> bool {
        lock(&self.state).stopping
    }
}

/// The manager's side.
impl Rack {
    /// How many workers to start now; they count as starting.
    pub(super) fn plan_starts(&self) -> usize {
        let mut state = lock(&self.state);
        let count = state.lacking();
        state.starting += count;
        count
    }

    pub(super) fn started(&self, peer: Arc<Peer>) {
        let mut state = lock(&self.state);
        state.starting -= 1;
        state.members += 1;
        peer.gone.store(false, Ordering::Relaxed);
        state.idle.push(peer);
        self.tell_one(state);
    }

    /// A start failed.
    pub(super) fn gave_up_start(&self) {
        let mut state = lock(&self.state);
        state.starting = state.starting.saturating_sub(1);
    }

    /// Whether anybody waits for a worker, and whether there are any.
    pub(super) fn is_waited_for(&self) -> (bool, bool) {
        let state = lock(&self.state);
        (state.waiting > 0, state.members > 0)
    }

    /// Tells those who wait that no worker can be had.
    pub(super) fn refuse(&self) {
        lock(&self.state).refusals += 1;
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stopping = true;
        self.changed.notify_all();
        self.ring();
    }

    /// Those that nobody uses, when it stops; from then on there are none.
    pub(super) fn take_idle(&self) -> Vec<Arc<Peer>> {
        let mut state = lock(&self.state);
        (state.members, state.starting) = (0, 0);
        let idle = std::mem::take(&mut state.idle);
        for peer in &idle {
            peer.gone.store(true, Ordering::Relaxed);
        }
        idle
    }
}
