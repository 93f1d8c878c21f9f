//! A call being described: where it runs, its policies, and the ending that submits it.
//! Invariant: nothing happens until an ending is called.

use std::borrow::Cow;
use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;
use std::time::Duration;

use super::entry::{Pending, Unheard};
use super::future::CallFuture;
use super::handle::Handle;
use super::offloop::Offloop;
use super::options::Options;
use super::scope::Scoped;
use super::send::{Made, Origin, dispatch, make};
use super::ticket::Ticket;
use crate::complete::{Job, LaneId, Receiver, Route, Verdict, Work};
use crate::deliver::{Entry, Parts, Token};
use crate::execute::{Detached, Spanned};
use crate::failure::{Failure, Outcome};
use crate::priority::Priority;
use crate::recycle;
use crate::trace::{Parent, within};

/// A call that is described and not yet submitted.
///
/// Made by `call` and `call_with`. Choose where it runs ([`threads`](Self::threads) by default)
/// and its policies, in any order (of one that is named twice, the last counts); then end it with
/// [`then`](Call::then), [`try_then`](Call::try_then), `.await` or [`detach`](Call::detach), which
/// submits it.
///
/// `O` is the handle that it was made from, `J` what it runs.
#[doc = include_str!("combinations.md")]
#[must_use = "a call does nothing until it is ended by `then`, `try_then`, `.await` or `detach`"]
pub struct Call<O: Origin, J> {
    pub(super) origin: O,
    pub(super) job: J,
    pub(super) options: Options,
    pub(super) extras: O::Extras,
}

impl<O: Origin, J> Call<O, J> {
    pub(super) fn new(origin: O, job: J, place: &'static Location<'static>) -> Self {
        Self { origin, job, options: Options::new(place), extras: O::Extras::default() }
    }

    /// Runs it on a thread for blocking calls: I/O, DNS, a database. The default.
    pub fn threads(mut self) -> Self {
        self.options.place_on(LaneId::Threads);
        self
    }

    /// Runs it on a thread for computing calls, of which there are as many as cores.
    pub fn cores(mut self) -> Self {
        self.options.place_on(LaneId::Cores);
        self
    }

    /// Runs it on the loop thread, inside the next turn and within its budget: for a call that is
    /// cheaper than the way to a thread, and for tests.
    ///
    /// Its function, and what is dropped inside it, runs on the loop thread. A deadline that passes
    /// or a cancel that comes while it runs is its outcome, which is heard when it returns.
    pub fn inline(mut self) -> Self {
        self.options.place_on(LaneId::Inline);
        self
    }

    /// Gives it `time` from its submit on, the wait in the queue included; after that its outcome
    /// is `TimedOut`.
    ///
    /// A deadline does not stop a thread: a function that is running goes on until it returns, its
    /// worker is replaced, and what it returns is dropped. It can look at
    /// [`Context::is_cancelled`](crate::Context::is_cancelled) and return early.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.options.deadline = Some(time);
        self
    }

    /// Sends it before or after others that wait for the same executor.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.priority = priority;
        self
    }

    /// Names it, for panics, reports and statistics.
    pub fn name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.options.name = Some(name.into());
        self
    }
}

