//! A million calls of every kind, with everything that can end one at the same time: does each
//! have exactly one outcome, and does nothing of it stay?
//!
//! Rounds of some hundred to some thousand calls, each with an offloop of its own (queue limits,
//! threads, turn budget, way of waking: all rolled), an end of its own in the middle of its calls,
//! and books of its own (`stress/ledger.rs`). Calls come from the loop thread, from handlers, from
//! other threads and from running calls; a mix of values, panics, cancels, deadlines, priorities,
//! the three executors and the four endings is rolled from a seed (`stress/plan.rs`).
//!
//! At the end of a round: each call has exactly one outcome, or one handler dropped unrun where no
//! turn came any more; the outcome is one that can be true; each function, value and handler was
//! dropped once, and on its own side; what all calls share (the waker stands for it) is gone; no
//! thread is left; `stats()` and the shutdown's report agree with the books.
//!
//! Two contenders for an outcome *race* here when they came within 100 µs of each other and one of
//! them won. The moment of a finish is the last line of the function; of a cancel, just before
//! `cancel`; of a deadline, the deadline; of a shutdown, when its time is up.
//!
//! `OFFLOOP_STRESS_CALLS` sets the number of calls, `OFFLOOP_STRESS_SEED` the seed. Without
//! progress for 120 s it aborts with the calls that are pending.

#[path = "stress/app.rs"]
mod app;
#[path = "stress/body.rs"]
mod body;
#[path = "stress/cancel.rs"]
mod cancel;
#[path = "stress/judge.rs"]
mod judge;
#[path = "stress/ledger.rs"]
mod ledger;
#[path = "stress/plan.rs"]
mod plan;
#[path = "stress/probe.rs"]
mod probe;
#[path = "stress/round.rs"]
mod round;
#[path = "stress/submit.rs"]
mod submit;
#[path = "stress/tally.rs"]
mod tally;
#[path = "stress/tasks.rs"]
mod tasks;
#[path = "stress/watch.rs"]
mod watch;

use std::env;
use std::panic;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::time::Instant;

use self::ledger::Round;
use self::plan::Rng;
use self::tally::Tally;

/// From this many calls on, each pair must have raced.
const RACES_FROM: u64 = 200_000;

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text}")),
        Err(_) => default,
    }
}

/// The planned panics are many, and each would print a backtrace.
fn quieten() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let payload = info.payload();
        let planned = probe::text(payload).is_some_and(|text| text.starts_with(probe::QUIET));
        if !planned && !payload.is::<probe::Value>() {
            usual(info);
        }
    }));
}

#[test]
fn every_call_has_exactly_one_outcome() {
    let calls = setting("OFFLOOP_STRESS_CALLS", 50_000);
    let seed = setting("OFFLOOP_STRESS_SEED", 1);
    watch::say(&format!("stress: {calls} calls, OFFLOOP_STRESS_SEED={seed}"));
    submit::SEED.store(seed, SeqCst);
    quieten();
    watch::start();
    let began = Instant::now();
    let (orders, to_canceller) = mpsc::channel();
    let canceller = cancel::start(to_canceller);
    let descriptors = watch::descriptors();
    let mut tally = Tally::default();
    let mut rng = Rng::new(seed, u64::MAX);
    while tally.calls < calls {
        let size = rng.range(200, 3000) as usize;
        let round = Round::new(tally.rounds, size, orders.clone());
        round::run(round, &mut rng, size, &mut tally);
    }
    drop(orders);
    canceller.join().expect("the canceller does not panic");
    watch::say(&format!("stress: {:.1?}, {}", began.elapsed(), tally.report()));
    assert_eq!(watch::threads("offloop-"), Vec::<String>::new());
    assert!(watch::descriptors() <= descriptors, "descriptors are left open");
    for (pair, times) in tally.races() {
        assert!(times > 0 || calls < RACES_FROM, "{pair} never raced; the mix is wrong");
    }
}
