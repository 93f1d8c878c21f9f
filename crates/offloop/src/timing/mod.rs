//! How long calls wait and run, measured on some of them: the feature `stats`.
//!
//! Which calls are timed is decided at their submit (`sample`); a timed call carries its stamps
//! (`stamps`) and is entered in a book when its outcome is delivered (`book`). Invariant: a call
//! that is not timed reads no clock for this and touches no lock. Without the feature the same
//! items are empty (`off`), so that no other file asks for it.

#[cfg(feature = "stats")]
mod book;
#[cfg(feature = "stats")]
mod latencies;
#[cfg(not(feature = "stats"))]
mod off;
#[cfg(feature = "stats")]
mod sample;
#[cfg(feature = "stats")]
mod stamps;

#[cfg(all(test, feature = "stats", not(loom)))]
mod tests;

use std::borrow::Cow;

#[cfg(feature = "stats")]
pub use self::book::CallStats;
#[cfg(feature = "stats")]
pub use self::latencies::Latencies;

#[cfg(feature = "stats")]
pub(crate) use self::book::{Book, OTHER_NAMES};
#[cfg(not(feature = "stats"))]
pub(crate) use self::off::{Stamps, Timing};
#[cfg(feature = "stats")]
pub(crate) use self::stamps::{Stamps, Timing};

/// A call's number among those of its kind.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    OfLoop(u64),
    OfHandles(u64),
}

/// The way that a delivered call has come.
#[cfg_attr(not(feature = "stats"), expect(dead_code, reason = "read by the books alone"))]
pub(crate) struct Passage<'a> {
    /// The executor, by its number.
    pub(crate) lane: usize,
    pub(crate) name: Option<&'a Cow<'static, str>>,
    /// It was taken in, and waited.
    pub(crate) queued: bool,
    /// Its function began.
    pub(crate) began: bool,
    /// A task took its outcome, on any thread; else the loop did.
    pub(crate) by_task: bool,
}
