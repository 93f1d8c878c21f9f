//! The state word of a call: who has decided what.
//!
//! | state    | event             | next     | who, and what they may touch then                    |
//! |----------|-------------------|----------|------------------------------------------------------|
//! | Queued   | claim             | Running  | the `Work` holder: takes the job                     |
//! | Queued   | cancel, deadline, refusal, shutdown | Failed | the decider hands over; the `Work` holder later drops the job |
//! | Running  | cancel, deadline, shutdown | Failed | the decider hands over; the worker drops its result |
//! | Running  | finish            | Done     | the receiver: reads the slot; the worker hands over  |
//! | any      | receiver dropped  | + orphan | slot: the receiver's if Done, else the worker's      |
//! | any      | newer call of its key | + superseded | nobody; the receiver lets a value go       |
//!
//! Done and Failed are final. The job is touched by the `Work` holder alone, in any state. The
//! slot is touched by the worker from Running on until Done, and by the receiver from Done on
//! (AcqRel swap, Acquire load). Model: `complete::loom`.

use crate::failure::{By, Conflict, Failure, Outcome, Reason};

/// A decision that needs no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    TimedOut,
    Cancelled(By),
    Rejected(Reason),
    Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued,
    Running,
    Done,
    Failed(Verdict),
}

/// What a function that ran came to, for the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Value,
    Panic,
    Died,
    Codec,
}

impl Came {
    pub(crate) fn of<T>(outcome: &Outcome<T>) -> Self {
        match outcome {
            Ok(_) => Came::Value,
            Err(Failure::Died(_)) => Came::Died,
            Err(Failure::Codec(_)) => Came::Codec,
            Err(_) => Came::Panic,
        }
    }
}

/// Set in the word when the receiver is gone.
pub(crate) const ORPHAN: u32 = 1 << 31;

/// Set in the word from the claim on, whatever is decided later: the function has begun.
pub(crate) const CLAIMED: u32 = 1 << 30;

/// Set in the word of an inline call when it enters the ready queue, by whoever sets it first.
pub(crate) const STANDING: u32 = 1 << 29;

/// Set in the word when a newer call of its key was submitted: an `Ok` is not delivered any more.
pub(crate) const SUPERSEDED: u32 = 1 << 28;

/// All bits that are set beside the phase, and stay.
const MARKS: u32 = ORPHAN | CLAIMED | STANDING | SUPERSEDED;

const TAG_BITS: u32 = 3;

impl Phase {
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Phase::Done | Phase::Failed(_))
    }

    pub(crate) fn pack(self) -> u32 {
        match self {
            Phase::Queued => 0,
            Phase::Running => 1 | CLAIMED,
            Phase::Done => 2 | CLAIMED,
            Phase::Failed(verdict) => 3 | verdict.code() << TAG_BITS,
        }
    }

    /// This phase, with the marks of `word`.
    pub(crate) fn pack_with(self, word: u32) -> u32 {
        self.pack() | word & MARKS
    }

    pub(crate) fn unpack(word: u32) -> Self {
        let word = word & !MARKS;
        match word & ((1 << TAG_BITS) - 1) {
            0 => Phase::Queued,
            1 => Phase::Running,
            2 => Phase::Done,
            _ => Phase::Failed(Verdict::ALL[(word >> TAG_BITS) as usize]),
        }
    }
}

impl Verdict {
    /// The code of a verdict is its place in this list.
    pub(crate) const ALL: [Verdict; 11 + Conflict::ALL.len()] = {
        let mut all = [Verdict::Shutdown; 11 + Conflict::ALL.len()];
        let mut at = 0;
        while at < Self::PLAIN.len() {
            all[at] = Self::PLAIN[at];
            at += 1;
        }
        let mut pair = 0;
        while pair < Conflict::ALL.len() {
            all[at + pair] = Verdict::Rejected(Reason::Conflict(Conflict::ALL[pair]));
            pair += 1;
        }
        all
    };

    const PLAIN: [Verdict; 11] = [
        Verdict::TimedOut,
        Verdict::Shutdown,
        Verdict::Cancelled(By::Caller),
        Verdict::Cancelled(By::Superseded),
        Verdict::Cancelled(By::Scope),
        Verdict::Rejected(Reason::QueueFull),
        Verdict::Rejected(Reason::NoWorker),
        Verdict::Rejected(Reason::Abandoned),
        Verdict::Rejected(Reason::NotConfigured),
        Verdict::Rejected(Reason::Unregistered),
        Verdict::Rejected(Reason::TooLarge),
    ];

    fn code(self) -> u32 {
        match self {
            Verdict::TimedOut => 0,
            Verdict::Shutdown => 1,
            Verdict::Cancelled(By::Caller) => 2,
            Verdict::Cancelled(By::Superseded) => 3,
            Verdict::Cancelled(By::Scope) => 4,
            Verdict::Rejected(Reason::QueueFull) => 5,
            Verdict::Rejected(Reason::NoWorker) => 6,
            Verdict::Rejected(Reason::Abandoned) => 7,
            Verdict::Rejected(Reason::NotConfigured) => 8,
            Verdict::Rejected(Reason::Unregistered) => 9,
            Verdict::Rejected(Reason::TooLarge) => 10,
            Verdict::Rejected(Reason::Conflict(conflict)) => 11 + conflict.index(),
        }
    }
}

impl From<Verdict> for Failure {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::TimedOut => Failure::TimedOut,
            Verdict::Cancelled(by) => Failure::Cancelled(by),
            Verdict::Rejected(reason) => Failure::Rejected(reason),
            Verdict::Shutdown => Failure::Shutdown,
        }
    }
}
