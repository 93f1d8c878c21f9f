//! What an executor owes to calls of named functions, one function per promise;
//! [`call_fn_suite!`](crate::call_fn_suite) makes a test of each.
//!
//! A call of a named function is one line, wherever it runs: on the loop, on a thread, on a core, in
//! another process. So its promises are the same, and a function of the suite shares nothing with its
//! check but a port of this machine and a file.
//!
//! | | |
//! | --- | --- |
//! | E1 | [`submit_never_waits_for_a_busy_worker`], [`a_handle_submits_from_other_threads`] |
//! | E2 | [`each_call_runs_once`], [`values_come_back_as_they_went`], [`a_storm_loses_and_doubles_nothing`] |
//! | E3 | [`as_many_calls_as_workers_run_at_once`], [`no_more_calls_than_workers_run_at_once`], [`no_call_waits_behind_a_running_one`] |
//! | E4, where it is declared | [`calls_begin_in_submit_order`], [`the_urgent_go_first`] |
//! | E5, where it is declared | [`the_worker_of_an_abandoned_function_is_replaced`], [`a_function_past_its_deadline_is_stopped`], [`a_function_that_is_cancelled_is_stopped`], [`a_superseded_function_is_stopped`] |
//! | E7 | [`a_shutdown_returns_in_time_and_names_what_runs`], [`a_shutdown_waits_for_what_runs`], [`nothing_is_left_after_a_shutdown`] |
//! | outcomes | [`a_panic_is_an_outcome_and_the_worker_lives_on`], [`a_panicking_destructor_is_contained`], [`a_queued_call_times_out`], [`a_function_that_never_returns_times_out`], [`a_function_sees_its_deadline`], [`a_queued_call_that_is_cancelled_never_runs`], [`a_running_function_ends_at_its_cancel`], [`a_full_queue_refuses_as_a_value`], [`an_awaited_call_needs_no_turn`], [`close_turns_queued_calls_into_shutdown`] |
//! | drops | [`arguments_and_discarded_results_are_dropped_off_the_loop`] |
//! | policies | [`serial_calls_run_one_at_a_time`], [`in_order_handlers_keep_the_order_of_submits`], [`a_shared_call_runs_once`], [`a_newer_call_supersedes_an_older_one`], [`a_scope_ends_its_calls`], [`every_value_of_progress_comes_in_order`] |
//!
//! A broken promise is a panic whose sentence names it and says what was seen.
//!
//! Invariant: a check waits on conditions, and a slow machine changes no verdict.

mod bench;
mod ending;
mod failing;
mod functions;
mod policies;
mod rig;
mod running;

pub use self::ending::{
    a_shutdown_returns_in_time_and_names_what_runs, a_shutdown_waits_for_what_runs,
    a_storm_loses_and_doubles_nothing, an_awaited_call_needs_no_turn,
    arguments_and_discarded_results_are_dropped_off_the_loop,
    close_turns_queued_calls_into_shutdown, nothing_is_left_after_a_shutdown,
};
pub use self::failing::{
    a_full_queue_refuses_as_a_value, a_function_past_its_deadline_is_stopped,
    a_function_that_is_cancelled_is_stopped, a_function_that_never_returns_times_out,
    a_panic_is_an_outcome_and_the_worker_lives_on, a_panicking_destructor_is_contained,
    a_queued_call_that_is_cancelled_never_runs, a_queued_call_times_out,
    a_running_function_ends_at_its_cancel, the_worker_of_an_abandoned_function_is_replaced,
};
pub use self::functions::add_to;
pub use self::policies::{
    a_newer_call_supersedes_an_older_one, a_scope_ends_its_calls, a_shared_call_runs_once,
    a_superseded_function_is_stopped, every_value_of_progress_comes_in_order,
    in_order_handlers_keep_the_order_of_submits, serial_calls_run_one_at_a_time,
};
pub use self::rig::{CallFnState, CallFnSuite};
pub use self::running::{
    a_function_sees_its_deadline, a_handle_submits_from_other_threads,
    as_many_calls_as_workers_run_at_once, calls_begin_in_submit_order, each_call_runs_once,
    no_call_waits_behind_a_running_one, no_more_calls_than_workers_run_at_once,
    submit_never_waits_for_a_busy_worker, the_urgent_go_first, values_come_back_as_they_went,
};

/// A promise of an executor: its name, and the function that checks it.
pub type Check = (&'static str, fn(&CallFnSuite));

macro_rules! checks {
    ($($name:ident)*) => {
        /// Every promise of an executor, those included that it has to declare first.
        pub const PROMISES: &[Check] = &[$((stringify!($name), $name)),*];
    };
}
crate::__call_fn_promises! { checks }
