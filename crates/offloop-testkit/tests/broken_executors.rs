//! The executor suite against executors that are broken on purpose. Invariant: of each, exactly the
//! listed promises fail, whatever the machine does; those that luck decides are named as such.
//!
//! No executor can run a call twice: `Work::run` takes the work itself.

mod common;

use offloop_testkit::{ExecutorSuite, Place, executors};

use common::broken_promises;
use common::pool::{Flaw, Pool};

/// What the sound pool does not promise either.
const UNDECLARED: &[&str] = &["the_urgent_go_first", "an_abandoned_function_is_replaced"];

/// A pool of two with this flaw breaks the `expected` promises, and no other; luck decides on those
/// of `by_luck`.
#[track_caller]
fn breaks(flaw: Flaw, expected: &[&str], by_luck: &[&str]) {
    let make = move |builder: offloop::Builder<_>| builder.cores_on(Pool::new(2, flaw));
    let suite = ExecutorSuite::new(make, Place::Cores, 2);
    let check = |wanted, patience| {
        let known = executors::PROMISES.iter().find(|(name, _)| *name == wanted);
        let (_, check) = known.expect("the name is from there");
        check(&suite.clone().patience(patience));
    };
    let names = executors::PROMISES.iter().map(|(name, _)| *name);
    let by_luck = [UNDECLARED, by_luck].concat();
    broken_promises("executor", names, check, expected, &by_luck);
}

#[test]
fn a_sound_pool_breaks_nothing() {
    breaks(Flaw::None, &[], &[]);
}

#[test]
fn one_that_runs_calls_on_the_thread_that_submits() {
    breaks(Flaw::RunsOnTheSubmitter, &["no_function_runs_on_the_submitting_thread"], &[]);
}

#[test]
fn one_that_takes_the_newest_first() {
    breaks(Flaw::NewestFirst, &["calls_begin_in_submit_order"], &[]);
}

#[test]
fn one_that_ends_no_thread() {
    breaks(Flaw::NeverStops, &["no_thread_is_left_after_a_shutdown"], &[]);
}

#[test]
fn one_that_waits_for_its_threads_without_end() {
    breaks(
        Flaw::StopsForEver,
        &["a_shutdown_returns_in_time_and_names_what_runs", "no_thread_is_left_after_a_shutdown"],
        &[],
    );
}

#[test]
fn one_that_drops_decided_calls_where_it_is_submitted_to() {
    breaks(
        Flaw::DropsOnTheSubmitter,
        &["jobs_and_discarded_results_are_dropped_off_the_loop"],
        &[],
    );
}

#[test]
fn one_that_keeps_a_call_for_ever() {
    breaks(
        Flaw::LosesSome,
        &[
            "each_call_runs_once",
            "submit_never_waits_for_a_busy_worker",
            "no_call_waits_behind_a_running_one",
            "calls_begin_in_submit_order",
            "a_full_queue_refuses_as_a_value",
            "a_storm_loses_and_doubles_nothing",
        ],
        &[],
    );
}

#[test]
fn one_that_drops_a_call() {
    breaks(
        Flaw::DropsSome,
        &[
            "each_call_runs_once",
            "calls_begin_in_submit_order",
            "a_full_queue_refuses_as_a_value",
            "a_storm_loses_and_doubles_nothing",
        ],
        &[],
    );
}

#[test]
fn one_that_waits_for_room_in_its_queue() {
    breaks(
        Flaw::Blocks,
        &[
            "submit_never_waits_for_a_busy_worker",
            "calls_begin_in_submit_order",
            "a_full_queue_refuses_as_a_value",
        ],
        &[],
    );
}

#[test]
fn one_worker_that_says_it_is_two() {
    // All that holds both of them busy, or looks for both afterwards.
    breaks(
        Flaw::OneWorker,
        &[
            "submit_never_waits_for_a_busy_worker",
            "as_many_calls_as_workers_run_at_once",
            "no_call_waits_behind_a_running_one",
            "calls_begin_in_submit_order",
            "a_panic_is_an_outcome_and_the_worker_lives_on",
            "a_panicking_destructor_is_contained",
            "a_queued_call_times_out",
            "a_function_that_never_returns_times_out",
            "a_queued_call_that_is_cancelled_never_runs",
            "a_running_function_hears_of_its_cancel",
            "a_full_queue_refuses_as_a_value",
            "jobs_and_discarded_results_are_dropped_off_the_loop",
            "close_turns_queued_calls_into_shutdown",
            "a_shutdown_returns_in_time_and_names_what_runs",
            "a_shutdown_waits_for_what_runs",
            "no_thread_is_left_after_a_shutdown",
        ],
        &[],
    );
}

#[test]
fn one_that_gives_its_workers_calls_in_turn() {
    breaks(
        Flaw::TakesTurns,
        &[
            "no_call_waits_behind_a_running_one",
            "calls_begin_in_submit_order",
            "a_function_that_never_returns_times_out",
        ],
        &[],
    );
}

#[test]
fn three_workers_that_say_they_are_two() {
    breaks(
        Flaw::OneTooMany,
        &["no_more_calls_than_workers_run_at_once"],
        // They hold two, and expect that the next call waits.
        &[
            "calls_begin_in_submit_order",
            "a_panicking_destructor_is_contained",
            "a_queued_call_times_out",
            "a_queued_call_that_is_cancelled_never_runs",
            "a_full_queue_refuses_as_a_value",
            "jobs_and_discarded_results_are_dropped_off_the_loop",
            "close_turns_queued_calls_into_shutdown",
            "a_shutdown_returns_in_time_and_names_what_runs",
        ],
    );
}
