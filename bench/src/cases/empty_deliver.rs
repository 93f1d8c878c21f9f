//! A delivery that finds nothing. Invariant: no call is in flight.

use std::time::Instant;

use anyhow::Result;

use super::{Case, Floors, Scale, per_item};
use crate::side::Side;

const TURNS: u64 = 200_000;

pub(super) struct EmptyDeliver;

impl Case for EmptyDeliver {
    fn name(&self) -> &'static str {
        "empty-deliver"
    }

    fn what(&self) -> &'static str {
        "one `deliver` that finds nothing; mean of a block"
    }

    fn floors(&self) -> Floors {
        Floors::None
    }

    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64> {
        let turns = scale.of(TURNS);
        let began = Instant::now();
        side.deliver_often(turns);
        Ok(per_item(began.elapsed(), turns))
    }
}
