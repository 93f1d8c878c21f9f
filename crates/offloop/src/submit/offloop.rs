//! The loop's own handle. Invariant: it is not `Send`, so all that it owns (the table of handlers,
//! the turns) is touched by one thread; the last clone ends everything.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::panic::{Location, resume_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::builder::Builder;
use super::end::ShutdownReport;
use super::entry::Standing;
use super::handle::Handle;
use super::scope::{List, Seat};
use super::send::{Link, Origin, assert_not_forked};
use crate::complete::{CallRef, Work};
use crate::contain::{contain, drop_contained};
use crate::deliver::{Delivered, Entry, Inbox, Token, Turn, Unobserved, Watch};
use crate::keyed::LoopKeys;
use crate::recycle;
use crate::sys::WakeFd;
use crate::timing::Number;
use crate::trace::{self, Subject};

/// offloop on your loop: submits calls, and delivers their outcomes to `&mut S`.
///
/// `S` is the state that your handlers change. Clones are handles to the same thing; none leaves
/// the loop thread, and other threads use a [`handle`](Self::handle). A handler that needs to submit gets at a clone through `S`; one that captures
/// a clone itself keeps offloop alive, so capture [`downgrade`](Self::downgrade) instead.
///
/// ```
/// use std::sync::mpsc;
/// use offloop::Offloop;
///
/// enum Event { Wake, Quit }
/// struct App { total: u64, off: Offloop<App>, quit: mpsc::Sender<Event> }
///
/// let (events, queue) = mpsc::channel();
/// let waker = events.clone();
/// let off = Offloop::<App>::builder().waker(move || waker.send(Event::Wake)).build()?;
/// let mut app = App { total: 0, off, quit: events };
///
/// // where the expensive call was
/// app.off.call(|| (1..=1000u64).sum::<u64>()).cores().then(|app, outcome| {
///     app.total = outcome.unwrap_or(0);
///     let _ = app.quit.send(Event::Quit);
/// });
///
/// // your loop
/// for event in queue {
///     match event {
///         Event::Wake => { app.off.clone().deliver(&mut app); }
///         Event::Quit => break,
///     }
/// }
/// assert_eq!(app.total, 500_500);
/// # Ok::<(), offloop::Error>(())
/// ```
pub struct Offloop<S: 'static = ()> {
    pub(super) local: Rc<Local<S>>,
}

/// Keys of ended lines that a turn lets go, at least.
const BURIED_PER_TURN: usize = 64;

/// A call that has not been delivered yet; from [`Offloop::waiting`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitingCall {
    /// The call's name, if it was given one.
    pub name: Option<Cow<'static, str>>,
    /// Where the call was submitted.
    pub place: &'static Location<'static>,
    /// Whether its outcome is decided, so that it waits for a turn only.
    pub decided: bool,
}

/// Hears of failures that no handler saw.
pub(super) type Hook = Box<dyn Fn(&Unobserved)>;

/// What the loop thread owns.
pub(super) struct Local<S: 'static> {
    pub(super) inbox: Inbox<S, CallRef>,
    pub(super) link: Arc<Link<S>>,
    pub(super) keys: Rc<LoopKeys>,
    /// The only owner, so that the descriptor closes with the last handle of the loop.
    pub(super) wake_fd: Option<Arc<WakeFd>>,
    pub(super) turn: Turn,
    pub(super) hook: Option<Hook>,
    pub(super) report: OnceCell<ShutdownReport>,
    pub(super) unobserved: Cell<u64>,
    pub(super) dropped_handlers: Cell<u64>,
}

impl<S: 'static> Offloop<S> {
    /// Begins an offloop for the calling thread's loop.
    pub fn builder() -> Builder<S> {
        Builder::new()
    }

    pub(super) fn link(&self) -> &Link<S> {
        &self.local.link
    }

    pub(super) fn inbox(&self) -> &Inbox<S, CallRef> {
        &self.local.inbox
    }

    /// One turn: runs the handlers whose outcomes are there, within the budget.
    ///
    /// Call it where your loop wakes up; where the handle lives in the state itself, as
    /// `app.off.clone().deliver(&mut app)`. With nothing ready it costs nanoseconds: no system call,
    /// no clock.
    ///
    /// * **Thread**: the loop thread; `Offloop` can't leave it.
    /// * **Order**: of completion. A call submitted inside a handler is never handled in the same
    ///   turn.
    /// * **Budget**: [`Turn`]; if something is left, the loop is woken and `more` is set.
    /// * **Nested** (a modal loop inside a handler): runs nothing and says `more`; the outer turn
    ///   wakes the loop when it ends.
    /// * **Panic**: of a handler, unwinds out of here; its call counts as delivered, the others
    ///   stay ready, and the loop is woken.
    /// * **Shutdown**: delivers what is left.
    ///
    /// # Panics
    /// In a forked child of the process that built it.
    #[track_caller]
    pub fn deliver(&self, state: &mut S) -> Delivered {
        let local = &*self.local;
        let hub = &local.link.hub;
        assert_not_forked(hub);
        if !hub.notify.is_raised(local.wake_fd.as_deref()) {
            local.keys.bury(BURIED_PER_TURN);
            return local.inbox.idle_turn();
        }
        let hook = |what| local.observe(what);
        let delivered = local.inbox.deliver(state, local.turn, &hub.notify, &hook);
        hub.turn_began(local.inbox.began());
        if delivered.count != 0
            && let Some(began) = local.inbox.began()
        {
            recycle::turn(began);
        }
        // More than have come to their end in this turn.
        local.keys.bury(BURIED_PER_TURN + 4 * delivered.count);
        delivered
    }

    /// The calls that have not been delivered yet, as [`pending`](Self::pending) counts them: for a
    /// message that says what a loop still waits for.
    pub fn waiting(&self) -> Vec<WaitingCall> {
        self.inbox().entries(|entry| WaitingCall {
            name: entry.name(),
            place: entry.place(),
            decided: entry.is_decided(),
        })
    }

    /// How many calls have not been delivered yet, detached ones included; awaited ones are the
    /// business of their tasks.
    pub fn pending(&self) -> usize {
        self.inbox().len()
    }

    /// A handle for other threads.
    pub fn handle(&self) -> Handle<S> {
        Handle::new(self.local.link.clone())
    }

    /// A handle that keeps nothing alive, for handlers that hold one.
    pub fn downgrade(&self) -> WeakOffloop<S> {
        WeakOffloop { local: Rc::downgrade(&self.local) }
    }

    /// The descriptor that is readable while a turn is asked for, if it was built with
    /// [`fd_waker`](Builder::fd_waker). Watch it for reading, level-triggered or edge-triggered,
    /// and call `deliver` when it fires; `deliver` resets it.
    #[cfg(unix)]
    pub fn as_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        self.local.wake_fd.as_ref().map(|fd| fd.as_fd())
    }
}

