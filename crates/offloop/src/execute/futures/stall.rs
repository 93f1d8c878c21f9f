//! Polls that hold their thread up.
//!
//! A future that blocks by mistake stops every other one on its thread, and nothing shows whose fault
//! it is. So each poll is timed. Invariant: a poll is told about once, when it is over or when its
//! call is decided meanwhile.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::complete::CallRef;
use crate::trace;

/// What became of long polls, for `stats()`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StallCounts {
    pub(crate) stalls: u64,
    pub(crate) longest: Duration,
    pub(crate) longest_place: Option<&'static Location<'static>>,
}

/// The limit of one executor, and what went beyond it.
pub(crate) struct Stalls {
    limit: Duration,
    counts: Mutex<StallCounts>,
}

/// A poll that is under way, if one is.
#[derive(Default)]
pub(super) struct Watch(Mutex<Option<Began>>);

struct Began {
    at: Instant,
    told: bool,
}

impl Stalls {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, counts: Mutex::default() }
    }

    pub(crate) fn counts(&self) -> StallCounts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Times a poll of this call.
    pub(super) fn during<R>(&self, watch: &Watch, call: &CallRef, poll: impl FnOnce() -> R) -> R {
        watch.begin();
        let polled = poll();
        let Some(Began { at, told }) = watch.end() else { return polled };
        let took = at.elapsed();
        if took >= self.limit {
            self.count(call, took, !told);
        }
        polled
    }

    /// The call is decided; a poll that stands still may never end.
    pub(super) fn look(&self, watch: &Watch, call: &CallRef) {
        if let Some(took) = watch.stands_for(self.limit) {
            self.count(call, took, true);
        }
    }

    fn count(&self, call: &CallRef, took: Duration, first: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.stalls += u64::from(first);
        if took > counts.longest {
            (counts.longest, counts.longest_place) = (took, Some(call.place()));
        }
        drop(counts);
        if first {
            trace::stalled(call.subject(), took);
        }
    }
}

impl Watch {
    fn begin(&self) {
        *self.lock() = Some(Began { at: Instant::now(), told: false });
    }

    fn end(&self) -> Option<Began> {
        self.lock().take()
    }

    /// How long the present poll has stood still, if that is too long and was not told.
    fn stands_for(&self, limit: Duration) -> Option<Duration> {
        let mut began = self.lock();
        let began = began.as_mut().filter(|began| !began.told)?;
        let stands = began.at.elapsed();
        began.told = stands >= limit;
        began.told.then_some(stands)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Began>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
