//! The ABI, called as C calls it: ends and ownership of calls, threads, and each misuse.
//!
//! Invariant: unsafe code stands in `rig` alone; every test ends with the loops that it made
//! destroyed, or says why not.

mod choices;
mod ends;
mod misuse;
mod rig;
mod run;
mod threads;
