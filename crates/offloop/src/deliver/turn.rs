//! One turn: what it runs, in which order, and when it ends.
//!
//! Invariant: a unit is out of the table, or its watch is, while it runs; so nothing is borrowed.

use std::panic::Location;
use std::time::Instant;

use super::inbox::{ARRIVALS_MAX, Completed, Delivered, Inbox, Turn};
use super::table::{Token, Unobserved, Waiting, Watch};
use crate::contain::drop_contained;

impl<S: 'static, C: Completed> Inbox<S, C> {
    pub(super) fn run(
        &self,
        state: &mut S,
        budget: Turn,
        unobserved: &dyn Fn(Unobserved),
    ) -> Delivered {
        let mut delivered = Delivered::default();
        let Some(mut next) = self.next() else {
            delivered.more = self.has_newer();
            return delivered;
        };
        let began = Instant::now();
        self.began.set(Some(began));
        loop {
            let place = next.place();
            delivered.count += 1;
            self.run_unit(next, state, unobserved);
            let spent = began.elapsed();
            if spent > budget.max_time {
                self.overran(spent, place);
            }
            if delivered.count >= budget.max_calls || spent >= budget.max_time {
                delivered.more =
                    self.has_newer() || !self.ready.borrow().is_empty() || !self.pulses.is_empty();
                break;
            }
            match self.next() {
                Some(unit) => next = unit,
                None => {
                    delivered.more = self.has_newer();
                    break;
                }
            }
        }
        self.count(|counts| counts.turns += 1);
        delivered
    }

    fn run_unit(&self, unit: Unit<S, C>, state: &mut S, unobserved: &dyn Fn(Unobserved)) {
        match unit {
            Unit::Outcome(waiting) => {
                self.delivered.set(self.delivered.get() + 1);
                if let Some(watch) = waiting.watch {
                    // Before the handler: what the two share is then its alone.
                    drop_contained(watch);
                }
                waiting.entry.run(state, unobserved);
            }
            Unit::Function { run, .. } => run(),
            Unit::Progress { call, watch, .. } => {
                let (token, again) = (call.token(), Some(call));
                let mut lent = LentWatch { inbox: self, token, watch: Some(watch), again };
                if !lent.watch.as_mut().is_some_and(|watch| watch.deliver_one(state)) {
                    lent.again = None;
                }
            }
            Unit::LastProgress { token, watch, .. } => {
                let mut lent = LentWatch { inbox: self, token, watch: Some(watch), again: None };
                if let Some(watch) = &mut lent.watch {
                    // The outcome is held, and comes back to the rest.
                    watch.deliver_one(state);
                }
            }
        }
    }

    /// Whether something was met that this turn must not run.
    fn has_newer(&self) -> bool {
        self.held.get().is_some() || self.pulses.has_newer()
    }

    /// The next thing that this turn may run; outcomes and progress take turns.
    fn next(&self) -> Option<Unit<S, C>> {
        if self.pulses.is_empty() {
            return self.next_outcome();
        }
        if self.pulses.goes_first() {
            self.next_progress().or_else(|| self.next_outcome())
        } else {
            self.next_outcome().or_else(|| self.next_progress())
        }
    }

    /// Leaves a newer one in `held` and ends the turn's outcomes.
    fn next_outcome(&self) -> Option<Unit<S, C>> {
        loop {
            let token = match self.held.take() {
                Some(token) => token,
                None => self.ready.borrow_mut().pop()?.token(),
            };
            match self.look(token) {
                Some((born, _)) if born == self.turn.get() => {
                    self.held.set(Some(token));
                    return None;
                }
                Some((_, false)) => return self.take(token).map(Unit::Outcome),
                Some((_, true)) => {
                    if let Some(unit) = self.function_first(token) {
                        self.held.set(Some(token));
                        return Some(unit);
                    }
                    if let Some((watch, place)) = self.lift_watch(token, |watch| watch.has_mail()) {
                        // What came before the outcome is delivered before it.
                        self.held.set(Some(token));
                        return Some(Unit::LastProgress { token, watch, place });
                    }
                    return self.take(token).map(Unit::Outcome);
                }
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

    /// The function of an inline call whose progress is heard: it runs before that.
    fn function_first(&self, token: Token) -> Option<Unit<S, C>> {
        self.with(token, |waiting| {
            waiting.watch.as_ref()?;
            let run = waiting.entry.starter()?;
            Some(Unit::Function { run, place: waiting.place })
        })?
    }

    fn next_progress(&self) -> Option<Unit<S, C>> {
        loop {
            let call = self.pulses.pop()?;
            let token = call.token();
            match self.look(token) {
                Some((born, _)) if born == self.turn.get() => self.pulses.later(call),
                Some(_) => {
                    if let Some((watch, place)) = self.lift_watch(token, |watch| watch.has_mail()) {
                        return Some(Unit::Progress { call, watch, place });
                    }
                }
                // Its entry is behind a push that is not finished.
                None if token.is_remote() && !call.is_decided() => self.pulses.later(call),
                None => {}
            }
        }
    }

    /// The turn in which a call came in, and whether its progress is heard.
    fn look(&self, token: Token) -> Option<(u64, bool)> {
        if token.is_remote() && !self.remote.borrow().contains_key(&token) {
            self.admit_arrivals(ARRIVALS_MAX);
        }
        self.with(token, |waiting| (waiting.born, waiting.watch.is_some()))
    }

    fn with<R>(&self, token: Token, look: impl FnOnce(&mut Waiting<S>) -> R) -> Option<R> {
        if token.is_remote() {
            self.remote.borrow_mut().get_mut(&token).map(look)
        } else {
            self.table.borrow_mut().get_mut(token).map(look)
        }
    }

    /// Takes a watch out for as long as it runs.
    fn lift_watch(
        &self,
        token: Token,
        that: impl FnOnce(&dyn Watch<S>) -> bool,
    ) -> Option<(Box<dyn Watch<S>>, &'static Location<'static>)> {
        self.with(token, |waiting| {
            let watch = waiting.watch.take_if(|watch| that(&**watch))?;
            Some((watch, waiting.place))
        })?
    }

    fn take(&self, token: Token) -> Option<Waiting<S>> {
        if token.is_remote() {
            self.remote.borrow_mut().remove(&token)
        } else {
            self.table.borrow_mut().take(token)
        }
    }
}

/// One thing that a turn runs.
enum Unit<S: 'static, C> {
    Outcome(Waiting<S>),
    /// An inline call's, apart from its outcome.
    Function {
        run: Box<dyn FnOnce()>,
        place: &'static Location<'static>,
    },
    Progress {
        call: C,
        watch: Box<dyn Watch<S>>,
        place: &'static Location<'static>,
    },
    /// Progress of a call whose outcome comes next.
    LastProgress {
        token: Token,
        watch: Box<dyn Watch<S>>,
        place: &'static Location<'static>,
    },
}

impl<S, C> Unit<S, C> {
    /// Where the call was submitted.
    fn place(&self) -> &'static Location<'static> {
        match self {
            Unit::Outcome(waiting) => waiting.place,
            Unit::Function { place, .. }
            | Unit::Progress { place, .. }
            | Unit::LastProgress { place, .. } => place,
        }
    }
}

/// A watch that runs, and goes back to its place afterwards, also when its handler unwinds; if the
/// place is gone, it is dropped.
struct LentWatch<'a, S: 'static, C: Completed> {
    inbox: &'a Inbox<S, C>,
    token: Token,
    watch: Option<Box<dyn Watch<S>>>,
    /// Comes back to what is left.
    again: Option<C>,
}

impl<S: 'static, C: Completed> Drop for LentWatch<'_, S, C> {
    fn drop(&mut self) {
        if let Some(call) = self.again.take() {
            self.inbox.pulses.again(call);
        }
        let watch = &mut self.watch;
        self.inbox.with(self.token, |waiting| waiting.watch = watch.take());
        drop_contained(watch.take());
    }
}
