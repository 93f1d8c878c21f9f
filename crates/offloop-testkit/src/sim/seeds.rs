//! A test under many seeds. Invariant: the first seed that fails is the last one tried, and its
//! report suffices to see it again.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};

use offloop::Builder;

use super::simulation::Sim;
use crate::promise::text;

/// Names the one seed to run.
const SEED: &str = "OFFLOOP_SIM_SEED";

/// Runs `test` under each seed, until one fails.
///
/// A failure is a panic of the test: its own, or one of [`Sim::run`]. The report has the seed, the
/// panic's message and the steps. `OFFLOOP_SIM_SEED=n` in the environment runs that seed alone and
/// prints its steps, whatever comes of it.
///
/// # Panics
/// If the test fails under a seed, with the report; if the variable names no number.
#[track_caller]
pub fn check<S: 'static>(seeds: impl IntoIterator<Item = u64>, test: impl Fn(&mut Sim<S>)) {
    check_with(seeds, |builder| builder, test);
}

/// Same as [`check`], with options of your own for each offloop; as of [`Sim::with`].
///
/// # Panics
/// As `check`, and if no offloop can be built with them.
#[track_caller]
pub fn check_with<S: 'static>(
    seeds: impl IntoIterator<Item = u64>,
    configure: impl Fn(Builder<S>) -> Builder<S>,
    test: impl Fn(&mut Sim<S>),
) {
    if let Ok(seed) = env::var(SEED) {
        let Ok(seed) = seed.parse() else { panic!("{SEED}={seed} names no seed: it is a number") };
        let (sim, verdict) = run(seed, &configure, &test);
        eprintln!("seed {seed} took these steps:\n{}", sim.trace());
        if let Err(report) = verdict {
            panic!("{report}");
        }
        return;
    }
    for seed in seeds {
        if let (_, Err(report)) = run(seed, &configure, &test) {
            panic!("{report}");
        }
    }
}

fn run<S: 'static>(
    seed: u64,
    configure: &impl Fn(Builder<S>) -> Builder<S>,
    test: &impl Fn(&mut Sim<S>),
) -> (Sim<S>, Result<(), String>) {
    let mut sim = Sim::with(seed, configure);
    let verdict = catch_unwind(AssertUnwindSafe(|| test(&mut sim))).map_err(|payload| {
        format!(
            "seed {seed} fails: {}\nthe steps it took:\n{}run it alone: {SEED}={seed} cargo test",
            text(&*payload),
            sim.trace(),
        )
    });
    (sim, verdict)
}
