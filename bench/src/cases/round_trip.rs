//! One call in flight: submitted, run, delivered. Invariant: the idle time before it is off the
//! clock.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Case, Floors, Scale, per_item};
use crate::figures::middle;
use crate::side::Side;

/// Room for the calls of a block, on the stack: allocations are counted.
const SAMPLES: usize = 128;

pub(super) struct RoundTrip {
    name: &'static str,
    what: &'static str,
    idle: Duration,
    calls: u64,
}

pub(super) const BACK_TO_BACK: RoundTrip = RoundTrip {
    name: "round-trip",
    what: "one call in flight, back to back; mean of a block",
    idle: Duration::ZERO,
    calls: 600,
};

pub(super) const AFTER_200_US: RoundTrip = RoundTrip {
    name: "round-trip-200us",
    what: "one call in flight, each after 200 µs of idleness; median of a block",
    idle: Duration::from_micros(200),
    calls: 80,
};

pub(super) const AFTER_5_MS: RoundTrip = RoundTrip {
    name: "round-trip-5ms",
    what: "one call in flight, each after 5 ms of idleness; median of a block",
    idle: Duration::from_millis(5),
    calls: 11,
};

impl Case for RoundTrip {
    fn name(&self) -> &'static str {
        self.name
    }

    fn what(&self) -> &'static str {
        self.what
    }

    fn floors(&self) -> Floors {
        Floors::Both
    }

    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64> {
        let calls = scale.of(self.calls);
        if self.idle.is_zero() {
            let began = Instant::now();
            for _ in 0..calls {
                side.round_trip()?;
            }
            return Ok(per_item(began.elapsed(), calls));
        }
        let mut took = [0.0; SAMPLES];
        let took = &mut took[..usize::try_from(calls)?];
        for took in &mut *took {
            side.idle(self.idle);
            let began = Instant::now();
            side.round_trip()?;
            *took = per_item(began.elapsed(), 1);
        }
        Ok(middle(took))
    }
}
