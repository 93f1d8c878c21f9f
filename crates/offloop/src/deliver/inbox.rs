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
use super::queue::{Linked, Parcel, Popper, Pusher, queue};
use super::table::{Entry, Table, Token, Unobserved, Waiting};

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
    /// How many calls were delivered.
    pub count: usize,
    /// Whether the budget ended the turn, or a newer call was already complete. The loop has been
    /// woken again; a loop that polls comes back soon.
    pub more: bool,
}

/// An item of the ready queue: a call whose outcome is decided.
pub(crate) trait Completed: Linked {
    fn token(&self) -> Token;
}

type Arrival<S> = Box<Parcel<(Token, Box<dyn Entry<S> + Send>)>>;

/// Entries of handles that a turn takes in at once, so that handles which never stop submitting
/// hold no turn up.
const ARRIVALS_MAX: u64 = 4096;

/// Where handles leave the entries of their calls.
pub(crate) struct Arrivals<S: 'static> {
    queue: Pusher<Arrival<S>>,
    /// How many came, counted before they are pushed.
    came: Arc<AtomicU64>,
}

impl<S> Arrivals<S> {
    pub(crate) fn push(&self, token: Token, entry: Box<dyn Entry<S> + Send>) {
        self.came.fetch_add(1, Ordering::Relaxed);
        self.queue.push(Parcel::new((token, entry)));
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
    table: RefCell<Table<S>>,
    /// Entries of calls that came in through a handle.
    remote: RefCell<HashMap<Token, Waiting<S>>>,
    ready: RefCell<Popper<C>>,
    arrivals: RefCell<Popper<Arrival<S>>>,
    came: Arc<AtomicU64>,
    /// Of those that came, the ones in `remote` or past it.
    admitted: Cell<u64>,
    /// A call that the last turn met and must not run: it was submitted during that turn.
    held: Cell<Option<Token>>,
    turn: Cell<u64>,
    in_turn: Cell<bool>,
    /// A nested turn was asked for; the outer one wakes the loop when it ends.
    nested: Cell<bool>,
    counts: Cell<TurnCounts>,
}

impl<S: 'static, C: Completed> Inbox<S, C> {
    pub(crate) fn new(ready: Popper<C>) -> (Self, Arrivals<S>) {
        let (push, pop) = queue();
        let came = Arc::new(AtomicU64::new(0));
        let inbox = Self {
            table: RefCell::new(Table::new()),
            remote: RefCell::new(HashMap::new()),
            ready: RefCell::new(ready),
            arrivals: RefCell::new(pop),
            came: came.clone(),
            admitted: Cell::new(0),
            held: Cell::new(None),
            turn: Cell::new(0),
            in_turn: Cell::new(false),
            nested: Cell::new(false),
            counts: Cell::new(TurnCounts::default()),
        };
        (inbox, Arrivals { queue: push, came })
    }

