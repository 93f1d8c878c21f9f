//! `latest`: the newest call of a key supersedes the others.
//!
//! Of the functions of one key at most [`PLACES`] run at once: the newest, and one that was
//! superseded and has not returned. So a function that does not look at its context delays nobody,
//! and a storm of calls does not fill the executor with functions that nobody waits for. One that
//! passed its deadline does not count.
//!
//! Invariant: of the calls whose outcome has not been taken, all but the newest are superseded.

use std::sync::Arc;

use super::{Turnstile, lock};
use crate::complete::cell::CallRef;
use crate::sync::Mutex;

/// How many functions of one key run at once.
const PLACES: usize = 2;

pub(crate) struct LatestLine {
    newest: Mutex<Option<CallRef>>,
    turnstile: Arc<Turnstile>,
}

impl LatestLine {
    pub(crate) fn new() -> Self {
        Self { newest: Mutex::new(None), turnstile: Turnstile::new(PLACES) }
    }

    pub(super) fn turnstile(&self) -> &Arc<Turnstile> {
        &self.turnstile
    }

    /// Makes `call` the newest; gives out the one that it supersedes.
    pub(super) fn replace(&self, call: &CallRef) -> Option<CallRef> {
        lock(&self.newest).replace(call.clone())
    }

    /// The call needs no successor any more; without this it and its line would hold each other.
    pub(super) fn forget(&self, call: &CallRef) {
        let mut newest = lock(&self.newest);
        let gone = newest.take_if(|newest| newest.id() == call.id());
        drop(newest);
        drop(gone);
    }
}
