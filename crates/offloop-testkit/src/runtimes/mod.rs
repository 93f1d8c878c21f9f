//! What an async executor owes, one function per promise; [`async_suite!`](crate::async_suite) makes
//! a test of each.
//!
//! An [`AsyncExecutor`](offloop::AsyncExecutor) owes that it takes a task at once, and polls it off
//! the loop, at first and whenever it is woken, until it is ready or the runtime ends. Everything else
//! follows from that, and is checked here through an offloop that the executor was given to:
//!
//! | | |
//! | --- | --- |
//! | F1 | [`each_future_runs_once`] |
//! | F2 | [`nothing_is_polled_inside_a_spawn`] |
//! | F3 | [`nothing_is_polled_on_the_submitting_thread`] |
//! | F4 | [`a_spawn_never_waits`] |
//! | F5 | [`many_futures_wait_at_once`] |
//! | F6 | [`a_future_that_another_thread_wakes_is_polled_again`] |
//! | F7 | [`a_wake_inside_a_poll_counts`] |
//! | F8 | [`late_and_repeated_wakes_do_no_harm`] |
//! | F9 | [`a_future_that_always_wakes_itself_starves_no_other`] |
//! | F10 | [`a_future_may_submit_and_await`] |
//! | F11 | [`a_panic_is_an_outcome_and_the_runtime_lives_on`] |
//! | F12 | [`a_panicking_destructor_is_contained`] |
//! | F13 | [`a_deadline_drops_a_future_that_nothing_wakes`] |
//! | F14 | [`a_cancel_drops_a_future_that_nothing_wakes`] |
//! | F15 | [`a_decided_future_that_was_never_polled_is_dropped_unpolled`] |
//! | F16 | [`a_future_beyond_the_limit_is_refused_as_a_value`] |
//! | F17 | [`an_awaited_future_needs_no_turn`] |
//! | F18 | [`futures_are_dropped_off_the_loop`] |
//! | F19 | [`close_lets_running_futures_finish`] |
//! | F20 | [`a_shutdown_waits_for_running_futures`] |
//! | F21 | [`a_shutdown_returns_in_time_and_drops_what_does_not_end`] |
//! | F22 | [`no_thread_is_left_after_a_shutdown`] |
//! | F23 | [`a_storm_loses_and_doubles_nothing`] |
//! | F24, where the suite is told how it ends | [`a_runtime_that_ends_brings_its_calls_to_shutdown`] |
//! | F25, there too | [`a_runtime_that_has_ended_takes_nothing`] |
//!
//! A broken promise is a panic whose sentence names it and says what was seen.
//!
//! Invariant: a check waits on conditions, and a slow machine changes no verdict.

mod bench;
mod door;
mod ending;
mod failing;
mod rig;
mod running;

pub use self::ending::{
    a_runtime_that_ends_brings_its_calls_to_shutdown, a_runtime_that_has_ended_takes_nothing,
    a_shutdown_returns_in_time_and_drops_what_does_not_end, a_shutdown_waits_for_running_futures,
    a_storm_loses_and_doubles_nothing, close_lets_running_futures_finish,
    futures_are_dropped_off_the_loop, no_thread_is_left_after_a_shutdown,
};
pub use self::failing::{
    a_cancel_drops_a_future_that_nothing_wakes, a_deadline_drops_a_future_that_nothing_wakes,
    a_decided_future_that_was_never_polled_is_dropped_unpolled,
    a_future_beyond_the_limit_is_refused_as_a_value,
    a_panic_is_an_outcome_and_the_runtime_lives_on, a_panicking_destructor_is_contained,
};
pub use self::rig::AsyncSuite;
pub use self::running::{
    a_future_may_submit_and_await, a_future_that_always_wakes_itself_starves_no_other,
    a_future_that_another_thread_wakes_is_polled_again, a_spawn_never_waits,
    a_wake_inside_a_poll_counts, an_awaited_future_needs_no_turn, each_future_runs_once,
    late_and_repeated_wakes_do_no_harm, many_futures_wait_at_once,
    nothing_is_polled_inside_a_spawn, nothing_is_polled_on_the_submitting_thread,
};

/// A promise of an async executor: its name, and the function that checks it.
pub type Check = (&'static str, fn(&AsyncSuite));

macro_rules! checks {
    ($($name:ident)*) => {
        /// Every promise of an async executor, those included that it has to be ended for.
        pub const PROMISES: &[Check] = &[$((stringify!($name), $name)),*];
    };
}
crate::__async_promises! { checks }
