//! What the timed calls came to, by executor and by name. Invariant: its memory is bounded,
//! however many names the calls have.

use std::borrow::Cow;
use std::collections::HashMap;

use super::latencies::Latencies;

/// Names that are kept apart; more go together, so that names which are made up at run time (a
/// path, a number) cost no memory without end.
const NAMES_MAX: usize = 256;

/// The entry of the names that come after these.
pub(crate) const OTHER_NAMES: &str = "(other names)";

/// How long the calls of one name waited and ran, over all executors; the fields are those of
/// [`ExecutorStats`](crate::ExecutorStats).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallStats {
    /// From the submit until the function began, or the call ended without it.
    pub queue_wait: Latencies,
    /// From the function's begin until it returned, or the call ended without it.
    pub run: Latencies,
    /// From then until the handler ran.
    pub delivery_wait: Latencies,
}

/// The parts of one call's way; `None` for one that it did not have.
pub(crate) struct Stretches {
    pub(super) queue_wait_ns: Option<u64>,
    pub(super) run_ns: Option<u64>,
    pub(super) delivery_wait_ns: u64,
}

impl CallStats {
    fn record(&mut self, stretches: &Stretches) {
        let put = |into: &mut Latencies, ns: Option<u64>| {
            if let Some(ns) = ns {
                into.record(ns);
            }
        };
        put(&mut self.queue_wait, stretches.queue_wait_ns);
        put(&mut self.run, stretches.run_ns);
        self.delivery_wait.record(stretches.delivery_wait_ns);
    }

    fn add(&mut self, other: &Self) {
        self.queue_wait.add(&other.queue_wait);
        self.run.add(&other.run);
        self.delivery_wait.add(&other.delivery_wait);
    }
}

#[derive(Clone, Default)]
pub(crate) struct Book {
    /// By the executor's number.
    lanes: Vec<CallStats>,
    names: HashMap<Cow<'static, str>, CallStats>,
}

impl Book {
    pub(super) fn record(
        &mut self,
        lane: usize,
        name: Option<&Cow<'static, str>>,
        stretches: &Stretches,
    ) {
        self.lane_mut(lane).record(stretches);
        if let Some(name) = name {
            self.name_mut(name).record(stretches);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (lane, stats) in other.lanes.iter().enumerate() {
            self.lane_mut(lane).add(stats);
        }
        for (name, stats) in &other.names {
            self.name_mut(name).add(stats);
        }
    }

    /// Takes an executor's part out.
    pub(crate) fn take_lane(&mut self, lane: usize) -> CallStats {
        std::mem::take(self.lane_mut(lane))
    }

    pub(crate) fn into_names(self) -> impl Iterator<Item = (Cow<'static, str>, CallStats)> {
        self.names.into_iter()
    }

    fn lane_mut(&mut self, lane: usize) -> &mut CallStats {
        if self.lanes.len() <= lane {
            self.lanes.resize_with(lane + 1, CallStats::default);
        }
        &mut self.lanes[lane]
    }

    #[expect(clippy::ptr_arg, reason = "a static name is cloned without a copy")]
    fn name_mut(&mut self, name: &Cow<'static, str>) -> &mut CallStats {
        let known = self.names.contains_key(name.as_ref());
        if !known && self.names.len() >= NAMES_MAX {
            return self.names.entry(OTHER_NAMES.into()).or_default();
        }
        if !known {
            self.names.insert(name.clone(), CallStats::default());
        }
        self.names.get_mut(name.as_ref()).expect("it is there by now")
    }
}
