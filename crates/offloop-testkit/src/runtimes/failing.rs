//! The promises about futures that fail: panics, deadlines, cancels, refusals. Invariant: after each
//! failure every thread of the runtime still polls.

use std::panic::resume_unwind;
use std::thread;
use std::time::Duration;

use offloop::{AsyncCalls, By, Failure, Reason, Ticket};

use super::bench::{Bench, promise};
use super::door::{Door, yield_once};
use super::rig::AsyncSuite;
use crate::promise::broken;
use crate::small_loop::keep;
use crate::sync::{Count, Gate, touch, wait_for};

/// F11, G6: a panic is an outcome, at whichever poll it comes.
pub fn a_panic_is_an_outcome_and_the_runtime_lives_on(suite: &AsyncSuite) {
    let promise = promise(
        "a_panic_is_an_outcome_and_the_runtime_lives_on",
        "F11, G6",
        "a future's panic is its call's outcome, and the thread that polled it polls on",
    );
    promise.on_runtime(suite, |bench| {
        let calls = 10 * bench.threads();
        for number in 0..calls {
            bench.submit(async move {
                if number % 2 == 0 {
                    yield_once().await;
                }
                resume_unwind(Box::new("on purpose"))
            });
        }
        bench.run_until_handled(calls);
        let panicked = |outcome: &&_| matches!(outcome, Err(Failure::Panicked(_)));
        if let Some(other) = bench.state.outcomes.iter().find(|outcome| !panicked(outcome)) {
            broken!("a future panicked, and its call came to {other:?}");
        }
        bench.expect_all_threads_alive("after panics");
    });
}

/// Panics where it is dropped.
struct Bomb(Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        if !thread::panicking() {
            resume_unwind(Box::new("a destructor panics on purpose"));
        }
    }
}

/// F12, G6: a panic of a destructor ends no thread.
pub fn a_panicking_destructor_is_contained(suite: &AsyncSuite) {
    let promise = promise(
        "a_panicking_destructor_is_contained",
        "F12, G6",
        "a future or a discarded value that panics when it is dropped ends no thread",
    );
    promise.on_runtime(suite, |bench| {
        let (door, dropped) = (Door::default(), Count::default());
        let calls = 2 * bench.threads();
        let waits = |value| {
            let (bomb, passage) = (Bomb(dropped.clone()), door.passage(value));
            bench.submit(async move {
                let value = passage.await;
                touch(&bomb);
                value
            })
        };
        let tickets: Vec<Ticket> = (0..calls as u32).map(waits).collect();
        door.wait_polled(calls, bench.patience());
        tickets.iter().for_each(Ticket::cancel);
        bench.run_until_handled(calls);
        for _ in 0..calls {
            let bomb = Bomb(dropped.clone());
            bench.off.call_async(async move { bomb }).detach();
        }
        bench.run_until_idle();
        bench.expect_all_threads_alive("after destructors panicked");
        wait_for(
            bench.patience(),
            || dropped.get() == 2 * calls,
            || format!("of {} values {} were dropped", 2 * calls, dropped.get()),
        );
    });
}

/// All that came are such failures.
fn expect_all(bench: &Bench, wanted: fn(&Failure) -> bool, what: &str) {
    for outcome in &bench.state.outcomes {
        match outcome {
            Err(failure) if wanted(failure) => {}
            other => broken!("{what} came to {other:?}"),
        }
    }
}

/// F13, G7: a deadline ends a wait that nothing else ends.
pub fn a_deadline_drops_a_future_that_nothing_wakes(suite: &AsyncSuite) {
    let promise = promise(
        "a_deadline_drops_a_future_that_nothing_wakes",
        "F13, G7",
        "a future whose deadline passes comes to TimedOut and is dropped off the loop, though \
         nothing that it waits for comes",
    );
    promise.on_runtime(suite, |bench| {
        const CALLS: usize = 20;
        let door = Door::default();
        for _ in 0..CALLS {
            let call = bench.off.call_async(door.passage(0));
            call.deadline(Duration::from_millis(20)).then(keep);
        }
        bench.run_until_handled(CALLS);
        expect_all(bench, |failure| matches!(failure, Failure::TimedOut), "a call without end");
        door.wait_dropped(CALLS, bench.patience());
        bench.expect_all_threads_alive("after deadlines");
    });
}

