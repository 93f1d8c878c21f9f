//! What the policies of a call come to, from the description to the submit.
//!
//! Invariant: a call without keys, scope, progress and resource carries none of the boxed part.

use std::any::Any;
use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::resource::Tenancy;
use crate::complete::{Details, Hub, Lane, LaneId, Members, Policy, Route, ShareLine};
use crate::deliver::Token;
use crate::failure::{Conflict, Reason};
use crate::keyed::Keyed;
use crate::priority::Priority;
use crate::timing::Stamps;
use crate::trace::Subject;

pub(crate) struct Options {
    pub(crate) lane: LaneId,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) place: &'static Location<'static>,
    /// Why a worker process, or a runtime for futures, can't run it.
    pub(super) unavailable: Option<Reason>,
    more: Option<Box<More>>,
}

#[derive(Default)]
struct More {
    policy: Policy,
    /// A `Keyed<ShareLine<T>>` for the call's own `T`.
    share: Option<Arc<dyn Any + Send + Sync>>,
    tenancy: Option<Arc<Tenancy>>,
    /// An executor was chosen for a call that has its own.
    misplaced: bool,
}

/// The run that serves a call and others.
pub(crate) struct Run {
    pub(crate) options: Options,
}

impl Options {
    pub(crate) fn new(place: &'static Location<'static>) -> Self {
        Self {
            lane: LaneId::Threads,
            priority: Priority::Normal,
            deadline: None,
            name: None,
            place,
            unavailable: None,
            more: None,
        }
    }

    /// Who is described, for what is told about it.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { name: self.name.as_deref(), place: self.place }
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    pub(crate) fn policy(&mut self) -> &mut Policy {
        &mut self.more().policy
    }

    pub(crate) fn place_on(&mut self, lane: LaneId) {
        match &mut self.more {
            Some(more) if more.tenancy.is_some() => more.misplaced = true,
            _ => self.lane = lane,
        }
    }

    /// It is a future, and is polled if there is somebody who does.
    pub(crate) fn flow(&mut self, polled: bool) {
        self.lane = LaneId::Async;
        self.unavailable = (!polled).then_some(Reason::NotConfigured);
    }

    pub(crate) fn stay_with(&mut self, tenancy: Arc<Tenancy>) {
        self.lane = LaneId::Resource;
        self.more().policy.post = Some(tenancy.post());
        self.more().tenancy = Some(tenancy);
    }

    pub(crate) fn share<T: Send + 'static>(&mut self, line: Arc<Keyed<ShareLine<T>>>) {
        self.more().share = Some(line);
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.more.as_ref().is_some_and(|more| more.share.is_some())
    }

    fn share_line<T: Send + 'static>(&self) -> Option<Arc<Keyed<ShareLine<T>>>> {
        let line = self.more.as_ref()?.share.clone()?;
        Some(line.downcast().expect("the line is for the call's own output"))
    }

    pub(crate) fn take_share<T: Send + 'static>(&mut self) -> Option<Arc<Keyed<ShareLine<T>>>> {
        let line = self.share_line()?;
        self.more().share = None;
        Some(line)
    }

    pub(crate) fn take_tenancy(&mut self) -> Option<Arc<Tenancy>> {
        self.more.as_mut()?.tenancy.take()
    }

    /// Whether its own function runs in a turn.
    pub(crate) fn runs_inline(&self) -> bool {
        self.lane == LaneId::Inline && !self.is_shared()
    }

    /// Two policies that exclude each other, if there are.
    pub(crate) fn conflict(&self, awaited: bool) -> Option<Conflict> {
        let more = self.more.as_deref()?;
        let (policy, shared) = (&more.policy, more.share.is_some());
        let inline = self.lane == LaneId::Inline;
        let pairs = [
            (shared && policy.latest.is_some(), Conflict::LATEST_SHARE),
            (shared && policy.mail.is_some(), Conflict::SHARE_PROGRESS),
            (more.tenancy.is_some() && policy.serial.is_some(), Conflict::SERIAL_RESOURCE),
            (more.misplaced, Conflict::EXECUTOR_RESOURCE),
            (awaited && policy.mail.is_some(), Conflict::AWAIT_PROGRESS),
            (
                inline && policy.order.is_some() && policy.serial.is_some(),
                Conflict::INLINE_ORDER_SERIAL,
            ),
            (awaited && inline && policy.order.is_some(), Conflict::AWAIT_INLINE_ORDER),
        ];
        pairs.into_iter().find_map(|(excluded, conflict)| excluded.then_some(conflict))
    }

    /// Why the executor that it was sent to can't run it.
    pub(crate) fn misdirection(&self) -> Option<Reason> {
        self.unavailable.filter(|_| matches!(self.lane, LaneId::Process | LaneId::Async))
    }

    /// The lane that the call itself needs a place in; one that shares a run needs none where the
    /// run goes.
    pub(crate) fn lane<'a>(&'a self, hub: &'a Hub) -> &'a Lane {
        if self.is_shared() { hub.lane(LaneId::Joined) } else { self.own_lane(hub) }
    }

    fn own_lane<'a>(&'a self, hub: &'a Hub) -> &'a Lane {
        match self.more.as_ref().and_then(|more| more.policy.post.as_ref()) {
            Some(post) => post.lane(),
            None => hub.lane(self.lane),
        }
    }

    /// The lane in which the run that it would begin needs a place.
    pub(crate) fn run_lane<'a, T: Send + 'static>(&'a self, hub: &'a Hub) -> Option<&'a Lane> {
        let line = self.share_line::<T>()?;
        (!line.is_open()).then(|| self.own_lane(hub))
    }

    /// What is left of the policies of a call that is refused: its place in the order, and that it
    /// is the newest of its key, unless the policies themselves are the reason.
    pub(crate) fn refused(mut self) -> Self {
        let in_conflict = self.conflict(false).is_some();
        if let Some(more) = &mut self.more {
            more.share = None;
            more.tenancy = None;
            if in_conflict {
                more.policy.latest = None;
                more.policy.post = None;
            }
        }
        // It stands nowhere: an inline call's place in the ready queue is for running it.
        if (in_conflict && self.lane == LaneId::Resource) || self.lane == LaneId::Inline {
            self.lane = LaneId::Threads;
        }
        self
    }

    /// Splits off what concerns the run that a shared call may begin: where and when it runs. The
    /// rest concerns the call's own outcome.
    pub(crate) fn split_run(&mut self) -> Run {
        let mut options = Self::new(self.place);
        (options.lane, options.priority) = (self.lane, self.priority);
        options.name.clone_from(&self.name);
        if let Some(more) = &mut self.more
            && (more.policy.serial.is_some() || more.policy.post.is_some())
        {
            options.policy().serial = more.policy.serial.take();
            options.policy().post = more.policy.post.take();
            options.more().tenancy = more.tenancy.take();
        }
        Run { options }
    }

    /// Makes it one of those whom a run serves.
    pub(crate) fn member(mut self, membership: Arc<dyn Members>) -> Self {
        self.lane = LaneId::Joined;
        self.policy().membership = Some(membership);
        self
    }

    #[inline(always)]
    pub(crate) fn details(self, hub: &Hub, stamps: Stamps, token: Token, route: Route) -> Details {
        Details {
            lane: self.lane,
            runs_on: self.lane,
            stamps,
            token,
            route,
            name: self.name,
            place: self.place,
            // A deadline beyond the clock's range never passes.
            deadline: self.deadline.and_then(|time| hub.now().checked_add(time)),
            policy: self.more.map(|more| more.policy).filter(|p| !p.is_empty()).map(Box::new),
        }
    }
}
