//! Calls whose progress waits for the loop.
//!
//! Invariant: a call is in here at most once, because its mailbox announces itself when it was
//! empty, and the turn that leaves something in it puts the call back.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::queue::{Linked, Parcel, Popper, queue};

pub(super) struct Pulses<C: Linked> {
    came: RefCell<Popper<Box<Parcel<C>>>>,
    /// Met before, and not done.
    again: RefCell<VecDeque<C>>,
    /// For the next turn: submitted during this one.
    newer: RefCell<Vec<C>>,
    goes_first: Cell<bool>,
}

impl<C: Linked> Pulses<C> {
    pub(super) fn new(came: Popper<Box<Parcel<C>>>) -> Self {
        Self {
            came: RefCell::new(came),
            again: RefCell::default(),
            newer: RefCell::default(),
            goes_first: Cell::new(false),
        }
    }

    pub(super) fn begin_turn(&self) {
        self.again.borrow_mut().extend(self.newer.borrow_mut().drain(..));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.again.borrow().is_empty() && self.came.borrow().is_empty()
    }

    /// Every other time, so that neither progress nor outcomes hold the other up.
    pub(super) fn goes_first(&self) -> bool {
        !self.goes_first.replace(!self.goes_first.get())
    }

    pub(super) fn pop(&self) -> Option<C> {
        let again = self.again.borrow_mut().pop_front();
        again.or_else(|| self.came.borrow_mut().pop().map(|parcel| parcel.value))
    }

    pub(super) fn again(&self, call: C) {
        self.again.borrow_mut().push_back(call);
    }

    pub(super) fn later(&self, call: C) {
        self.newer.borrow_mut().push(call);
    }

    pub(super) fn has_newer(&self) -> bool {
        !self.newer.borrow().is_empty()
    }

    /// In a forked child.
    pub(super) fn forget(&self) {
        std::mem::forget(self.came.replace(queue().1));
    }
}
