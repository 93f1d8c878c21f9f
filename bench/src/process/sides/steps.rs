//! What round trips and pipelines are made of. Invariant: no more calls are in flight than asked
//! for, and the block ends when the last one is back.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cases::per_item;
use crate::figures::median;

/// Far more than any wait takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any contender's threads stay awake without a call.
pub(super) const FALL_ASLEEP: Duration = Duration::from_millis(2);

/// Long enough for a worker that ended to be replaced, on a quiet machine.
pub(super) const REPLACED: Duration = Duration::from_millis(30);

pub(super) trait Steps {
    /// Submits a small call.
    fn send(&mut self) -> Result<()>;
    /// Waits as the loop does until one more is back at least; says how many are.
    fn take(&mut self) -> Result<u64>;
}

pub(super) fn calls(side: &mut impl Steps, calls: u64, in_flight: u64) -> Result<f64> {
    let began = Instant::now();
    let (mut sent, mut back) = (0, 0);
    while back < calls {
        while sent < calls && sent - back < in_flight {
            side.send()?;
            sent += 1;
        }
        back += side.take()?;
    }
    Ok(per_item(began.elapsed(), calls))
}

/// The median of so many times.
pub(super) fn median_of(calls: u64, mut one: impl FnMut() -> Result<Duration>) -> Result<f64> {
    let took: Result<Vec<f64>> = (0..calls).map(|_| Ok(per_item(one()?, 1))).collect();
    Ok(median(&took?))
}
