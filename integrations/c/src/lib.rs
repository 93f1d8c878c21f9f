//! offloop for C: `include/offloop.h`, a shared and a static library.
//!
//! Invariant: what crosses the boundary is numbers, and pointers that are only given back to where
//! they came from. A handle is looked up at each use, so that one past its end is an error; no
//! panic leaves a function.
//!
//! The header says what holds for its users. `abi` has what they see, `misuse` the errors, `loops`
//! what a loop thread owns, `calls` what is known of a call by its ticket, `foreign` the callbacks,
//! `run` the shortest way through all of it.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod abi;
mod calls;
mod errno;
#[allow(unsafe_code)]
mod foreign;
mod loops;
mod misuse;
#[allow(unsafe_code)]
mod run;
mod submit;
mod wake;

pub use abi::*;
pub use run::*;
