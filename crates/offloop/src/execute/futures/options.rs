//! How many async calls, and how long one may hold its thread. Invariant: every value works.

use std::time::Duration;

use crate::complete::RUNNING_MAX;

/// Limits of the calls that run as futures.
///
/// ```
/// # use std::time::Duration;
/// let limits = offloop::AsyncCalls::new().max(10_000).stall(Duration::from_millis(20));
/// # let _ = offloop::Offloop::<()>::builder().no_waker().async_calls(limits).build()?;
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options do nothing until they are given to a `Builder`"]
pub struct AsyncCalls {
    pub(crate) max: usize,
    pub(crate) stall: Duration,
}

impl Default for AsyncCalls {
    fn default() -> Self {
        Self::new()
    }
}

impl AsyncCalls {
    /// 65 536 calls at most; a poll stalls its thread from 50 ms on.
    pub fn new() -> Self {
        Self { max: 65_536, stall: Duration::from_millis(50) }
    }

    /// How many calls may be under way, those included that have not begun; one more is refused with
    /// `QueueFull`. From 1, for which 0 counts too, to 16 777 215; 65 536 by
    /// default. Such a call costs memory and no thread.
    pub fn max(mut self, calls: usize) -> Self {
        self.max = calls.clamp(1, RUNNING_MAX);
        self
    }

    /// From which time on a single poll counts as a stall: the future blocks its thread, and all
    /// others that the thread polls wait for it. 50 ms by default, several times what a loaded
    /// machine takes from a thread. See [`Stats::async_stalls`](crate::Stats::async_stalls).
    pub fn stall(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }
}
