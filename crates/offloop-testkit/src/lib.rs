//! The testkit of [offloop](offloop).

#![forbid(unsafe_code)]

mod macros;
mod promise;
mod sync;

pub mod executors;
pub mod loops;
pub mod sim;

pub use executors::{ExecutorState, ExecutorSuite, Place};
pub use loops::{LoopRig, LoopState, LoopSuite, Round};
pub use sim::{ManualExecutor, Sim, check};
