//! What one call does, and how it is ended: rolled from a seed. Invariant: the same seed gives the
//! same mix, whatever the threads do with it.

use std::time::Duration;

use offloop::Priority;

/// SplitMix64.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = Self(seed ^ stream.wrapping_mul(0xd6e8_feb8_6659_fd93));
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub(crate) fn us(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.range(low, high))
    }

    /// True `times` out of a thousand.
    pub(crate) fn of_1000(&mut self, times: u64) -> bool {
        self.next() % 1000 < times
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Threads,
    Cores,
    Inline,
}

/// What the function does before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Quick,
    Spin(Duration),
    Sleep(Duration),
    /// Ends this long after 50 µs before its deadline.
    AtDeadline(Duration),
    /// Tells the canceller that it is about to end, and ends this much later.
    Announce(Duration),
    /// Runs until its context says that it is unwanted, at most this long.
    UntilAsked(Duration),
    /// Same, and then ends this long after 50 µs before a shutdown's time is up.
    UntilShutdown(Duration),
    /// Submits this many calls through a handle.
    Submit(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    Never,
    Now,
    GuardNow,
    Elsewhere(Duration),
    GuardElsewhere(Duration),
    /// This long after 50 µs before the deadline.
    AtDeadline(Duration),
    /// When the function announces its end.
    WithEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Then,
    TryThen,
    Detach,
    Await,
    /// Awaited, and the future is dropped this many looks later.
    AwaitDropped(u64),
}

/// Who submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Loop,
    Handler,
    Thread,
    Call,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) origin: Origin,
    pub(crate) lane: Lane,
    pub(crate) priority: Priority,
    pub(crate) deadline: Option<Duration>,
    pub(crate) body: Body,
    pub(crate) cancel: Cancel,
    pub(crate) ending: Ending,
    pub(crate) named: bool,
    /// A refused `try_then` is ended by `then`.
    pub(crate) again: bool,
    pub(crate) panics: bool,
    /// Panics with a payload that counts its drops.
    pub(crate) payload: bool,
    pub(crate) job_bomb: bool,
    /// The destructor of the job takes this long when the function was not run.
    pub(crate) slow_drop: Option<Duration>,
    pub(crate) value_bomb: bool,
    pub(crate) handler_bomb: bool,
    pub(crate) handler_panics: bool,
    /// Calls that the handler submits.
    pub(crate) children: u64,
}

impl Plan {
    pub(crate) fn roll(rng: &mut Rng, origin: Origin) -> Self {
        let lane = match rng.range(0, 9) {
            0..=4 => Lane::Threads,
            5..=7 => Lane::Cores,
            _ => Lane::Inline,
        };
        let priority = match rng.range(0, 3) {
            0 => Priority::High,
            1 => Priority::Low,
            _ => Priority::Normal,
        };
        let deadline = match rng.range(0, 99) {
            0..=3 => Some(Duration::ZERO),
            4..=23 => Some(rng.us(30, 500)),
            24..=33 => Some(Duration::from_secs(600)),
            _ => None,
        };
        let ending = ending(rng, origin);
        let (body, cancel) = contest(rng, lane, deadline, ending);
        let panics = rng.of_1000(60);
        Self {
            origin,
            lane,
            priority,
            deadline,
            body,
            cancel,
            ending,
            named: ending == Ending::Detach || rng.of_1000(900),
            again: rng.of_1000(300),
            panics,
            payload: panics && rng.of_1000(400),
            job_bomb: rng.of_1000(15),
            slow_drop: rng.of_1000(30).then(|| rng.us(20, 300)),
            value_bomb: rng.of_1000(15),
            handler_bomb: rng.of_1000(15),
            handler_panics: rng.of_1000(2),
            children: if rng.of_1000(60) { rng.range(1, 2) } else { 0 },
        }
    }

    /// A call that is there when a shutdown comes.
    pub(crate) fn last(rng: &mut Rng) -> Self {
        Self {
            lane: if rng.of_1000(700) { Lane::Threads } else { Lane::Cores },
            deadline: None,
            body: Body::UntilShutdown(rng.us(0, 200)),
            cancel: Cancel::Never,
            ending: if rng.of_1000(700) { Ending::Then } else { Ending::Await },
            named: true,
            ..Self::roll(rng, Origin::Loop)
        }
    }
}

fn ending(rng: &mut Rng, origin: Origin) -> Ending {
    match rng.range(0, 19) {
        0..=9 => Ending::Then,
        10..=12 => Ending::TryThen,
        13..=15 => Ending::Detach,
        // A function has nobody to poll a future of its own.
        _ if origin == Origin::Call => Ending::Then,
        16..=18 => Ending::Await,
        _ => Ending::AwaitDropped(rng.range(0, 30)),
    }
}

/// Who contends for the outcome.
fn contest(
    rng: &mut Rng,
    lane: Lane,
    deadline: Option<Duration>,
    ending: Ending,
) -> (Body, Cancel) {
    // A future has no ticket: dropping it is its cancel.
    let awaited = matches!(ending, Ending::Await | Ending::AwaitDropped(_));
    let tiny = deadline.is_some_and(|time| !time.is_zero() && time < Duration::from_secs(1));
    let mut cancel = match rng.range(0, 99) {
        _ if awaited => Cancel::Never,
        0..=3 => Cancel::Now,
        4..=5 => Cancel::GuardNow,
        6..=8 => Cancel::GuardElsewhere(rng.us(0, 200)),
        9..=17 => Cancel::Elsewhere(rng.us(0, 200)),
        18..=45 if tiny => Cancel::AtDeadline(rng.us(0, 100)),
        _ => Cancel::Never,
    };
    if lane == Lane::Inline {
        let spin = if rng.of_1000(100) { Body::Spin(rng.us(1, 10)) } else { Body::Quick };
        return (spin, cancel);
    }
    let body = match rng.range(0, 99) {
        0..=69 if tiny => Body::AtDeadline(rng.us(0, 150)),
        0..=5 if !awaited => {
            cancel = Cancel::WithEnd;
            Body::Announce(rng.us(0, 20))
        }
        6..=7 => Body::UntilAsked(rng.us(200, 3000)),
        8..=10 => Body::Sleep(rng.us(20, 200)),
        11..=20 => Body::Spin(rng.us(1, 15)),
        21..=25 => Body::Submit(rng.range(1, 2)),
        _ => Body::Quick,
    };
    (body, cancel)
}
