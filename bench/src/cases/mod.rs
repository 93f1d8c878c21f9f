//! What is measured; one file each. Invariant: a case does its set-up outside the clock, gives
//! nanoseconds per call (or per turn), and knows no contender by name.

mod burst;
mod empty_deliver;
mod pipelined;
mod round_trip;
mod submit;

use anyhow::Result;

use crate::side::Side;

pub(crate) use self::burst::BURST;

/// How much work a block does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    /// For counting what is slow to count.
    Tenth,
    /// Tries the harness; its figures mean nothing.
    Quick,
}

impl Scale {
    pub(crate) fn of(self, full: u64) -> u64 {
        match self {
            Scale::Full => full,
            Scale::Tenth => (full / 10).max(10),
            Scale::Quick => (full / 20).max(1),
        }
    }
}

pub(crate) trait Case: Sync {
    fn name(&self) -> &'static str;
    /// What it measures, in one line.
    fn what(&self) -> &'static str;
    /// Whether the machine's floors have something to say to it: those that sleep, or all.
    fn floors(&self) -> Floors;
    /// One block: nanoseconds per call.
    fn block(&self, side: &mut Side, scale: Scale) -> Result<f64>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Floors {
    None,
    /// The one whose worker sleeps.
    Asleep,
    Both,
}

pub(crate) const CASES: &[&dyn Case] = &[
    &round_trip::BACK_TO_BACK,
    &round_trip::AFTER_200_US,
    &round_trip::AFTER_5_MS,
    &pipelined::Pipelined,
    &burst::Burst,
    &submit::AWAKE,
    &submit::ASLEEP,
    &empty_deliver::EmptyDeliver,
];

/// Nanoseconds per item.
#[expect(clippy::cast_precision_loss, reason = "durations of a block are far below 2^52 ns")]
pub(crate) fn per_item(took: std::time::Duration, items: u64) -> f64 {
    took.as_nanos() as f64 / items as f64
}