impl<S: 'static, J: Job> Call<Offloop<S>, J> {
    /// Submits it; `handler` gets the outcome on the loop thread.
    ///
    /// Same as `handler(state, Ok(f()))`, except:
    /// * **Thread**: `f` runs elsewhere; the handler runs inside a later `deliver`, on the loop
    ///   thread, and may capture what is not `Send`.
    /// * **Order**: handlers run in the order in which their calls complete.
    /// * **Cancel**: the ticket; see [`Ticket::cancel`].
    /// * **Panic**: of `f`, an outcome; of the handler, it unwinds out of `deliver`.
    /// * **Drop**: `f` and a result that nobody takes are dropped off the loop thread, the handler
    ///   on it.
    /// * **Shutdown**: the outcome is `Shutdown`, or what the call came to before.
    ///
    /// A call that can't be taken (queue full, closed) is told so in a later turn, like any other
    /// outcome. Never blocks.
    ///
    /// # Panics
    /// In a forked child of the process that built offloop, as all endings do.
    #[track_caller]
    pub fn then<H>(self, handler: H) -> Ticket
    where
        H: FnOnce(&mut S, Outcome<J::Output>) + 'static,
    {
        let admitted = self.origin.link().admit(&self.options, false);
        let (call, parent) = self.submitted(Location::caller());
        let handler = within(parent, handler);
        call.insert(admitted, |receiver, kept| Pending::new(receiver, kept, handler))
    }

    /// Same as [`then`](Self::then), except that a call that can't be taken comes back at once,
    /// with its handler and the reason.
    ///
    /// ```
    /// # let off = offloop::Offloop::<()>::builder().no_waker().build()?;
    /// match off.call(|| 6 * 7).try_then(|_, outcome| println!("{outcome:?}")) {
    ///     Ok(_ticket) => {}
    ///     Err(refused) => eprintln!("not now: {}", refused.reason),
    /// }
    /// # Ok::<(), offloop::Error>(())
    /// ```
    #[track_caller]
    pub fn try_then<H>(self, handler: H) -> Result<Ticket, RejectedCall<Self, H>>
    where
        H: FnOnce(&mut S, Outcome<J::Output>) + 'static,
    {
        if let Err(verdict) = self.origin.link().try_admit::<J::Output>(&self.options) {
            return Err(RejectedCall { call: self, handler, reason: verdict.into() });
        }
        let (call, parent) = self.submitted(Location::caller());
        let handler = within(parent, handler);
        Ok(call.insert(Ok(()), |receiver, kept| Pending::new(receiver, kept, handler)))
    }

    /// Submits it without a handler. Its value is dropped where it was made; a failure goes to
    /// the hook set by [`on_unobserved`](crate::Builder::on_unobserved), in a later turn.
    #[track_caller]
    pub fn detach(self) -> Ticket {
        let admitted = self.origin.link().admit(&self.options, false);
        if self.options.is_shared() {
            return self.submitted(Location::caller()).0.insert(admitted, Unheard::new);
        }
        self.map(Detached).submitted(Location::caller()).0.insert(admitted, Unheard::new)
    }

    fn insert<E: Entry<S> + 'static>(
        self,
        admitted: Result<(), Verdict>,
        entry: impl FnOnce(Receiver<J::Output>, Option<Work>) -> E,
    ) -> Ticket {
        let Self { origin, job, options, extras } = self;
        let hub = &origin.link().hub;
        let scope = extras.scope;
        let sent = origin.inbox().insert(extras.watch, |token| {
            let Made { receiver, kept, sent } =
                make(hub, origin.number(), job, options, token, Route::Loop, admitted);
            let mut entry: Box<dyn Entry<S>> = recycle::boxed(entry(receiver, kept));
            if let Some(scope) = &scope {
                let seat = scope.enter(&sent.call, Some(token));
                entry = Box::new(Scoped { entry, seat });
            }
            (entry, sent)
        });
        let ticket = dispatch(&origin, sent);
        if let Some(scope) = scope {
            scope.end_late();
        }
        ticket
    }
}