/// What a call from the loop has there besides its handler.
pub struct LoopExtras<S> {
    pub(super) watch: Option<Box<dyn Watch<S>>>,
    pub(super) scope: Option<Rc<List>>,
}

impl<S> Default for LoopExtras<S> {
    fn default() -> Self {
        Self { watch: None, scope: None }
    }
}

impl<S: 'static> Origin for Offloop<S> {
    type State = S;
    type Extras = LoopExtras<S>;
    type Seat = Seat;

    fn link(&self) -> &Link<S> {
        &self.local.link
    }

    fn number(&self) -> Number {
        self.local.link.hub.counts.submitted.next_of_loop()
    }

    fn stand(&self, make: impl FnOnce(Token) -> Work) -> CallRef {
        self.inbox().insert(None, |token| {
            let entry = Standing::new(make(token));
            let call = entry.call().clone();
            (Box::new(entry), call)
        })
    }

    fn enroll(extras: &LoopExtras<S>, call: &CallRef) -> Option<Seat> {
        let scope = extras.scope.as_ref()?;
        let seat = scope.enter(call, None);
        scope.end_late();
        Some(seat)
    }
}

impl<S: 'static> Local<S> {
    /// Counts a failure that no handler saw, and tells the hook.
    pub(super) fn observe(&self, what: Unobserved) {
        if what.handler_dropped {
            self.dropped_handlers.set(self.dropped_handlers.get() + 1);
        }
        if what.failure.is_some() {
            self.unobserved.set(self.unobserved.get() + 1);
        }
        let subject = Subject { name: what.name.as_deref(), place: what.place };
        match &what.failure {
            Some(failure) => trace::unobserved(subject, failure),
            None => trace::unobserved(subject, &"its handler was dropped, and its value with it"),
        }
        let told = self.hook.as_ref().map(|hook| contain(|| hook(&what)));
        // With it a panic's payload may go, which is a user's value.
        self.link.hub.drop_here(what);
        if let Some(Err(payload)) = told {
            resume_unwind(payload);
        }
    }
}

impl<S: 'static> Drop for Local<S> {
    fn drop(&mut self) {
        if self.link.hub.is_forked() {
            self.link.engine.forget();
            self.inbox.forget();
            self.keys.forget();
            return;
        }
        self.link.hub.notify.silence();
        recycle::no_more_turns();
        self.end(std::time::Duration::ZERO, |local| {
            let forgo = |entry: Box<dyn Entry<S>>| {
                let what = entry.forgo();
                if (what.handler_dropped || what.failure.is_some())
                    && let Err(payload) = contain(|| local.observe(what))
                {
                    drop_contained(payload);
                }
            };
            local.inbox.take_all().into_iter().for_each(forgo);
            // While the reaper lives: the jobs of handles' last calls are dropped off this thread.
            local.inbox.close(forgo);
        });
        self.link.engine.bury();
    }
}

impl<S: 'static> Clone for Offloop<S> {
    fn clone(&self) -> Self {
        Self { local: self.local.clone() }
    }
}

impl<S: 'static> fmt::Debug for Offloop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offloop").field("waiting", &self.inbox().len()).finish_non_exhaustive()
    }
}

/// A handle to an [`Offloop`] that does not keep it alive.
pub struct WeakOffloop<S: 'static = ()> {
    local: Weak<Local<S>>,
}

impl<S: 'static> WeakOffloop<S> {
    /// The handle itself, while another clone of it lives.
    pub fn upgrade(&self) -> Option<Offloop<S>> {
        self.local.upgrade().map(|local| Offloop { local })
    }
}

impl<S: 'static> Clone for WeakOffloop<S> {
    fn clone(&self) -> Self {
        Self { local: self.local.clone() }
    }
}

impl<S: 'static> fmt::Debug for WeakOffloop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakOffloop").finish_non_exhaustive()
    }
}
