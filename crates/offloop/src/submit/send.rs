//! The way from a described call to an executor, common to the loop's handle and to [`Handle`].
//!
//! Invariant: whatever the way, a call gets either to an executor or into the loop's ready queue,
//! and its entry is where its token points before anybody can complete it.
//!
//! [`Handle`]: super::Handle

use std::sync::Arc;

use super::options::{Options, Run};
use super::resource::Tenancy;
use super::ticket::Ticket;
use crate::complete::{
    CallRef, Hub, Job, LaneId, Life, Load, Receiver, Remains, Route, ShareLine, Shared, Verdict,
    Work, call, refused,
};
use crate::deliver::{Arrivals, Token};
use crate::execute::{Engine, Names, SharedRun};
use crate::keyed::{Keyed, Keys};
use crate::timing::{Number, Stamps};
use crate::trace;

/// What the loop's handle and the handles on other threads share.
pub struct Link<S: 'static> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) engine: Engine,
    pub(crate) arrivals: Arrivals<S>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) names: Names,
}

impl<S> Link<S> {
    /// Takes a place for a call, or says what it comes to instead.
    #[track_caller]
    pub(crate) fn admit(&self, options: &Options, awaited: bool) -> Result<(), Verdict> {
        assert_not_forked(&self.hub);
        if let Some(conflict) = options.conflict(awaited) {
            return Err(Verdict::Rejected(crate::Reason::Conflict(conflict)));
        }
        if let Some(reason) = options.misdirection() {
            return Err(Verdict::Rejected(reason));
        }
        let lane = options.lane(&self.hub);
        let admitted = lane.admit();
        // Only then: a close that this look misses sees the place that was taken.
        if self.hub.life() != Life::Open {
            if admitted.is_ok() {
                lane.leave();
            }
            return Err(Verdict::Shutdown);
        }
        admitted.map_err(Verdict::Rejected)
    }

    /// Same as [`admit`](Self::admit), for a call that is given back when it can't be taken: one
    /// that shares a run needs a place for the run as well, unless that is under way.
    #[track_caller]
    pub(crate) fn try_admit<T: Send + 'static>(&self, options: &Options) -> Result<(), Verdict> {
        self.admit(options, false)?;
        let room = options.run_lane::<T>(&self.hub).map_or(Ok(()), |lane| {
            lane.admit()?;
            lane.leave();
            Ok(())
        });
        room.map_err(|reason| {
            options.lane(&self.hub).leave();
            Verdict::Rejected(reason)
        })
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

/// The two handles that calls are made from, [`Offloop`](crate::Offloop) and
/// [`Handle`](crate::Handle): for code that takes calls of both. It can't be implemented elsewhere.
pub trait Origin: Sized {
    /// What the loop's handlers change.
    type State: 'static;
    /// What a call has on the loop thread besides its handler.
    #[doc(hidden)]
    type Extras: Default;
    /// A place in a scope.
    #[doc(hidden)]
    type Seat;

    #[doc(hidden)]
    fn link(&self) -> &Link<Self::State>;

    /// Counts a submit.
    #[doc(hidden)]
    fn number(&self) -> Number;

    /// Leaves an inline call's `Work` where a turn finds it.
    #[doc(hidden)]
    fn stand(&self, make: impl FnOnce(Token) -> Work) -> CallRef;

