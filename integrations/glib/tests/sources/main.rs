//! Handlers inside the dispatch of a source: what the loop's own promises do not speak of.
//!
//! Invariant: each test has a context of its own and runs it on its own thread, without a display.

mod ends;
mod harness;
mod nested;
mod several;
