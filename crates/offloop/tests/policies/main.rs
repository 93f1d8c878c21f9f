//! The policies of a call: each alone, against all that can end a call, and against each other.
//!
//! The table of combinations in the documentation is held here. Invariant: a policy's row is the
//! module with its name, a column is the test in it with the column's name, and each runs on every
//! executor, from both handles and with every ending that the policy goes with.

#[path = "../common/mod.rs"]
mod common;

mod call_fn;
mod conflicts;
mod in_order;
mod keys;
mod latest;
mod on_each_progress;
mod on_progress;
mod pairs;
mod resource;
mod rig;
mod rows;
mod serial;
mod share;
mod table;
mod within;
