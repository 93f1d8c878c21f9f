//! The times of one call, in its own allocation, and the clock that they are read from.
//!
//! | stamp     | written                                   | by                                  |
//! |-----------|-------------------------------------------|-------------------------------------|
//! | submitted | when the call is made                     | the submitter                       |
//! | began     | ahead of the claim                        | the one holder of the `Work`        |
//! | ended     | ahead of Done, or once decided            | the one that decided                |
//!
//! Invariant: each stamp has one writer, but for `ended` where a function returns in the very
//! moment of a decision; then it is about the same from either. Claim and decision publish `began` and `ended`, by the
//! call's state word or by its way to the loop. Two readings stand beside that: `began` of a call
//! that was not claimed after all counts for nothing, and an `ended` that its decider has not
//! written yet (the state word went ahead of it) reads as just now.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::book::{Book, Stretches};
use super::sample::Window;
use super::{Number, Passage};

/// What the calls of one offloop share of their times.
pub(crate) struct Timing {
    epoch: Instant,
    of_loop: Window,
    of_handles: Window,
    /// Written by the loop thread alone, so that a turn waits for nobody.
    by_loop: Mutex<Book>,
    by_tasks: Mutex<Book>,
}

impl Timing {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            of_loop: Window::new(),
            of_handles: Window::new(),
            by_loop: Mutex::new(Book::default()),
            by_tasks: Mutex::new(Book::default()),
        }
    }

    /// Stamps the call with this number if it is one to be timed, and reads the clock only then.
    pub(crate) fn submit(&self, number: Number, now: impl FnOnce() -> Instant) -> Stamps {
        let (window, number) = match number {
            Number::OfLoop(number) => (&self.of_loop, number),
            Number::OfHandles(number) => (&self.of_handles, number),
        };
        if !window.takes(number) {
            return Stamps::none();
        }
        let now_ns = self.ns(now());
        window.look(now_ns, number + 1);
        Stamps::submitted(now_ns)
    }

    /// A turn read the clock when it began; so many calls had been submitted.
    pub(crate) fn turn(&self, began: Option<Instant>, submitted: (u64, u64)) {
        if let Some(began) = began {
            let now_ns = self.ns(began);
            self.of_loop.look(now_ns, submitted.0);
            self.of_handles.look(now_ns, submitted.1);
        }
    }

    /// All that was recorded, as it stands.
    pub(crate) fn book(&self) -> Book {
        let mut all = lock(&self.by_loop).clone();
        all.add(&lock(&self.by_tasks));
        all
    }

    /// Never 0, which says that a stamp is not there.
    pub(super) fn ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).max(1)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Stamps {
    /// In ns since the epoch; 0 where there is none.
    submitted_ns: u64,
    began: Since,
    ended: Since,
}

/// Nanoseconds since the submit, exact for the first 16 ms and to 1 part in 16 million after that, in
/// half the room of a `u64`: this stands in every call.
struct Since(AtomicU32);

impl Since {
    fn unknown() -> Self {
        Self(AtomicU32::new(f32::NAN.to_bits()))
    }

    fn set(&self, ns: u64) {
        self.0.store((ns as f32).to_bits(), Ordering::Relaxed);
    }

    fn get(&self) -> Option<u64> {
        let ns = f32::from_bits(self.0.load(Ordering::Relaxed));
        (!ns.is_nan()).then_some(ns as u64)
    }
}

impl Stamps {
    /// Of a call that is not timed.
    pub(crate) fn none() -> Self {
        Self::submitted(0)
    }

    /// Of a run that serves several calls, which is no call of its own: its begin is theirs.
    pub(crate) fn of_run(timing: &Timing, now: Instant) -> Self {
        Self::submitted(timing.ns(now))
    }

    fn submitted(submitted_ns: u64) -> Self {
        Self { submitted_ns, began: Since::unknown(), ended: Since::unknown() }
    }

    pub(crate) fn are_there(&self) -> bool {
        self.submitted_ns != 0
    }

    fn since_submit(&self, timing: &Timing, now: Instant) -> u64 {
        timing.ns(now).saturating_sub(self.submitted_ns)
    }

    pub(crate) fn begin(&self, timing: &Timing, now: Instant) {
        self.began.set(self.since_submit(timing, now));
    }

    pub(crate) fn end(&self, timing: &Timing, now: Instant) {
        self.ended.set(self.since_submit(timing, now));
    }

    /// The run that serves this call began when it did, or was under way at the submit.
    pub(crate) fn begin_with(&self, run: &Self) {
        let began_ns = run.submitted_ns + run.began.get().unwrap_or(0);
        self.began.set(began_ns.saturating_sub(self.submitted_ns));
    }

    /// Enters a timed call that is being delivered in the book.
    pub(crate) fn record(&self, timing: &Timing, now: Instant, passage: &Passage<'_>) {
        let stretches = self.stretches(timing.ns(now), passage);
        let book = if passage.by_task { &timing.by_tasks } else { &timing.by_loop };
        lock(book).record(passage.lane, passage.name, &stretches);
    }

    pub(super) fn stretches(&self, now_ns: u64, passage: &Passage<'_>) -> Stretches {
        let now_ns = now_ns.saturating_sub(self.submitted_ns);
        let ended_ns = if passage.queued { self.ended.get().unwrap_or(now_ns) } else { 0 };
        let began_ns = passage.began.then(|| self.began.get().unwrap_or(0));
        Stretches {
            queue_wait_ns: passage.queued.then(|| began_ns.unwrap_or(ended_ns)),
            run_ns: began_ns.map(|began_ns| ended_ns.saturating_sub(began_ns)),
            delivery_wait_ns: now_ns.saturating_sub(ended_ns),
        }
    }
}