/// F14, G8: a cancel ends a wait that nothing else ends.
pub fn a_cancel_drops_a_future_that_nothing_wakes(suite: &AsyncSuite) {
    let promise = promise(
        "a_cancel_drops_a_future_that_nothing_wakes",
        "F14, G8",
        "a future whose call is cancelled is woken, and dropped off the loop, though nothing that it \
         waits for comes",
    );
    promise.on_runtime(suite, |bench| {
        const CALLS: usize = 20;
        let door = Door::default();
        let tickets: Vec<_> = (0..CALLS).map(|_| bench.submit(door.passage(0))).collect();
        door.wait_polled(CALLS, bench.patience());
        tickets.iter().for_each(Ticket::cancel);
        bench.run_until_handled(CALLS);
        let cancelled = |failure: &Failure| matches!(failure, Failure::Cancelled(By::Caller));
        expect_all(bench, cancelled, "a cancelled call");
        door.wait_dropped(CALLS, bench.patience());
        bench.expect_all_threads_alive("after cancels");
    });
}

/// F15: what is decided before its first poll is not polled.
pub fn a_decided_future_that_was_never_polled_is_dropped_unpolled(suite: &AsyncSuite) {
    let promise = promise(
        "a_decided_future_that_was_never_polled_is_dropped_unpolled",
        "F15, G7, G8",
        "behind busy threads, futures that are cancelled or time out are dropped without a poll, off \
         the loop",
    );
    promise.on_runtime(suite, |bench| {
        let (gate, door) = (Gate::default(), Door::default());
        let held = bench.hold(&gate, "with nothing else to do");
        let cancelled: Vec<_> = (0..10).map(|_| bench.submit(door.passage(0))).collect();
        for _ in 0..10 {
            let call = bench.off.call_async(door.passage(0));
            let timed = call.deadline(Duration::from_millis(5)).then(keep);
            bench.wait_done(&timed, "a call whose deadline passed behind busy threads");
        }
        cancelled.iter().for_each(Ticket::cancel);
        bench.run_until_handled(20);
        let decided = |failure: &Failure| {
            matches!(failure, Failure::TimedOut | Failure::Cancelled(By::Caller))
        };
        expect_all(bench, decided, "a call behind busy threads");
        gate.open();
        bench.run_until_handled(20 + held);
        door.wait_dropped(20, bench.patience());
        if door.polled() > 0 {
            broken!("{} of 20 were polled afterwards", door.polled());
        }
    });
}

/// F16, G5: what can't be taken is refused as a value.
pub fn a_future_beyond_the_limit_is_refused_as_a_value(suite: &AsyncSuite) {
    let promise = promise(
        "a_future_beyond_the_limit_is_refused_as_a_value",
        "F16, G5",
        "one call more than the limit comes to Rejected, its future is never polled, and there is \
         room again afterwards",
    );
    const LIMIT: usize = 8;
    promise.on_runtime_with(AsyncCalls::new().max(LIMIT), suite, |bench| {
        for round in 1..=3 {
            let (door, refused) = (Door::default(), Door::default());
            let before = bench.state.outcomes.len();
            for _ in 0..LIMIT {
                bench.submit(door.passage(0));
            }
            door.wait_polled(LIMIT, bench.patience());
            bench.submit(refused.passage(0));
            bench.run_until_handled(before + 1);
            match &bench.state.outcomes[before] {
                Err(Failure::Rejected(Reason::QueueFull)) => {}
                other => broken!("call {} of {LIMIT} came to {other:?}", LIMIT + 1),
            }
            refused.wait_dropped(1, bench.patience());
            door.open();
            bench.run_until_handled(before + 1 + LIMIT);
            let values = bench.state.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            if values != round * LIMIT || refused.polled() > 0 {
                broken!("in round {round}, {values} calls in all have had a value");
            }
        }
    });
}
