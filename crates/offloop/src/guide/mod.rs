//! The guide: pages to read once, from a loop that stands still to one that does not.
//!
//! 1. [`convert`]: find the call that blocks, and take it off the loop.
//! 2. [`loops`]: the loop that you have, before and after.
//! 3. [`policies`]: which policy is for which problem, and what it does not do.
//! 4. [`executors`]: where a call should run, by what it does and by what that costs.
//! 5. [`coming_from`]: for those who know tokio's `spawn_blocking`, `GTask`, `QFutureWatcher` or Python's
//!    executors.
#![cfg_attr(
    feature = "process",
    doc = "6. [`process`]: when a call is worth a process of its own, and what that costs."
)]
//!
//! How to test handlers is the page `testing` of the crate `offloop-testkit`, which has what it
//! takes: a clock that is moved by hand, and a simulated loop.
//!
//! Invariant: pages only; each snippet is compiled and run with the tests.

pub mod convert {
    #![doc = include_str!("convert.md")]
}

pub mod loops {
    #![doc = include_str!("loops.md")]
}

pub mod policies {
    #![doc = include_str!("policies.md")]
}

pub mod executors {
    #![doc = include_str!("executors.md")]
}

pub mod coming_from {
    #![doc = include_str!("coming_from.md")]
}

#[cfg(feature = "process")]
pub mod process {
    #![doc = include_str!("process.md")]
}
