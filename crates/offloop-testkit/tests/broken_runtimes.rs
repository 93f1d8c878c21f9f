//! The async suite against executors that are broken on purpose. Invariant: of each, exactly the
//! listed promises fail, whatever the machine does.
//!
//! A runtime can not break what a task keeps by itself: a panic ends inside its poll, a decided call
//! is not polled on, and one that is polled after its end does nothing.

mod common;

use std::time::{Duration, Instant};

use offloop_testkit::{AsyncSuite, runtimes};

use common::broken_promises;
use common::runtime::{Flaw, Runtime};

/// A runtime of two threads with this flaw breaks the `expected` promises, and no other.
#[track_caller]
fn breaks(flaw: Flaw, expected: &[&str]) {
    breaks_by_luck(flaw, expected, &[]);
}

/// The same; luck decides on those of `by_luck`.
#[track_caller]
fn breaks_by_luck(flaw: Flaw, expected: &[&str], by_luck: &[&str]) {
    let make = move |builder: offloop::Builder<_>| builder.async_on(Runtime::new(2, flaw));
    let suite = AsyncSuite::new(make, 2).ended_by(move |builder| {
        let runtime = Runtime::new(2, flaw);
        let its = runtime.clone();
        (builder.async_on(its), move || runtime.end(Instant::now() + Duration::from_secs(60)))
    });
    let check = |wanted, patience| {
        let known = runtimes::PROMISES.iter().find(|(name, _)| *name == wanted);
        let (_, check) = known.expect("the name is from there");
        check(&suite.clone().patience(patience));
    };
    let names = runtimes::PROMISES.iter().map(|(name, _)| *name);
    broken_promises("async executor", names, check, expected, by_luck);
}

#[test]
fn a_sound_runtime_breaks_nothing() {
    breaks(Flaw::None, &[]);
}

#[test]
fn one_that_polls_inside_a_spawn() {
    breaks(
        Flaw::PollsInSpawn,
        &["nothing_is_polled_inside_a_spawn", "nothing_is_polled_on_the_submitting_thread"],
    );
}

#[test]
fn one_that_keeps_a_task_for_ever() {
    breaks(
        Flaw::LosesSome,
        &[
            "each_future_runs_once",
            "a_spawn_never_waits",
            "many_futures_wait_at_once",
            "a_storm_loses_and_doubles_nothing",
        ],
    );
}

#[test]
fn one_that_waits_for_room() {
    breaks(Flaw::Blocks, &["a_spawn_never_waits"]);
}

#[test]
fn one_thread_that_says_it_is_two() {
    // All that holds both of them busy, or looks for both afterwards.
    breaks(
        Flaw::OneThread,
        &[
            "a_spawn_never_waits",
            "late_and_repeated_wakes_do_no_harm",
            "a_panic_is_an_outcome_and_the_runtime_lives_on",
            "a_panicking_destructor_is_contained",
            "a_deadline_drops_a_future_that_nothing_wakes",
            "a_cancel_drops_a_future_that_nothing_wakes",
            "a_decided_future_that_was_never_polled_is_dropped_unpolled",
            "a_shutdown_returns_in_time_and_drops_what_does_not_end",
        ],
    );
}

#[test]
fn one_that_loses_a_wake_inside_a_poll() {
    breaks_by_luck(
        Flaw::LosesWakes,
        &[
            "nothing_is_polled_on_the_submitting_thread",
            "a_wake_inside_a_poll_counts",
            "late_and_repeated_wakes_do_no_harm",
            "a_future_that_always_wakes_itself_starves_no_other",
            "a_future_may_submit_and_await",
            "a_panic_is_an_outcome_and_the_runtime_lives_on",
            "an_awaited_future_needs_no_turn",
            "a_storm_loses_and_doubles_nothing",
        ],
        // Wakes from other threads, which come inside a poll or behind it.
        &[
            "many_futures_wait_at_once",
            "a_future_that_another_thread_wakes_is_polled_again",
            "a_panicking_destructor_is_contained",
            "a_deadline_drops_a_future_that_nothing_wakes",
            "a_cancel_drops_a_future_that_nothing_wakes",
            "a_future_beyond_the_limit_is_refused_as_a_value",
            "futures_are_dropped_off_the_loop",
            "close_lets_running_futures_finish",
            "a_shutdown_waits_for_running_futures",
            "a_shutdown_returns_in_time_and_drops_what_does_not_end",
        ],
    );
}

#[test]
fn one_that_polls_the_woken_first() {
    breaks(Flaw::WokenFirst, &["a_future_that_always_wakes_itself_starves_no_other"]);
}

#[test]
fn one_that_ends_no_thread() {
    breaks(Flaw::NeverStops, &["no_thread_is_left_after_a_shutdown"]);
}

#[test]
fn one_that_waits_for_its_threads_without_end() {
    breaks(Flaw::StopsForEver, &["a_shutdown_returns_in_time_and_drops_what_does_not_end"]);
}

#[test]
fn one_that_keeps_its_tasks_at_its_end() {
    breaks(
        Flaw::KeepsAtItsEnd,
        &[
            "a_shutdown_returns_in_time_and_drops_what_does_not_end",
            "a_runtime_that_ends_brings_its_calls_to_shutdown",
        ],
    );
}

#[test]
fn one_that_takes_tasks_after_its_end() {
    breaks(Flaw::TakesAfterItsEnd, &["a_runtime_that_has_ended_takes_nothing"]);
}

#[test]
fn one_that_drops_tasks_after_its_end() {
    breaks(Flaw::DropsAfterItsEnd, &["a_runtime_that_has_ended_takes_nothing"]);
}
