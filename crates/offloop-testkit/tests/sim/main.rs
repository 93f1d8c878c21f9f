//! offloop under the simulation: random programs of calls, policies, cancels and ends, each checked
//! against a ledger of its own.
//!
//! Invariant: the ledger knows what was asked for and what happened, and nothing of how offloop
//! works. `OFFLOOP_SIM_SEEDS` says how many seeds, `OFFLOOP_SIM_FROM` the first.

mod app;
mod ledger;
mod plan;

use std::env;

use offloop_testkit::check;

fn number(key: &str, default: u64) -> u64 {
    let Ok(text) = env::var(key) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{key}={text} names no number"))
}

/// G1, G2, G7, G8, G9, G10.
#[test]
fn every_seed_keeps_the_guarantees() {
    let from = number("OFFLOOP_SIM_FROM", 0);
    let seeds = number("OFFLOOP_SIM_SEEDS", 2_000);
    check(from..from + seeds, app::one_life);
    println!("{seeds} seeds from {from} on");
}
