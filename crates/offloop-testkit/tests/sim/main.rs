//! offloop under the simulation: random programs of calls, policies, cancels and ends, each checked
//! against a ledger of its own.
//!
//! Invariant: the ledger knows what was asked for and what happened, and nothing of how offloop
//! works. `OFFLOOP_SIM_SEEDS` says how many seeds, `OFFLOOP_SIM_FROM` the first.

mod app;
mod ledger;
mod plan;
mod task;

use std::env;
use std::panic::resume_unwind;
use std::thread;

use offloop_testkit::Sim;
use offloop_testkit::sim::check_with;

fn number(key: &str, default: u64) -> u64 {
    let Ok(text) = env::var(key) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{key}={text} names no number"))
}

/// G1, G2, G5, G7, G8, G9, G10.
#[test]
fn every_seed_keeps_the_guarantees() {
    let from = number("OFFLOOP_SIM_FROM", 0);
    let seeds = number("OFFLOOP_SIM_SEEDS", 2_000);
    // A seed is one thread's business; several at once use the machine.
    let threads = thread::available_parallelism().map_or(1, |cpus| cpus.get());
    thread::scope(|scope| {
        let share = |first: usize| {
            let mine = (from..from + seeds).skip(first).step_by(threads);
            scope.spawn(|| check_with(mine, app::limits, app::one_life))
        };
        let shares: Vec<_> = (0..threads).map(share).collect();
        for share in shares {
            if let Err(report) = share.join() {
                resume_unwind(report);
            }
        }
    });
    println!("{seeds} seeds from {from} on");
}

/// What the seed does not decide would show here: a thread's timing, an order of addresses.
#[test]
fn a_seed_is_one_program() {
    let life = |seed| {
        let mut sim = Sim::with(seed, app::limits);
        app::one_life(&mut sim);
        sim.trace()
    };
    for seed in 0..300 {
        assert_eq!(life(seed), life(seed), "seed {seed}");
    }
}
