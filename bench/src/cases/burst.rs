//! Very many calls at once, then all their outcomes. Invariant: the whole burst is submitted
//! before the loop turns once.

use std::time::Instant;

use anyhow::Result;

use super::{Case, Floors, Scale, per_item};
use crate::side::Side;

pub(crate) const BURST: u64 = 100_000;

pub(super) struct Burst;

impl Case for Burst {
    fn name(&self) -> &'static str {
        "burst"
    }

    fn what(&self) -> &'static str {
        "100 000 calls submitted at once, until the last one is delivered; mean of a block"
    }

    fn floors(&self) -> Floors {
        Floors::None
    }

    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64> {
        let calls = scale.of(BURST);
        let began = Instant::now();
        side.submit(calls);
        side.drain()?;
        Ok(per_item(began.elapsed(), calls))
    }
}
