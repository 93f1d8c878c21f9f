//! offloop and smol: an executor behind any loop, a [`SmolExecutor`], and a loop that smol runs, by a
//! [`SmolWaker`].
//!
//! Invariant: a task is dropped by a thread that runs its executor, or given back.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod executor;
mod waker;

pub use executor::SmolExecutor;
pub use waker::SmolWaker;
