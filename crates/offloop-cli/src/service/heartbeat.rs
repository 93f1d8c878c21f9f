//! The heartbeat: one beat is due each period, on a schedule that no stall moves.
//!
//! Every due beat is recorded with its own lateness. After a stall of 100 periods that
//! makes 100 samples, the first 100 periods late and the last hardly at all, just as
//! 100 timers of the application would have felt it.

use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// The time between two beats.
pub(crate) const PERIOD: Duration = Duration::from_millis(1);

/// How late the beats were.
#[derive(Clone, Debug)]
pub(crate) struct Beats {
    /// In nanoseconds.
    pub(crate) lateness: Histogram<u64>,
    /// Beats that ran so late that the next one was due already.
    pub(crate) missed: u64,
}

impl Beats {
    pub(crate) fn new() -> Beats {
        Beats { lateness: new_histogram(), missed: 0 }
    }

    pub(crate) fn add(&mut self, other: &Beats) {
        self.missed += other.missed;
        // Cannot fail: all histograms here have the same bounds.
        let _ = self.lateness.add(&other.lateness);
    }
}

/// Nanoseconds up to an hour, with three significant digits; longer counts as an hour.
pub(crate) fn new_histogram() -> Histogram<u64> {
    const HOUR_NS: u64 = 3_600_000_000_000;
    Histogram::new_with_bounds(1, HOUR_NS, 3).expect("these bounds are within those of a histogram")
}

/// The schedule and what became of it.
pub(crate) struct Heartbeat {
    next: Instant,
    beats: Beats,
}

impl Heartbeat {
    /// The first beat is due one period after `now`.
    pub(crate) fn new(now: Instant) -> Heartbeat {
        Heartbeat { next: now + PERIOD, beats: Beats::new() }
    }

    /// Runs every beat that is due.
    pub(crate) fn catch_up(&mut self, now: Instant) {
        while self.next <= now {
            let late = now - self.next;
            let late_ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.beats.lateness.saturating_record(late_ns.max(1));
            self.beats.missed += u64::from(late >= PERIOD);
            self.next += PERIOD;
        }
    }

    pub(crate) fn until_next(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    pub(crate) fn beats(&self) -> &Beats {
        &self.beats
    }
}
