//! What is measured of calls in processes. Invariant: a case says what is done and how often; the
//! sides know how, and give nanoseconds per call.

/// One block's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// 64 bytes there and back, with so many calls in flight.
    Calls { in_flight: u64 },
    /// So many bytes there and back by value.
    Payload { bytes: usize },
    /// The same in shared memory.
    InPlace { bytes: usize },
    /// A call whose function kills its own process, to its outcome.
    Crash,
    /// A worker is killed from outside, to the outcome of the call that it ran.
    Kill,
    /// What a submit of so many bytes costs the loop thread, with all workers in a call, or asleep.
    Submit { bytes: usize, busy: bool },
}

impl Work {
    /// Whether workers are started anew in a block.
    pub(super) fn ends_workers(self) -> bool {
        matches!(self, Work::Crash | Work::Kill)
    }
}

/// The large payload, and what stands for it in a quick run.
const LARGE: usize = 64 << 20;
const LARGE_QUICK: usize = 1 << 20;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    work: Work,
    calls: u64,
    /// It runs in one of so many rounds, because its blocks are long.
    one_in: u64,
}

impl Case {
    pub(super) fn work(&self, quick: bool) -> Work {
        let size = |bytes| if quick { usize::min(bytes, LARGE_QUICK) } else { bytes };
        match self.work {
            Work::Payload { bytes } => Work::Payload { bytes: size(bytes) },
            Work::InPlace { bytes } => Work::InPlace { bytes: size(bytes) },
            Work::Submit { bytes, busy } => Work::Submit { bytes: size(bytes), busy },
            work => work,
        }
    }

    pub(super) fn blocks(&self, blocks: u64) -> u64 {
        blocks.div_ceil(self.one_in)
    }

    pub(super) fn calls(&self, quick: bool) -> u64 {
        if quick { (self.calls / 20).clamp(1, 8) } else { self.calls }
    }
}

const fn case(name: &'static str, work: Work, calls: u64, what: &'static str) -> Case {
    Case { name, what, work, calls, one_in: 1 }
}

impl Case {
    const fn one_in(self, one_in: u64) -> Self {
        Self { one_in, ..self }
    }
}

const fn submit(name: &'static str, bytes: usize, busy: bool, what: &'static str) -> Case {
    // In a row where workers are busy, as in the set of threads; of the large ones few fit into memory.
    let (calls, one_in) = match (bytes, busy) {
        (LARGE, _) => (3, 3),
        (_, true) => (256, 1),
        (_, false) => (16, 1),
    };
    case(name, Work::Submit { bytes, busy }, calls, what).one_in(one_in)
}

pub(crate) const CASES: &[Case] = &[
    case(
        "process-round-trip",
        Work::Calls { in_flight: 1 },
        200,
        "64 B there and back, one call in flight; mean of a block; floor: pipes",
    ),
    case(
        "process-16-in-flight",
        Work::Calls { in_flight: 16 },
        400,
        "the same with 16 calls in flight; time per call; floor: pipes",
    ),
    case(
        "process-64-in-flight",
        Work::Calls { in_flight: 64 },
        400,
        "the same with 64 calls in flight",
    ),
    case(
        "process-64MiB",
        Work::Payload { bytes: LARGE },
        1,
        "64 MiB there and back by value; floor: as many warm copies as offloop makes",
    )
    .one_in(3),
    case(
        "process-64MiB-in-place",
        Work::InPlace { bytes: LARGE },
        4,
        "64 MiB there and back in shared memory, each page read by the worker",
    ),
    case(
        "process-crash",
        Work::Crash,
        3,
        "a call that kills its worker, submit to outcome; floor: a byte to a child that kills \
         itself, to its pidfd",
    )
    .one_in(2),
    case(
        "process-kill",
        Work::Kill,
        3,
        "a kill of the worker from outside, to the call's outcome; floor: to the pidfd",
    )
    .one_in(2),
    submit("submit-64B-busy", 64, true, "a submit, seen by the loop thread, with workers in calls"),
    submit("submit-64KiB-busy", 64 << 10, true, "the same with 64 KiB"),
    submit("submit-64MiB-busy", LARGE, true, "the same with 64 MiB"),
    submit("submit-64B-asleep", 64, false, "the same with workers asleep; floor: a futex wake"),
    submit("submit-64KiB-asleep", 64 << 10, false, "the same with 64 KiB"),
    submit("submit-64MiB-asleep", LARGE, false, "the same with 64 MiB"),
];
