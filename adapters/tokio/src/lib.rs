//! offloop and tokio: a runtime behind any loop, a [`TokioExecutor`], and a loop that tokio runs, by a
//! [`TokioWaker`].
//!
//! Invariant: nothing here blocks a thread that drives a runtime, and no runtime is dropped where
//! tokio forbids it.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod executor;
mod waker;

pub use executor::TokioExecutor;
pub use waker::TokioWaker;
