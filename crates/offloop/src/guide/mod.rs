//! The guide: pages to read once, from a loop that stands still to one that does not.
//!
//! 1. [`convert`]: find the call that blocks, and take it off the loop.
//! 2. [`policies`]: which policy is for which problem, and what it does not do.
//!
//! How to test handlers is the page `testing` of the crate `offloop-testkit`, which has what it
//! takes: a clock that is moved by hand, and a simulated loop.
//!
//! Invariant: pages only; each snippet is compiled and run with the tests.

pub mod convert {
    #![doc = include_str!("convert.md")]
}

pub mod policies {
    #![doc = include_str!("policies.md")]
}
