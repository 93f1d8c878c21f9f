//! A clock that moves when it is told to, for tests that must not depend on the machine's.
//!
//! Invariant: a deadline fires inside `advance`, on the thread that calls it, and deadlines fire in
//! the order of their times, ties in the order of their submits.

#![cfg_attr(not(feature = "testkit"), allow(dead_code, unreachable_pub))]

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::complete::{CallRef, Clock};
use crate::execute::charge::Charge;
use crate::execute::threads::lock;

/// The time by which an offloop's deadlines go, moved by hand; given to
/// [`Builder::clock`](crate::Builder::clock). For tests.
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use std::time::Duration;
/// # use offloop::{Failure, ManualClock, Offloop};
/// let clock = ManualClock::new();
/// let off = Offloop::<bool>::builder().no_waker().clock(&clock).build()?;
/// off.call_with(|cx| while !cx.is_cancelled() { std::thread::yield_now() })
///     .deadline(Duration::from_secs(3600))
///     .then(|late, outcome| *late = matches!(outcome, Err(Failure::TimedOut)));
/// clock.advance(Duration::from_secs(3600)); // takes no time
/// let mut late = false;
/// off.deliver(&mut late);
/// assert!(late);
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Clone)]
pub struct ManualClock {
    time: Arc<Mutex<Time>>,
}

struct Time {
    now: Instant,
    /// In the order of their submits.
    timers: Vec<Timer>,
}

struct Timer {
    at: Instant,
    call: CallRef,
    charge: Weak<Charge>,
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualClock {
    /// A clock that stands at the present moment.
    pub fn new() -> Self {
        Self { time: Arc::new(Mutex::new(Time { now: Instant::now(), timers: Vec::new() })) }
    }

    /// The moment at which it stands.
    pub fn now(&self) -> Instant {
        lock(&self.time).now
    }

    /// Moves it on. The deadlines that pass are decided on this thread, in their order.
    pub fn advance(&self, by: Duration) {
        let until = self.now() + by;
        while let Some(timer) = self.pop_due(until) {
            if let Some(charge) = timer.charge.upgrade() {
                charge.time_out(&timer.call);
            }
        }
        lock(&self.time).now = until;
    }

    /// When the next call times out.
    pub fn next_deadline(&self) -> Option<Instant> {
        let mut time = lock(&self.time);
        let dead = time.timers.extract_if(.., |timer| timer.call.is_decided()).collect::<Vec<_>>();
        let next = time.timers.iter().map(|timer| timer.at).min();
        drop(time);
        drop(dead);
        next
    }

    pub(crate) fn add(&self, at: Instant, call: CallRef, charge: &Arc<Charge>) {
        lock(&self.time).timers.push(Timer { at, call, charge: Arc::downgrade(charge) });
    }

    pub(crate) fn source(&self) -> Clock {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    fn pop_due(&self, until: Instant) -> Option<Timer> {
        let mut time = lock(&self.time);
        let due = time.timers.iter().enumerate().filter(|(_, timer)| timer.at <= until);
        let first = due.min_by_key(|(index, timer)| (timer.at, *index))?.0;
        let timer = time.timers.remove(first);
        // A function that asks sees its own deadline passed, and no later one.
        time.now = time.now.max(timer.at);
        Some(timer)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("now", &self.now()).finish_non_exhaustive()
    }
}
