//! The loop's side: the table of handlers and the turn that empties it, call by call.
//!
//! Invariant: while user code runs, nothing here is borrowed. `in_turn` is the only thing that
//! stays set, and a guard resets it when a handler unwinds.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::notify::Notify;
use super::pulses::Pulses;
use super::queue::{Linked, Parcel, Popper, Pusher, queue};
use super::table::{Entry, Table, Token, Unobserved, Waiting, Watch};
use crate::contain::drop_contained;

/// How much one turn may do.
///
/// A turn ends after `max_calls` handlers, or after the handler during which `max_time` passed;
/// so it overruns `max_time` by one handler at most. What is left asks for another turn by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Handlers per turn; 0 counts as 1, so that a turn always gets on.
    pub max_calls: usize,
    /// Time per turn.
    pub max_time: Duration,
}

impl Default for Turn {
    /// 1024 handlers, 4 ms: a quarter of a frame at 60 Hz.
    fn default() -> Self {
        Self { max_calls: 1024, max_time: Duration::from_millis(4) }
    }
}

/// What one turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Delivered {
    /// How many handlers were run, of outcomes and of progress, and inline functions whose progress
    /// is heard.
    pub count: usize,
    /// Whether the budget ended the turn, or a newer call was already complete. The loop has been
    /// woken again; a loop that polls comes back soon.
    pub more: bool,
}

/// An item of the ready queue: a call whose outcome is decided.
pub(crate) trait Completed: Linked {
    fn token(&self) -> Token;
    fn is_decided(&self) -> bool;
}

/// What one call has on the loop thread, on its way there from a handle.
pub(crate) struct Parts<S> {
    pub(crate) entry: Box<dyn Entry<S> + Send>,
    pub(crate) watch: Option<Box<dyn Watch<S> + Send>>,
}

type Arrival<S> = Box<Parcel<(Token, Parts<S>)>>;

/// Entries of handles that a turn takes in at once, so that handles which never stop submitting
/// hold no turn up.
pub(super) const ARRIVALS_MAX: u64 = 4096;

/// Where handles leave the entries of their calls.
pub(crate) struct Arrivals<S: 'static> {
    queue: Pusher<Arrival<S>>,
    /// How many came, counted before they are pushed.
    came: Arc<AtomicU64>,
}

impl<S> Arrivals<S> {
    pub(crate) fn push(&self, token: Token, parts: Parts<S>) {
        self.came.fetch_add(1, Ordering::Relaxed);
        self.queue.push(Parcel::new((token, parts)));
    }
}

/// What the turns of one loop came to, for `stats()`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TurnCounts {
    pub(crate) turns: u64,
    pub(crate) delivered: u64,
    pub(crate) overruns: u64,
    pub(crate) longest: Duration,
    pub(crate) longest_place: Option<&'static Location<'static>>,
}

pub(crate) struct Inbox<S: 'static, C: Completed> {
    pub(super) table: RefCell<Table<S>>,
    /// Entries of calls that came in through a handle.
    pub(super) remote: RefCell<HashMap<Token, Waiting<S>>>,
    pub(super) ready: RefCell<Popper<C>>,
    pub(super) pulses: Pulses<C>,
    arrivals: RefCell<Popper<Arrival<S>>>,
    came: Arc<AtomicU64>,
    /// Of those that came, the ones in `remote` or past it.
    admitted: Cell<u64>,
    /// A call that the last turn met and must not run: it was submitted during that turn.
    pub(super) held: Cell<Option<Token>>,
    pub(super) turn: Cell<u64>,
    in_turn: Cell<bool>,
    /// A nested turn was asked for; the outer one wakes the loop when it ends.
    nested: Cell<bool>,
    counts: Cell<TurnCounts>,
    /// Outcomes delivered.
    pub(super) delivered: Cell<u64>,
    /// When the last turn began that found something ready.
    pub(super) began: Cell<Option<Instant>>,
}

