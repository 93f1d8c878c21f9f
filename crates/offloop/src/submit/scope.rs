//! Scopes: calls that end together with a window, a view, a connection.
//!
//! Invariant: a scope lists the calls whose handlers wait, and no other; each leaves the list with
//! its entry.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use super::offloop::{Local, Offloop};
use crate::complete::{CallRef, Verdict};
use crate::contain::drop_contained;
use crate::deliver::{Entry, Token, Unobserved};
use crate::failure::By;

/// Calls that end when it is dropped; from [`Offloop::scope`].
///
/// For what a window, a view or a connection asked for: calls are put in it by
/// [`within`](crate::Call::within), and when it is dropped, each of them that is not decided comes to
/// `Cancelled(By::Scope)`, and none of their handlers runs any more: they are dropped, on the loop
/// thread, inside the drop. So a handler may hold what dies with the window.
///
/// * **Queued** functions do not run. **Running** ones see `Context::is_cancelled`, and keep their
///   worker until they return.
/// * **Awaited** calls in it come to `Cancelled(By::Scope)`.
/// * **A call that is ended** after its scope was dropped comes to the same.
///
/// ```
/// # let off = offloop::Offloop::<u32>::builder().no_waker().build()?;
/// struct Window { calls: offloop::Scope }
/// let window = Window { calls: off.scope() };
/// off.call(|| 6 * 7).within(&window.calls).then(|_, _| unreachable!("the window is closed"));
/// drop(window);
/// assert_eq!(off.pending(), 0);
/// # Ok::<(), offloop::Error>(())
/// ```
#[must_use = "a scope that is dropped at once cancels its calls at once"]
pub struct Scope {
    pub(super) list: Rc<List>,
}

/// The calls of one scope.
pub(super) struct List {
    host: Weak<dyn Host>,
    members: RefCell<BTreeMap<u64, Member>>,
    next: Cell<u64>,
    closed: Cell<bool>,
}

struct Member {
    call: CallRef,
    /// Where its handler waits; an awaited call has none.
    token: Option<Token>,
}

/// The loop's table, without its state's type.
trait Host {
    fn forget(&self, token: Token);
    fn is_forked(&self) -> bool;
}

impl<S: 'static> Host for Local<S> {
    fn is_forked(&self) -> bool {
        self.link.hub.is_forked()
    }

    fn forget(&self, token: Token) {
        let Some(waiting) = self.inbox.remove(token) else { return };
        drop_contained(waiting.watch);
        let what = waiting.entry.forgo();
        if what.handler_dropped {
            self.dropped_handlers.set(self.dropped_handlers.get() + 1);
        }
        self.link.hub.drop_here(what);
    }
}

impl<S: 'static> Offloop<S> {
    /// A scope for calls that are to end together; see [`Scope`].
    pub fn scope(&self) -> Scope {
        let host: Weak<Local<S>> = Rc::downgrade(&self.local);
        Scope {
            list: Rc::new(List {
                host,
                members: RefCell::default(),
                next: Cell::new(0),
                closed: Cell::new(false),
            }),
        }
    }
}

impl Scope {
    /// How many of its calls wait for their handlers to run, or their tasks to take the outcome.
    pub fn len(&self) -> usize {
        self.list.members.borrow().len()
    }

    /// Whether none of its calls waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.list.closed.set(true);
        if self.list.host.upgrade().is_some_and(|host| host.is_forked()) {
            // What its calls share may be locked by a thread of the parent.
            return std::mem::forget(self.list.members.take());
        }
        // Nothing is borrowed while handlers are dropped: they may drop other scopes.
        let members = self.list.members.take();
        for member in members.into_values() {
            self.list.end(&member);
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("waiting", &self.len()).finish()
    }
}

impl List {
    /// Tokens mean something in the table of their own offloop only.
    #[track_caller]
    pub(super) fn assert_belongs_to<S: 'static>(&self, local: &Rc<Local<S>>) {
        assert!(
            std::ptr::addr_eq(self.host.as_ptr(), Rc::as_ptr(local)),
            "this scope belongs to another offloop; make it from the one that makes the call"
        );
    }

    /// Enters a call; the seat takes it out again.
    pub(super) fn enter(self: &Rc<Self>, call: &CallRef, token: Option<Token>) -> Seat {
        let number = self.next.replace(self.next.get() + 1);
        self.members.borrow_mut().insert(number, Member { call: call.clone(), token });
        Seat { list: Rc::downgrade(self), number }
    }

    /// Ends what entered after the scope was dropped.
    pub(super) fn end_late(&self) {
        if self.closed.get() {
            let members = self.members.take();
            members.into_values().for_each(|member| self.end(&member));
        }
    }

    fn end(&self, member: &Member) {
        member.call.decide(Verdict::Cancelled(By::Scope));
        if let (Some(token), Some(host)) = (member.token, self.host.upgrade()) {
            host.forget(token);
        }
    }
}

/// A call's place in its scope.
pub struct Seat {
    list: Weak<List>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            let gone = list.members.borrow_mut().remove(&self.number);
            drop(gone);
        }
    }
}

/// An entry with a place in a scope.
pub(super) struct Scoped<S> {
    pub(super) entry: Box<dyn Entry<S>>,
    pub(super) seat: Seat,
}

impl<S> Entry<S> for Scoped<S> {
    fn run(self: Box<Self>, state: &mut S, unobserved: &dyn Fn(Unobserved)) {
        let Self { entry, seat } = *self;
        // First: a handler that drops the scope is not one of those that it ends.
        drop(seat);
        entry.run(state, unobserved);
    }

    fn forgo(self: Box<Self>) -> Unobserved {
        self.entry.forgo()
    }

    fn shutter(&self) -> Box<dyn FnOnce()> {
        self.entry.shutter()
    }

    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        self.entry.starter()
    }

    fn place(&self) -> &'static Location<'static> {
        self.entry.place()
    }

    fn name(&self) -> Option<Cow<'static, str>> {
        self.entry.name()
    }

    fn is_decided(&self) -> bool {
        self.entry.is_decided()
    }
}
