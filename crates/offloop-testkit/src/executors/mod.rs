//! What an executor owes, one function per promise; [`executor_suite!`](crate::executor_suite)
//! makes a test of each.
//!
//! The contract of [`Executor`](offloop::Executor), as the suite checks it through an offloop that
//! the executor was given to:
//!
//! | | |
//! | --- | --- |
//! | E1 | [`submit_never_waits_for_a_busy_worker`], [`a_running_call_may_submit`] |
//! | E2 | [`each_call_runs_once`], [`no_function_runs_on_the_submitting_thread`], [`a_storm_loses_and_doubles_nothing`] |
//! | E3 | [`as_many_calls_as_workers_run_at_once`], [`no_more_calls_than_workers_run_at_once`], [`no_call_waits_behind_a_running_one`] |
//! | E4, where it is declared | [`calls_begin_in_submit_order`], [`the_urgent_go_first`] |
//! | E5, where it is declared | [`an_abandoned_function_is_replaced`] |
//! | E7 | [`a_shutdown_returns_in_time_and_names_what_runs`], [`a_shutdown_waits_for_what_runs`], [`no_thread_is_left_after_a_shutdown`] |
//! | outcomes | [`a_panic_is_an_outcome_and_the_worker_lives_on`], [`a_panicking_destructor_is_contained`], [`a_queued_call_times_out`], [`a_function_that_never_returns_times_out`], [`a_queued_call_that_is_cancelled_never_runs`], [`a_running_function_hears_of_its_cancel`], [`a_full_queue_refuses_as_a_value`], [`an_awaited_call_needs_no_turn`], [`close_turns_queued_calls_into_shutdown`] |
//! | drops | [`jobs_and_discarded_results_are_dropped_off_the_loop`] |
//!
//! A broken promise is a panic whose sentence names it and says what was seen.
//!
//! Invariant: a check waits on conditions, and a slow machine changes no verdict.

mod bench;
mod ending;
mod failing;
mod rig;
mod running;

pub use self::ending::{
    a_shutdown_returns_in_time_and_names_what_runs, a_shutdown_waits_for_what_runs,
    a_storm_loses_and_doubles_nothing, an_awaited_call_needs_no_turn,
    close_turns_queued_calls_into_shutdown, jobs_and_discarded_results_are_dropped_off_the_loop,
    no_thread_is_left_after_a_shutdown,
};
pub use self::failing::{
    a_full_queue_refuses_as_a_value, a_function_that_never_returns_times_out,
    a_panic_is_an_outcome_and_the_worker_lives_on, a_panicking_destructor_is_contained,
    a_queued_call_that_is_cancelled_never_runs, a_queued_call_times_out,
    a_running_function_hears_of_its_cancel, an_abandoned_function_is_replaced,
};
pub use self::rig::{ExecutorSuite, Place};
pub use self::running::{
    a_running_call_may_submit, as_many_calls_as_workers_run_at_once, calls_begin_in_submit_order,
    each_call_runs_once, no_call_waits_behind_a_running_one,
    no_function_runs_on_the_submitting_thread, no_more_calls_than_workers_run_at_once,
    submit_never_waits_for_a_busy_worker, the_urgent_go_first,
};
pub use crate::small_loop::ExecutorState;

/// A promise of an executor: its name, and the function that checks it.
pub type Check = (&'static str, fn(&ExecutorSuite));

macro_rules! checks {
    ($($name:ident)*) => {
        /// Every promise of an executor, those included that it has to declare first.
        pub const PROMISES: &[Check] = &[$((stringify!($name), $name)),*];
    };
}
crate::__executor_promises! { checks }
