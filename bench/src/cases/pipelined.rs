//! No-op calls with many in flight. Invariant: the loop submits as many as came back, so the
//! number in flight never exceeds the window.

use std::time::Instant;

use anyhow::Result;

use super::{Case, Floors, Scale, per_item};
use crate::side::Side;

/// Calls in flight.
const WINDOW: u64 = 1024;

const CALLS: u64 = 30_000;

pub(super) struct Pipelined;

impl Case for Pipelined {
    fn name(&self) -> &'static str {
        "pipelined"
    }

    fn what(&self) -> &'static str {
        "no-op calls with 1 024 in flight; mean of a block"
    }

    fn floors(&self) -> Floors {
        Floors::None
    }

    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64> {
        let calls = scale.of(CALLS).max(2 * WINDOW);
        let began = Instant::now();
        let mut left = calls;
        while left > 0 {
            let fill = (WINDOW - side.in_flight()).min(left);
            side.submit(fill);
            left -= fill;
            side.turn()?;
        }
        side.drain()?;
        Ok(per_item(began.elapsed(), calls))
    }
}
