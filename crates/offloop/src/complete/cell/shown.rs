//! A worker's call, for others to see while its function runs.
//!
//! The worker's own hand keeps the call alive, so showing it counts nothing: the word holds the call's
//! address. Order of effects. Worker: set the word, run, take the word back, and only then go on with
//! the call. Reader: mark the word, clone the hand, unmark it. A worker that finds the mark waits for
//! the few instructions that a reader needs. Model: `complete::loom`.
//!
//! Invariant: the call that an unmarked or marked word names is alive.

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::hands::{Claimed, Returned};
use super::{CallRef, Head};
use crate::sync::{AtomicPtr, Ordering, sc_write_then_read, yield_now};

/// Set in the word while a reader clones the hand; a head is aligned to more.
const MARK: usize = 1;

pub(crate) struct Shown {
    word: AtomicPtr<Head>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        Self { word: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Runs the function of a call and shows the call meanwhile. One thread does this, one call at a
    /// time. Never unwinds.
    pub(crate) fn execute(&self, claimed: Claimed) -> Returned {
        let head = claimed.call().head.as_ptr();
        self.word.store(head, Ordering::Release);
        // The call's hand is in here, then in `returned`.
        let returned = claimed.execute();
        let (gone, swapped) = (ptr::null_mut(), Ordering::SeqCst);
        // In one order with the worker's next look, whether somebody waits for this.
        while self.word.compare_exchange(head, gone, swapped, Ordering::Relaxed).is_err() {
            yield_now();
        }
        sc_write_then_read();
        returned
    }

    pub(crate) fn is_there(&self) -> bool {
        !self.word.load(Ordering::SeqCst).is_null()
    }

    /// A hand of one's own on the call.
    pub(crate) fn get(&self) -> Option<CallRef> {
        loop {
            let head = self.word.load(Ordering::SeqCst);
            if head.addr() & MARK != 0 {
                yield_now();
                continue;
            }
            if head.is_null() {
                return None;
            }
            let marked = head.map_addr(|addr| addr | MARK);
            let (took, failed) = (Ordering::Acquire, Ordering::Relaxed);
            // What was in the word, not what had been read: in between the worker may have gone on to
            // another call, at the address of the one before.
            let Ok(shown) = self.word.compare_exchange(head, marked, took, failed) else {
                continue;
            };
            // SAFETY: it is not null. The worker keeps its hand on the call until the mark is gone.
            let copy = unsafe { another_hand(NonNull::new_unchecked(shown)) };
            self.word.store(shown, Ordering::Release);
            return Some(copy);
        }
    }
}

/// One more hand on a call that somebody else holds.
///
/// # Safety
/// `head` is that of a call on which a hand is held until this returns.
unsafe fn another_hand(head: NonNull<Head>) -> CallRef {
    // Never dropped: it was not counted.
    let lent = ManuallyDrop::new(CallRef { head });
    CallRef::clone(&lent)
}
