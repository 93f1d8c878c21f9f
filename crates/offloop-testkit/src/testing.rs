//! How to test what stands on offloop: handlers alone, calls without threads, deadlines without
//! waiting, and every order of events by seed.
//!
//! Invariant: a page only; each snippet is compiled and run with the tests.
//!
#![doc = include_str!("testing.md")]
