//! What one call is to be. Invariant: all of it is drawn when the call is made, so that a function
//! which runs elsewhere has nothing left to draw.

use std::fmt;
use std::time::Duration;

use offloop::Priority;
use offloop_testkit::Sim;

/// Keys per policy: few, so that calls meet.
const KEYS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Threads,
    Cores,
    Inline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Returns,
    Panics,
    /// Submits another call through a handle, and returns.
    Submits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reports {
    Nothing,
    Newest,
    Each,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndsBy {
    Then,
    TryThen,
    Await,
}

#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) place: Place,
    pub(crate) ending: Ending,
    pub(crate) pauses: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) in_order: Option<usize>,
    pub(crate) serial: Option<usize>,
    pub(crate) latest: Option<usize>,
    pub(crate) share: Option<usize>,
    pub(crate) scoped: bool,
    pub(crate) reports: Reports,
    pub(crate) values: u32,
    pub(crate) may_cancel: bool,
    pub(crate) ends_by: EndsBy,
    pub(crate) handler_submits: bool,
}

impl Plan {
    pub(crate) fn plain(place: Place) -> Self {
        Self {
            place,
            ending: Ending::Returns,
            pauses: 1,
            deadline: None,
            priority: Priority::Normal,
            in_order: None,
            serial: None,
            latest: None,
            share: None,
            scoped: false,
            reports: Reports::Nothing,
            values: 0,
            may_cancel: false,
            ends_by: EndsBy::Then,
            handler_submits: false,
        }
    }

    pub(crate) fn draw<S>(sim: &Sim<S>) -> Self {
        let one_in = |n| sim.below(n) == 0;
        let key = |n| one_in(n).then(|| sim.below(KEYS));
        let mut plan = Self {
            place: [Place::Threads, Place::Threads, Place::Cores, Place::Inline][sim.below(4)],
            ending: match sim.below(8) {
                0 => Ending::Panics,
                1 => Ending::Submits,
                _ => Ending::Returns,
            },
            pauses: sim.below(3),
            deadline: one_in(3).then(|| Duration::from_millis(1 + sim.below(6) as u64)),
            priority: [Priority::High, Priority::Normal, Priority::Low][sim.below(3)],
            in_order: key(3),
            serial: key(3),
            latest: key(4),
            share: key(5),
            scoped: one_in(4),
            reports: [Reports::Newest, Reports::Each, Reports::Nothing, Reports::Nothing]
                [sim.below(4)],
            values: sim.below(5) as u32,
            may_cancel: one_in(4),
            ends_by: [EndsBy::TryThen, EndsBy::Await, EndsBy::Then, EndsBy::Then][sim.below(4)],
            handler_submits: one_in(6),
        };
        // These exclude each other, and are refused.
        if plan.share.is_some() {
            plan.latest = None;
            plan.reports = Reports::Nothing;
        }
        if plan.place == Place::Inline && plan.in_order.is_some() {
            plan.serial = None;
        }
        if plan.ends_by == EndsBy::Await {
            plan.reports = Reports::Nothing;
            if plan.place == Place::Inline {
                plan.in_order = None;
            }
        }
        plan
    }
}

/// What it has, and nothing of what it has not.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}, {:?}", self.place, self.ending, self.priority)?;
        if self.ends_by != EndsBy::Then {
            write!(f, ", {:?}", self.ends_by)?;
        }
        let keys = [
            ("in_order", self.in_order),
            ("serial", self.serial),
            ("latest", self.latest),
            ("share", self.share),
        ];
        for (policy, key) in keys {
            if let Some(key) = key {
                write!(f, ", {policy} {key}")?;
            }
        }
        if let Some(time) = self.deadline {
            write!(f, ", within {time:?}")?;
        }
        if self.reports != Reports::Nothing {
            write!(f, ", reports {:?} of {}", self.reports, self.values)?;
        }
        let marks = [(self.scoped, "scoped"), (self.may_cancel, "may be cancelled")];
        for (_, mark) in marks.iter().filter(|(set, _)| *set) {
            write!(f, ", {mark}")?;
        }
        Ok(())
    }
}