    /// Puts an entry in the table; `make` gets the token that will find it.
    pub(crate) fn insert<R>(&self, make: impl FnOnce(Token) -> (Box<dyn Entry<S>>, R)) -> R {
        let mut table = self.table.borrow_mut();
        let token = table.reserve();
        let (entry, rest) = make(token);
        table.insert(token, entry, self.turn.get());
        rest
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
            return self.idle_turn();
        }
        self.in_turn.set(true);
        let mut turn = OpenTurn { inbox: self, notify, more: true };
        notify.lower();
        self.admit_arrivals(ARRIVALS_MAX);
        self.turn.set(self.turn.get() + 1);
        let delivered = self.run(state, budget, unobserved);
        turn.more = delivered.more;
        delivered
    }

    fn run(&self, state: &mut S, budget: Turn, unobserved: &dyn Fn(Unobserved)) -> Delivered {
        let mut delivered = Delivered::default();
        let Some(mut next) = self.next() else {
            delivered.more = self.held.get().is_some();
            return delivered;
        };
        let began = Instant::now();
        loop {
            let place = next.entry.place();
            delivered.count += 1;
            self.count(|counts| counts.delivered += 1);
            next.entry.run(state, unobserved);
            let spent = began.elapsed();
            if spent > budget.max_time {
                self.overran(spent, place);
            }
            if delivered.count >= budget.max_calls || spent >= budget.max_time {
                delivered.more = self.held.get().is_some() || !self.ready.borrow().is_empty();
                break;
            }
            match self.next() {
                Some(waiting) => next = waiting,
                None => {
                    delivered.more = self.held.get().is_some();
                    break;
                }
            }
        }
        self.count(|counts| counts.turns += 1);
        delivered
    }

    /// The next entry that this turn may run; leaves a newer one in `held` and ends the turn.
    fn next(&self) -> Option<Waiting<S>> {
        loop {
            let token = match self.held.take() {
                Some(token) => token,
                None => self.ready.borrow_mut().pop()?.token(),
            };
            match self.born(token) {
                Some(born) if born == self.turn.get() => {
                    self.held.set(Some(token));
                    return None;
                }
                Some(_) => return self.take(token),
                None if token.is_remote() => {
                    // Its entry is behind many others, or behind a push that is not finished; a
                    // later turn finds it.
                    self.held.set(Some(token));
                    return None;
                }
                // The entry is gone: the token is late.
                None => {}
            }
        }
    }

    fn born(&self, token: Token) -> Option<u64> {
        if !token.is_remote() {
            return self.table.borrow().get(token).map(|waiting| waiting.born);
        }
        if !self.remote.borrow().contains_key(&token) {
            self.admit_arrivals(ARRIVALS_MAX);
        }
        self.remote.borrow().get(&token).map(|waiting| waiting.born)
    }

    fn take(&self, token: Token) -> Option<Waiting<S>> {
        if token.is_remote() {
            self.remote.borrow_mut().remove(&token)
        } else {
            self.table.borrow_mut().take(token)
        }
    }

    /// Moves the entries of handles that came by now into the table, `most` at most. Those that
    /// are moved during a turn count as born in it: the handle may have been used inside a handler.
    fn admit_arrivals(&self, most: u64) {
        let mut arrivals = self.arrivals.borrow_mut();
        let mut remote = self.remote.borrow_mut();
        for _ in 0..self.arriving().min(most) {
            let Some(parcel) = arrivals.pop() else { return };
            self.admitted.set(self.admitted.get() + 1);
            let (token, entry) = parcel.value;
            remote.insert(token, Waiting { entry, born: self.turn.get() });
        }
    }

    /// How many entries of handles are not in the table yet.
    fn arriving(&self) -> u64 {
        self.came.load(Ordering::Relaxed) - self.admitted.get()
    }

    fn overran(&self, spent: Duration, place: &'static Location<'static>) {
        self.count(|counts| {
            counts.overruns += 1;
            if spent > counts.longest {
                counts.longest = spent;
                counts.longest_place = Some(place);
            }
        });
    }

    fn count(&self, change: impl FnOnce(&mut TurnCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(crate) fn counts(&self) -> TurnCounts {
        self.counts.get()
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
        let mut shutters: Vec<_> = self.table.borrow().entries().map(Entry::shutter).collect();
        shutters.extend(self.remote.borrow().values().map(|waiting| waiting.entry.shutter()));
        shutters.into_iter().for_each(|shut| shut());
    }

    /// In a forked child: lets go of the queues without touching them; a push that the fork cut in
    /// two would never end.
    pub(crate) fn forget(&self) {
        std::mem::forget(self.ready.replace(queue().1));
        std::mem::forget(self.arrivals.replace(queue().1));
    }

    /// Every entry, for the end: no turn comes any more.
    pub(crate) fn take_all(&self) -> Vec<Box<dyn Entry<S>>> {
        self.admit_arrivals(u64::MAX);
        let mut all = self.table.borrow_mut().take_all();
        all.extend(self.remote.borrow_mut().drain().map(|(_, waiting)| waiting));
        all.into_iter().map(|waiting| waiting.entry).collect()
    }

    /// Takes no more entries of handles; `each` gets the last ones. It must not unwind.
    pub(crate) fn close(&self, mut each: impl FnMut(Box<dyn Entry<S>>)) {
        // Replaced, so that nothing is borrowed while `each` runs user code.
        self.arrivals.replace(queue().1).close(|parcel| each(parcel.value.1));
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
