//! Which calls are timed: the first ones of each window of time, and a share of the rest.
//!
//! A loop that makes a call now and then gets every one measured; one that makes a million a
//! second pays for few of them. The loop's calls have windows of their own, and so have those of
//! all its handles together. Invariant: of either, at most [`FIRST`] calls per [`WINDOW_NS`] are
//! timed, and one in [`SHARE`] of the others.

use std::sync::atomic::{AtomicU64, Ordering};

/// Calls at the start of a window that are all timed.
pub(super) const FIRST: u64 = 32;

/// Of the calls after these, one in so many; a power of two.
pub(super) const SHARE: u64 = 64;

/// The least time from one window's start to the next one's.
pub(super) const WINDOW_NS: u64 = 5_000_000;

/// Spreads numbers so evenly that every run of them has its share, and so irregularly that calls
/// which come by turns (a, b, a, b, …) are all met.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Loads and stores that race with others move a window's start by a few calls, no more.
pub(super) struct Window {
    began_ns: AtomicU64,
    first: AtomicU64,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { began_ns: AtomicU64::new(0), first: AtomicU64::new(0) }
    }

    /// Whether the call with this number is timed.
    pub(super) fn takes(&self, number: u64) -> bool {
        number.wrapping_sub(self.first.load(Ordering::Relaxed)) < FIRST
            || number.wrapping_mul(GOLDEN) < u64::MAX / SHARE
    }

    /// The clock was read: begins the next window if it is time. `next` is the number of the next
    /// call.
    pub(super) fn look(&self, now_ns: u64, next: u64) {
        let age = now_ns.saturating_sub(self.began_ns.load(Ordering::Relaxed));
        if age >= WINDOW_NS {
            self.began_ns.store(now_ns, Ordering::Relaxed);
            self.first.store(next, Ordering::Relaxed);
        }
    }
}