    /// Enters an awaited call into its scope.
    #[doc(hidden)]
    fn enroll(extras: &Self::Extras, call: &CallRef) -> Option<Self::Seat>;
}

/// A call that is made, and not yet on its way.
pub(crate) struct Made<J: Job> {
    pub(crate) receiver: Receiver<J::Output>,
    /// The `Work` that the loop keeps: of an inline call, or of a refused one.
    pub(crate) kept: Option<Work>,
    pub(crate) sent: Sent<J>,
}

/// A call on its way.
pub(crate) struct Sent<J: Job> {
    pub(crate) call: CallRef,
    way: Way<J>,
}

enum Way<J: Job> {
    Executor(Load, Option<Arc<Tenancy>>),
    /// Its `Work` is in its entry, which has the job dropped off the loop.
    Refused,
    /// It waits for a run, which it is to begin if it leads.
    Shared(Box<SharedWay<J>>),
}

struct SharedWay<J: Job> {
    job: J,
    lead: Option<Arc<Shared<J::Output>>>,
    line: Arc<Keyed<ShareLine<J::Output>>>,
    run: Run,
}

/// Makes a call of a job; `route` is how its outcome is brought back.
#[inline(always)]
pub(crate) fn make<J: Job>(
    hub: &Arc<Hub>,
    number: Number,
    job: J,
    mut options: Options,
    token: Token,
    route: Route,
    admitted: Result<(), Verdict>,
) -> Made<J> {
    let stamps = hub.timing.submit(number, || hub.now());
    if let Err(verdict) = admitted {
        let details = options.refused().details(hub, stamps, token, route);
        let (work, receiver, call) = refused(hub, job, details, verdict);
        return Made { receiver, kept: Some(work), sent: Sent { call, way: Way::Refused } };
    }
    if let Some(line) = options.take_share::<J::Output>() {
        let run = options.split_run();
        let ((receiver, call), lead) = line.board(|membership, seat| {
            let mut details = options.member(membership).details(hub, stamps, token, route);
            details.runs_on = run.options.lane;
            let (work, receiver, call) = call(hub, crate::complete::Follow(seat), details);
            (work, (receiver, call))
        });
        let way = Way::Shared(Box::new(SharedWay { job, lead, line, run }));
        return Made { receiver, kept: None, sent: Sent { call, way } };
    }
    let (lane, priority) = (options.lane, options.priority);
    let tenancy = options.take_tenancy();
    let (work, receiver, call) = call(hub, job, options.details(hub, stamps, token, route));
    let (kept, load) = if lane == LaneId::Inline {
        (Some(work), Load::StandBy(call.clone()))
    } else {
        (None, Load::Work(work, priority))
    };
    Made { receiver, kept, sent: Sent { call, way: Way::Executor(load, tenancy) } }
}

/// Sends a call whose entry is in place.
pub(crate) fn dispatch<O: Origin, J: Job>(origin: &O, sent: Sent<J>) -> Ticket {
    let link = origin.link();
    let Sent { call, way } = sent;
    match way {
        Way::Executor(load, tenancy) => {
            link.engine.submit(load, tenancy.as_ref().map(|tenancy| tenancy.resident()));
        }
        Way::Refused => {
            call.refuse();
            if let Some(Verdict::Rejected(reason)) = call.verdict() {
                trace::refused(call.subject(), &reason);
            }
        }
        Way::Shared(way) => {
            link.engine.mind(&call);
            let SharedWay { job, lead, line, run } = *way;
            match lead {
                Some(shared) => begin(origin, job, shared, line, run),
                None => link.hub.discard(Remains::Value(link.hub.clone(), Box::new(job))),
            }
        }
    }
    Ticket::new(call)
}

/// Begins the run that serves the members of `shared`.
fn begin<O: Origin, J: Job>(
    origin: &O,
    job: J,
    shared: Arc<Shared<J::Output>>,
    line: Arc<Keyed<ShareLine<J::Output>>>,
    mut run: Run,
) {
    let link = origin.link();
    let hub = &link.hub;
    if let Err(reason) = run.options.lane(hub).admit() {
        hub.discard(Remains::Value(hub.clone(), Box::new(job)));
        crate::complete::Members::fail(&*shared, Verdict::Rejected(reason));
        trace::refused(run.options.subject(), &reason);
        return;
    }
    let tenancy = run.options.take_tenancy();
    let (lane, priority) = (run.options.lane, run.options.priority);
    let route = Route::Flight(shared.clone());
    let job = SharedRun::new(job, shared.clone(), line);
    // What it returns has been given to its members by then.
    let stamps = Stamps::of_run(&hub.timing, hub.now());
    let make = |token| call(hub, job, run.options.details(hub, stamps, token, route)).0;
    let load = if lane == LaneId::Inline {
        Load::StandBy(origin.stand(make))
    } else {
        Load::Work(make(Token::NONE), priority)
    };
    shared.begin(load.call());
    link.engine.submit(load, tenancy.as_ref().map(|tenancy| tenancy.resident()));
}
