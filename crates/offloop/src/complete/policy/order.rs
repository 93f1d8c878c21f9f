//! `in_order`: the handlers of one key run in the order of their submits.
//!
//! Calls stand in a line from their submit on. Whoever decides a call lets all calls at the head
//! go that are decided, in order, under the line's lock; so the ready queue gets them in order.
//! An inline call goes when it is at the head, and runs where the turn meets it.
//!
//! Invariant: a call in a line is not in the ready queue, and its task has not been told.

use std::collections::VecDeque;

use super::lock;
use crate::complete::cell::CallRef;
use crate::sync::{Mutex, Ordering};

pub(crate) struct OrderLine(Mutex<VecDeque<CallRef>>);

impl OrderLine {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    pub(super) fn enter(&self, call: &CallRef) {
        lock(&self.0).push_back(call.clone());
    }

    /// Lets those at the head go that can. `true`: the caller asks for the turn.
    #[must_use]
    pub(super) fn release(&self) -> bool {
        let mut gone = Vec::new();
        let mut line = lock(&self.0);
        while line.front().is_some_and(may_go) {
            if let Some(call) = line.pop_front() {
                call.post();
                gone.push(call);
            }
        }
        drop(line);
        let mut asks = false;
        for call in gone {
            asks |= call.announce();
        }
        asks
    }
}

fn may_go(call: &CallRef) -> bool {
    call.is_decided() || call.policy().is_some_and(|policy| policy.stands_by.load(Ordering::SeqCst))
}
