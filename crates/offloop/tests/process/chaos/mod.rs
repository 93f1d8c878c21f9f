//! Everything that can go wrong with worker processes, at once and over and over: crashes, exits,
//! endless loops, stops, signals from outside, cancels, deadlines, memory hogs, panics in `Drop`,
//! values that can't be told or are too large; among calls that have nothing to do with it.
//!
//! Invariant: each call has one outcome, of a kind that it may have; the innocent have their values;
//! no function is entered more often than it may be; and no process, descriptor, memory object or
//! thread is left.
//!
//! `OFFLOOP_CHAOS_CALLS` sets the number of calls, `OFFLOOP_CHAOS_SEED` the seed: the same seed makes
//! the same submits. What is under way when is up to the machine.

mod audit;
mod functions;
mod ledger;
mod outside;
mod plan;
mod run;
mod submit;

use std::time::{Duration, Instant};

use crate::common::alone::alone_for;

pub(crate) use self::functions::add_to;

/// In a build without optimization.
const CALLS: u64 = 1500;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|number| number.parse().expect("a number"))
}

#[test]
fn chaos_costs_nobody_else_anything_and_leaves_nothing() {
    const NAME: &str = "chaos::chaos_costs_nobody_else_anything_and_leaves_nothing";
    let calls = setting("OFFLOOP_CHAOS_CALLS").unwrap_or(CALLS);
    // A hang is found by each wait; this is for a machine that is slow all along.
    let limit = Duration::from_secs(120) + Duration::from_millis(20) * calls as u32;
    alone_for(NAME, limit, || {
        let seed = setting("OFFLOOP_CHAOS_SEED").unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            now.expect("the clock is past 1970").as_nanos() as u64
        });
        println!("chaos: {calls} calls; again with OFFLOOP_CHAOS_SEED={seed}");
        let folder = std::env::temp_dir().join(format!("offloop-chaos-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder can be made");
        let begun = Instant::now();
        let wrong = run::run(calls, seed, &folder);
        println!("  {:.1} s", begun.elapsed().as_secs_f64());
        std::fs::remove_dir_all(&folder).expect("it can be removed");
        let shown = wrong.len().min(20);
        assert!(wrong.is_empty(), "seed {seed}, {} breaches: {:#?}", wrong.len(), &wrong[..shown]);
    });
}