impl<S: 'static, C: Completed> Inbox<S, C> {
    pub(crate) fn new(ready: Popper<C>, pulses: Popper<Box<Parcel<C>>>) -> (Self, Arrivals<S>) {
        let (push, pop) = queue();
        let came = Arc::new(AtomicU64::new(0));
        let inbox = Self {
            table: RefCell::new(Table::new()),
            remote: RefCell::new(HashMap::new()),
            ready: RefCell::new(ready),
            pulses: Pulses::new(pulses),
            arrivals: RefCell::new(pop),
            came: came.clone(),
            admitted: Cell::new(0),
            held: Cell::new(None),
            turn: Cell::new(0),
            in_turn: Cell::new(false),
            nested: Cell::new(false),
            counts: Cell::new(TurnCounts::default()),
            delivered: Cell::new(0),
            began: Cell::new(None),
        };
        (inbox, Arrivals { queue: push, came })
    }

    #[inline]
    /// Puts an entry in the table; `make` gets the token that will find it.
    pub(crate) fn insert<R>(
        &self,
        watch: Option<Box<dyn Watch<S>>>,
        make: impl FnOnce(Token) -> (Box<dyn Entry<S>>, R),
    ) -> R {
        let mut table = self.table.borrow_mut();
        let token = table.reserve();
        let (entry, rest) = make(token);
        table.insert(token, Waiting::new(entry, watch, self.turn.get()));
        rest
    }

    /// Takes an entry out unrun, because its scope is closed.
    pub(crate) fn remove(&self, token: Token) -> Option<Waiting<S>> {
        self.table.borrow_mut().take(token)
    }

    /// A turn that nobody asked for; a nested one is put off as ever.
    pub(crate) fn idle_turn(&self) -> Delivered {
        let more = self.in_turn.get();
        if more {
            self.nested.set(true);
        }
        Delivered { count: 0, more }
    }

    /// One turn.
    pub(crate) fn deliver(
        &self,
        state: &mut S,
        budget: Turn,
        notify: &Notify,
        unobserved: &dyn Fn(Unobserved),
    ) -> Delivered {
        if self.in_turn.get() {
            // The wake that led here is used up: while it stands as asked for, nobody wakes again.
            notify.lower();
            return self.idle_turn();
        }
        self.in_turn.set(true);
        let mut turn = OpenTurn { inbox: self, notify, more: true };
        notify.lower();
        self.admit_arrivals(ARRIVALS_MAX);
        self.turn.set(self.turn.get() + 1);
        self.pulses.begin_turn();
        let delivered = self.run(state, budget, unobserved);
        turn.more = delivered.more;
        delivered
    }

    /// Moves the entries of handles that came by now into the table, `most` at most. Those that
    /// are moved during a turn count as born in it: the handle may have been used inside a handler.
    pub(super) fn admit_arrivals(&self, most: u64) {
        let mut arrivals = self.arrivals.borrow_mut();
        let mut remote = self.remote.borrow_mut();
        for _ in 0..self.arriving().min(most) {
            let Some(parcel) = arrivals.pop() else { return };
            self.admitted.set(self.admitted.get() + 1);
            let (token, parts) = parcel.value;
            let watch = parts.watch.map(|watch| watch as Box<dyn Watch<S>>);
            remote.insert(token, Waiting::new(parts.entry, watch, self.turn.get()));
        }
    }

    /// How many entries of handles are not in the table yet.
    fn arriving(&self) -> u64 {
        self.came.load(Ordering::Relaxed) - self.admitted.get()
    }

    pub(super) fn overran(&self, spent: Duration, place: &'static Location<'static>) {
        self.count(|counts| {
            counts.overruns += 1;
            if spent > counts.longest {
                counts.longest = spent;
                counts.longest_place = Some(place);
            }
        });
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut TurnCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(crate) fn counts(&self) -> TurnCounts {
        TurnCounts { delivered: self.delivered.get(), ..self.counts.get() }
    }

    pub(crate) fn began(&self) -> Option<Instant> {
        self.began.get()
    }

    pub(crate) fn in_turn(&self) -> bool {
        self.in_turn.get()
    }

    /// How many handlers wait.
    pub(crate) fn len(&self) -> usize {
        let arriving = usize::try_from(self.arriving()).unwrap_or(usize::MAX);
        self.table.borrow().len() + self.remote.borrow().len() + arriving
    }

    /// Decides `Shutdown` for every call whose outcome is open.
    pub(crate) fn shut(&self) {
        self.admit_arrivals(u64::MAX);
        self.entries(|entry| entry.shutter()).into_iter().for_each(|shut| shut());
    }

    /// In a forked child: lets go of the queues without touching them; a push that the fork cut in
    /// two would never end.
    pub(crate) fn forget(&self) {
        std::mem::forget(self.ready.replace(queue().1));
        self.pulses.forget();
        std::mem::forget(self.arrivals.replace(queue().1));
    }

    /// Every entry, for the end: no turn comes any more.
    pub(crate) fn take_all(&self) -> Vec<Box<dyn Entry<S>>> {
        self.admit_arrivals(u64::MAX);
        let mut all = self.table.borrow_mut().take_all();
        all.extend(self.remote.borrow_mut().drain().map(|(_, waiting)| waiting));
        let entry = |waiting: Waiting<S>| {
            drop_contained(waiting.watch);
            waiting.entry
        };
        all.into_iter().map(entry).collect()
    }

    /// The calls that wait, as `look` sees them.
    pub(crate) fn entries<R>(&self, mut look: impl FnMut(&dyn Entry<S>) -> R) -> Vec<R> {
        self.admit_arrivals(u64::MAX);
        let mut seen: Vec<R> = self.table.borrow().entries().map(&mut look).collect();
        seen.extend(self.remote.borrow().values().map(|waiting| look(&*waiting.entry)));
        seen
    }

    /// Takes no more entries of handles; `each` gets the last ones. It must not unwind.
    pub(crate) fn close(&self, mut each: impl FnMut(Box<dyn Entry<S>>)) {
        // Replaced, so that nothing is borrowed while `each` runs user code.
        self.arrivals.replace(queue().1).close(|parcel| {
            drop_contained(parcel.value.1.watch);
            each(parcel.value.1.entry);
        });
    }
}

/// Ends the turn on every path, a handler that unwinds included: the others stay ready, and the
/// loop is woken for them.
struct OpenTurn<'a, S: 'static, C: Completed> {
    inbox: &'a Inbox<S, C>,
    notify: &'a Notify,
    more: bool,
}

impl<S: 'static, C: Completed> Drop for OpenTurn<'_, S, C> {
    fn drop(&mut self) {
        self.inbox.in_turn.set(false);
        if self.inbox.nested.take() || self.more {
            self.notify.raise();
        }
    }
}