impl<S: 'static, J: Job> Call<Handle<S>, J> {
    /// Submits it from any thread; `handler` gets the outcome on the loop thread.
    ///
    /// Same as [`then`](#method.then) of a call made from the loop's own handle, except that the
    /// handler is `Send`, because it travels to the loop thread. Once the loop's handle is gone
    /// there is no loop thread: the handler is then dropped on the thread that submits.
    #[track_caller]
    pub fn then<H>(self, handler: H) -> Ticket
    where
        H: FnOnce(&mut S, Outcome<J::Output>) + Send + 'static,
    {
        let admitted = self.origin.link().admit(&self.options, false);
        let (call, parent) = self.submitted(Location::caller());
        let handler = within(parent, handler);
        call.send(admitted, |receiver, kept| Pending::new(receiver, kept, handler))
    }

    /// Same as `then`, except that a call that can't be taken comes back at once, with its handler
    /// and the reason.
    #[track_caller]
    pub fn try_then<H>(self, handler: H) -> Result<Ticket, RejectedCall<Self, H>>
    where
        H: FnOnce(&mut S, Outcome<J::Output>) + Send + 'static,
    {
        if let Err(verdict) = self.origin.link().try_admit::<J::Output>(&self.options) {
            return Err(RejectedCall { call: self, handler, reason: verdict.into() });
        }
        let (call, parent) = self.submitted(Location::caller());
        let handler = within(parent, handler);
        Ok(call.send(Ok(()), |receiver, kept| Pending::new(receiver, kept, handler)))
    }

    /// Submits it without a handler. Its value is dropped where it was made; a failure goes to the
    /// hook set by [`on_unobserved`](crate::Builder::on_unobserved), on the loop thread.
    #[track_caller]
    pub fn detach(self) -> Ticket {
        let admitted = self.origin.link().admit(&self.options, false);
        if self.options.is_shared() {
            return self.submitted(Location::caller()).0.send(admitted, Unheard::new);
        }
        self.map(Detached).submitted(Location::caller()).0.send(admitted, Unheard::new)
    }

    fn send<E: Entry<S> + Send + 'static>(
        self,
        admitted: Result<(), Verdict>,
        entry: impl FnOnce(Receiver<J::Output>, Option<Work>) -> E,
    ) -> Ticket {
        let Self { origin, job, options, extras } = self;
        let link = origin.link();
        let token = Token::remote(link.hub.next_remote());
        let Made { receiver, kept, sent } =
            make(&link.hub, origin.number(), job, options, token, Route::Loop, admitted);
        // Once the loop is gone the queue is closed, and the entry is dropped right here.
        let entry = Box::new(entry(receiver, kept));
        link.arrivals.push(token, Parts { entry, watch: extras.watch });
        dispatch(&origin, sent)
    }
}

impl<O: Origin, J> Call<O, J> {
    /// The call is submitted here: its function runs in the present span, and its handler is to.
    fn submitted(mut self, place: &'static Location<'static>) -> (Call<O, Spanned<J>>, Parent) {
        self.options.place = place;
        let parent = Parent::current();
        (self.map(|job| Spanned { parent: parent.clone(), job }), parent)
    }

    fn map<K>(self, wrap: impl FnOnce(J) -> K) -> Call<O, K> {
        let Self { origin, job, options, extras } = self;
        Call { origin, job: wrap(job), options, extras }
    }
}

impl<O: Origin, J: Job> IntoFuture for Call<O, J> {
    type Output = Outcome<J::Output>;
    type IntoFuture = CallFuture<O, J>;

    /// A future of the outcome, for any runtime; see [`CallFuture`].
    fn into_future(self) -> CallFuture<O, J> {
        CallFuture::new(self)
    }
}

impl<O: Origin, J> fmt::Debug for Call<O, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("name", &self.options.name)
            .field("place", &format_args!("{}", self.options.place))
            .field("executor", &self.options.lane)
            .field("priority", &self.options.priority)
            .field("deadline", &self.options.deadline)
            .finish_non_exhaustive()
    }
}

/// A call that was refused at submit, whole: end `call` again later, or do without.
#[non_exhaustive]
pub struct RejectedCall<C, H> {
    /// The call, as it was described.
    pub call: C,
    /// The handler that was given with it.
    pub handler: H,
    /// Why: `Failure::Rejected`, or `Failure::Shutdown` after `close`.
    pub reason: Failure,
}

impl<C: fmt::Debug, H> fmt::Debug for RejectedCall<C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejectedCall")
            .field("call", &self.call)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<C, H> fmt::Display for RejectedCall<C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl<C: fmt::Debug, H> std::error::Error for RejectedCall<C, H> {}
