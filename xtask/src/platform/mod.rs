//! Commands on demand: what is too slow for every run, or needs more than cargo.
//!
//! Invariant: nothing here downloads a toolchain. What is missing is named with the
//! Debian packages that bring it.

pub(crate) mod chaos;
mod emulator;
pub(crate) mod fuzz;
pub(crate) mod sanitize;
pub(crate) mod stress;
pub(crate) mod targets;
pub(crate) mod toolchain;

/// The test of the compiler's messages: it compiles, so it runs where the compiler does.
const COMPILES: &str = "what_belongs_to_the_loop_can_not_leave_its_thread";
