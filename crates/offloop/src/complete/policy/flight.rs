//! `share`: one run serves all equal calls that are submitted until it ends.
//!
//! The run is a call of its own, the *flight*, which no user sees. Everybody who asked is a
//! *member*, the first one too: a call with its own ticket, deadline and place. Members wait in the
//! flight's roll; when the function has returned, its worker clones the value for each and
//! completes them. A flight that fails without a value fails its members; one whose last member
//! has left is cancelled, and a call that comes then begins another.
//!
//! Invariant: a member joins while the roll is open. Whoever closes it, once, ends the members.

use std::sync::Arc;

use super::lock;
use crate::complete::cell::{CallRef, Job, Work};
use crate::complete::hub::Hub;
use crate::complete::state::{Phase, Verdict};
use crate::failure::Outcome;
use crate::sync::Mutex;

/// Where a member's outcome is left for it.
pub(crate) struct Seat<T>(Arc<Mutex<Option<Outcome<T>>>>);

impl<T> Seat<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    pub(crate) fn leave(&self, outcome: Outcome<T>) {
        *lock(&self.0) = Some(outcome);
    }
}

impl<T> Clone for Seat<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// What a member runs: it takes what was left for it.
pub(crate) struct Follow<T>(pub(crate) Seat<T>);

impl<T: Send + 'static> Job for Follow<T> {
    type Output = T;

    fn perform(self, _: &CallRef) -> Outcome<T> {
        lock(&self.0.0).take().expect("a member is completed when its outcome is there")
    }
}

/// The flights of one key, one at a time.
pub(crate) struct ShareLine<T> {
    /// The value's own `Clone`, for which `share` asks.
    pub(crate) clone: fn(&T) -> T,
    current: Mutex<Option<Arc<Shared<T>>>>,
}

/// One flight, seen from its members.
pub(crate) struct Shared<T> {
    roll: Mutex<Roll<T>>,
}

struct Roll<T> {
    closed: bool,
    /// Members whose outcome is open.
    open: usize,
    /// Whether the function had begun when the roll was closed.
    begun: bool,
    members: Vec<(Work, Seat<T>)>,
    flight: Option<CallRef>,
}

/// What a call knows of the flight that it belongs to, or is.
pub(crate) trait Members: Send + Sync {
    /// A member's outcome was decided by something else than the flight.
    fn left(&self, hub: &Hub, verdict: Verdict);
    /// The flight failed without a value.
    fn fail(&self, verdict: Verdict);
    /// Whether the flight's function has begun.
    fn have_begun(&self) -> bool;
}

impl<T: Send + 'static> ShareLine<T> {
    pub(crate) fn new(clone: fn(&T) -> T) -> Self {
        Self { clone, current: Mutex::new(None) }
    }

    /// Whether a call would join a flight, and need no place of its own.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.current).as_ref().is_some_and(|shared| !lock(&shared.roll).closed)
    }

    /// Adds the member that `make` makes; gives the flight that is to be begun for it, if it leads.
    pub(crate) fn board<R>(
        &self,
        make: impl FnOnce(Arc<dyn Members>, Seat<T>) -> (Work, R),
    ) -> (R, Option<Arc<Shared<T>>>) {
        let mut current = lock(&self.current);
        let seat = Seat::new();
        if let Some(shared) = &*current {
            let mut roll = lock(&shared.roll);
            if !roll.closed {
                let (work, rest) = make(shared.clone(), seat.clone());
                roll.open += 1;
                roll.members.push((work, seat));
                return (rest, None);
            }
        }
        let roll = Roll { closed: false, open: 1, begun: false, members: Vec::new(), flight: None };
        let shared = Arc::new(Shared { roll: Mutex::new(roll) });
        let (work, rest) = make(shared.clone(), seat.clone());
        lock(&shared.roll).members.push((work, seat));
        *current = Some(shared.clone());
        (rest, Some(shared))
    }
}

impl<T: Send + 'static> Shared<T> {
    /// The flight is made; its members may have left before.
    pub(crate) fn begin(&self, flight: &CallRef) {
        let mut roll = lock(&self.roll);
        if roll.closed {
            drop(roll);
            flight.decide(Verdict::Cancelled(crate::failure::By::Caller));
        } else {
            roll.flight = Some(flight.clone());
        }
    }

    /// Nobody joins any more; gives out the members, for the one that ends them.
    pub(crate) fn close(&self) -> Vec<(Work, Seat<T>)> {
        let mut roll = lock(&self.roll);
        roll.closed = true;
        let flight = roll.flight.take();
        roll.begun = flight.as_ref().is_some_and(|flight| flight.has_begun());
        let members = std::mem::take(&mut roll.members);
        drop(roll);
        drop(flight);
        members
    }
}

impl<T: Send + 'static> Members for Shared<T> {
    fn left(&self, hub: &Hub, verdict: Verdict) {
        let mut roll = lock(&self.roll);
        if roll.closed {
            return;
        }
        roll.open -= 1;
        if roll.open > 0 {
            return;
        }
        roll.closed = true;
        let flight = roll.flight.take();
        let members = std::mem::take(&mut roll.members);
        drop(roll);
        for (work, _) in members {
            work.discard();
        }
        if let Some(flight) = flight
            && let Some(from) = flight.decide(verdict)
            && verdict == Verdict::TimedOut
            && from == Phase::Running
        {
            hub.cut_short(&flight, from);
        }
    }

    fn fail(&self, verdict: Verdict) {
        for (work, _) in self.close() {
            work.turn_away(verdict);
        }
    }

    fn have_begun(&self) -> bool {
        let roll = lock(&self.roll);
        roll.begun || roll.flight.as_ref().is_some_and(|flight| flight.has_begun())
    }
}
