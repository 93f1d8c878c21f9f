//! The way from a described call to an executor, common to the loop's handle and to [`Handle`].
//!
//! Invariant: whatever the way, a call gets either to an executor or into the loop's ready queue,
//! and its entry is where its token points before anybody can complete it.
//!
//! [`Handle`]: super::Handle

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::ticket::Ticket;
use crate::complete::{
    CallRef, Details, Hub, Job, LaneId, Life, Receiver, Route, Verdict, Work, call, refused,
};
use crate::deliver::{Arrivals, Entry, Token};
use crate::execute::{Engine, Priority};

/// What the policies of a call come to.
#[derive(Clone)]
pub struct Options {
    pub(crate) lane: LaneId,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) place: &'static Location<'static>,
}

impl Options {
    pub(crate) fn new(place: &'static Location<'static>) -> Self {
        Self {
            lane: LaneId::Threads,
            priority: Priority::Normal,
            deadline: None,
            name: None,
            place,
        }
    }

    pub(crate) fn details(self, token: Token, route: Route) -> Details {
        Details {
            lane: self.lane,
            token,
            route,
            name: self.name,
            place: self.place,
            // A deadline beyond the clock's range never passes.
            deadline: self.deadline.and_then(|time| Instant::now().checked_add(time)),
        }
    }
}

/// What the loop's handle and the handles on other threads share.
pub(crate) struct Link<S: 'static> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) engine: Engine,
    pub(crate) arrivals: Arrivals<S>,
}

impl<S> Link<S> {
    /// Takes a place for a call, or says what it comes to instead.
    #[track_caller]
    pub(crate) fn admit(&self, lane: LaneId) -> Result<(), Verdict> {
        assert_not_forked(&self.hub);
        let admitted = self.hub.lane(lane).admit();
        // Only then: a close that this look misses sees the place that was taken.
        if self.hub.life() != Life::Open {
            if admitted.is_ok() {
                self.hub.lane(lane).leave();
            }
            return Err(Verdict::Shutdown);
        }
        admitted.map_err(Verdict::Rejected)
    }

    /// Sends a call whose entry is in place.
    pub(crate) fn dispatch(&self, sent: Sent, priority: Priority) -> Ticket {
        let ticket = Ticket::new(sent.call.clone());
        match sent.way {
            Way::Executor(work) => self.engine.submit(work, priority),
            Way::StandBy => self.engine.stand_by(&sent.call),
            Way::Refused => self.hub.hand_over(sent.call),
        }
        ticket
    }
}

#[track_caller]
pub(crate) fn assert_not_forked(hub: &Hub) {
    assert!(
        !hub.is_forked(),
        "this process was forked after offloop was built, and its threads exist in the parent \
         only; build offloop after the fork, or exec"
    );
}

/// A call on its way.
pub(crate) struct Sent {
    call: CallRef,
    way: Way,
}

enum Way {
    Executor(Work),
    /// Its `Work` is in its entry, and the next turn runs it.
    StandBy,
    /// Its `Work` is in its entry, which has the job dropped off the loop.
    Refused,
}

/// Makes a call of a job; `entry` gets the right to its outcome and, where the loop keeps it, the
/// `Work`.
pub(crate) fn make<S, J: Job, E: Entry<S>>(
    hub: &Arc<Hub>,
    job: J,
    options: Options,
    token: Token,
    admitted: Result<(), Verdict>,
    entry: impl FnOnce(Receiver<J::Output>, Option<Work>) -> E,
) -> (Box<E>, Sent) {
    hub.counts.submitted.fetch_add(1, Ordering::Relaxed);
    let inline = options.lane == LaneId::Inline;
    let route = if inline { Route::Inline } else { Route::Loop };
    let details = options.details(token, route);
    let (work, receiver) = match admitted {
        Ok(()) => call(hub, job, details),
        Err(verdict) => refused(hub, job, details, verdict),
    };
    let call = work.call().clone();
    let (kept, way) = match (admitted, inline) {
        (Err(_), _) => (Some(work), Way::Refused),
        (Ok(()), true) => (Some(work), Way::StandBy),
        (Ok(()), false) => (None, Way::Executor(work)),
    };
    (Box::new(entry(receiver, kept)), Sent { call, way })
}
