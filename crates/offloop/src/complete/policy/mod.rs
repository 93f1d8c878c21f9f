//! What the policies of a call ask of its completion.
//!
//! Invariant: a call without policies has none of this, and pays one look for it. A line's lock is
//! held for bookkeeping only: no user code, no wake and no destructor of a user's value runs
//! under it.

mod flight;
mod latest;
mod mail;
mod order;
mod turnstile;

#[cfg(all(test, loom))]
mod loom;

pub(crate) use self::flight::{Follow, Members, ShareLine, Shared};
pub(crate) use self::latest::LatestLine;
pub(crate) use self::mail::{Mail, Mailbox};
pub(crate) use self::order::OrderLine;
pub(crate) use self::turnstile::Turnstile;

use std::sync::{Arc, PoisonError};

use self::turnstile::Pass;
use super::cell::{CallRef, Work};
use super::hub::Hub;
use super::lane::Lane;
use super::state::{Phase, Verdict};
use crate::keyed::Keyed;
use crate::priority::Priority;
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// The policies of one call.
pub(crate) struct Policy {
    /// Its handler has a place in this line.
    pub(crate) order: Option<Arc<Keyed<OrderLine>>>,
    /// Its function passes through this turnstile.
    pub(crate) serial: Option<Arc<Keyed<Arc<Turnstile>>>>,
    /// It is superseded by the next call in this line.
    pub(crate) latest: Option<Arc<Keyed<LatestLine>>>,
    /// It is one of those whom one run serves.
    pub(crate) membership: Option<Arc<dyn Members>>,
    /// Where its progress goes.
    pub(crate) mail: Option<Arc<dyn Mail>>,
    /// The thread that it must run on.
    pub(crate) post: Option<Arc<dyn Post>>,
    /// The call that it supersedes, from when it is made until it is submitted.
    older: Mutex<Option<CallRef>>,
    /// An inline call that may run as soon as its place in the order comes.
    stands_by: AtomicBool,
    pass: Pass,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            order: None,
            serial: None,
            latest: None,
            membership: None,
            mail: None,
            post: None,
            older: Mutex::new(None),
            stands_by: AtomicBool::new(false),
            pass: Pass::default(),
        }
    }
}

/// An executor that is not one of an offloop's own lanes: the thread of one resource.
pub(crate) trait Post: Send + Sync {
    fn lane(&self) -> &Lane;
    /// As of [`Desk`].
    fn cut_short(&self, call: &CallRef, from: Phase);
}

/// The executors, as completion reaches back to them.
pub(crate) trait Desk: Send + Sync {
    /// Sends on a call that waited at a turnstile.
    fn forward(&self, load: Load);
    /// The call timed out: if its function was running, its worker is replaced.
    fn cut_short(&self, call: &CallRef, from: Phase);
}

/// A call on its way to where it runs.
pub(crate) enum Load {
    Work(Work, Priority),
    /// An inline call: its `Work` is with its entry.
    StandBy(CallRef),
}

impl Load {
    pub(crate) fn call(&self) -> &CallRef {
        match self {
            Load::Work(work, _) => work.call(),
            Load::StandBy(call) => call,
        }
    }
}

impl Policy {
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_none()
            && self.serial.is_none()
            && self.latest.is_none()
            && self.membership.is_none()
            && self.mail.is_none()
            && self.post.is_none()
    }

    /// One resource runs one call at a time anyway.
    fn turnstile(&self) -> Option<&Arc<Turnstile>> {
        if self.post.is_some() {
            return None;
        }
        match (&self.serial, &self.latest) {
            (Some(line), _) => Some(line),
            (None, Some(line)) => Some(line.turnstile()),
            (None, None) => None,
        }
    }

    /// The call takes its places in the lines, before anybody can decide it.
    pub(super) fn made(&self, call: &CallRef) {
        if let Some(order) = &self.order {
            order.enter(call);
        }
        if let Some(latest) = &self.latest {
            *lock(&self.older) = latest.replace(call);
        }
    }

    /// The call's submit, apart from sending it.
    pub(crate) fn submitted(&self) {
        let older = lock(&self.older).take();
        if let Some(older) = older {
            older.supersede();
        }
    }

    /// A call that is about to be sent: gives it back when it may go at once.
    pub(crate) fn enter(&self, load: Load) -> Option<Load> {
        match self.turnstile() {
            Some(turnstile) => turnstile.enter(load),
            None => Some(load),
        }
    }

    /// Its function has returned, or will not run.
    pub(super) fn left(&self, hub: &Hub) {
        if !hub.is_forked()
            && self.pass.end()
            && let Some(turnstile) = self.turnstile()
        {
            turnstile.leave(hub);
        }
    }

    /// An inline call may run when its place in the order comes: `true` as of
    /// [`release`](OrderLine::release); `None` where it has no such place.
    pub(super) fn stand_by(&self) -> Option<bool> {
        let order = self.order.as_ref()?;
        self.stands_by.store(true, Ordering::SeqCst);
        Some(order.release())
    }

    /// It has failed without a value: the run that it shares has one member less.
    pub(super) fn leave_run(&self, hub: &Hub, verdict: Verdict) {
        if let Some(members) = &self.membership {
            members.left(hub, verdict);
        }
    }

    /// Its outcome is decided; `verdict` where it is a failure without a value.
    pub(super) fn settled(&self, call: &CallRef, verdict: Option<Verdict>) {
        if let Some(mail) = &self.mail
            && mail.end()
        {
            call.hub().blocked().remove(mail);
        }
        match &self.order {
            Some(order) => {
                if order.release() {
                    call.hub().ask_for_turn();
                }
            }
            None => call.reach(),
        }
        // A function that will not run holds nobody up, wherever it waits. Nor does a superseded one
        // that was given up; a serial one does.
        let given_up = verdict == Some(Verdict::TimedOut) && self.serial.is_none();
        if given_up || (verdict.is_some() && !call.has_begun()) {
            self.left(call.hub());
        }
    }

    /// Its outcome was taken, or will not be.
    pub(super) fn received(&self, call: &CallRef) {
        if let Some(latest) = &self.latest
            && !call.hub().is_forked()
        {
            latest.forget(call);
        }
    }
}

/// Nothing of a user's runs under these locks but moves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
