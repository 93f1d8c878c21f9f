//! What a submit costs the loop thread. Invariant: the calls are delivered off the clock.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Case, Floors, Scale, per_item};
use crate::figures::median;
use crate::side::Side;

/// Calls that are submitted while the workers are held.
const BATCH: u64 = 256;

const BATCHES: u64 = 40;

/// Submits to sleeping workers.
const SINGLES: u64 = 15;

/// Longer than any contender's workers stay awake without a call.
const FALL_ASLEEP: Duration = Duration::from_millis(2);

pub(super) struct Submit {
    name: &'static str,
    what: &'static str,
    floors: Floors,
    block: fn(&mut Side, Scale) -> Result<f64>,
}

pub(super) const AWAKE: Submit = Submit {
    name: "submit-awake",
    what: "one submit, seen by the loop thread, while all workers are awake in a call; median of \
           means of 256",
    floors: Floors::None,
    block: awake,
};

pub(super) const ASLEEP: Submit = Submit {
    name: "submit-asleep",
    what: "one submit, seen by the loop thread, when all workers have slept for 2 ms; median of a \
           block",
    floors: Floors::Asleep,
    block: asleep,
};

impl Case for Submit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn what(&self) -> &'static str {
        self.what
    }

    fn floors(&self) -> Floors {
        self.floors
    }

    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64> {
        (self.block)(side, scale)
    }
}

fn awake(side: &mut Side, scale: Scale) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..scale.of(BATCHES) {
        let gate = side.hold_all()?;
        let began = Instant::now();
        side.submit(BATCH);
        took.push(per_item(began.elapsed(), BATCH));
        gate.open();
        side.drain()?;
    }
    Ok(median(&took))
}

fn asleep(side: &mut Side, scale: Scale) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..scale.of(SINGLES) {
        side.idle(FALL_ASLEEP);
        let began = Instant::now();
        side.submit(1);
        took.push(per_item(began.elapsed(), 1));
        side.drain()?;
    }
    Ok(median(&took))
}
