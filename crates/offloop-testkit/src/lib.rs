//! The testkit of [offloop](offloop).

#![forbid(unsafe_code)]

mod macros;
mod promise;
mod sync;

pub mod loops;

pub use loops::{LoopRig, LoopState, LoopSuite, Round};
