//! The macro for async executors. Invariant: as of all of them, see `macros`.

/// Makes a `#[test]` of each promise of an async executor, in a module `async_suite`.
///
/// ```
/// # struct MyRuntime;
/// # impl MyRuntime { fn new(_: usize) -> Self { MyRuntime } fn handle(&self) -> Self { MyRuntime } }
/// # impl MyRuntime { fn end(self) {} }
/// # impl offloop::AsyncExecutor for MyRuntime {
/// #     fn spawn(&self, task: offloop::Task) -> Result<(), offloop::Task> { Err(task) }
/// # }
/// # fn main() {}
/// offloop_testkit::async_suite! {
///     |builder| builder.async_on(MyRuntime::new(2)), threads: 2,
///     ended_by: |builder| {
///         let runtime = MyRuntime::new(2);
///         (builder.async_on(runtime.handle()), move || runtime.end())
///     }
/// }
/// ```
///
/// The closure, without captures, puts a new executor on the [`Builder`](offloop::Builder) that it
/// is given; `threads` is how many futures are polled at the same time.
///
/// What else there is to say comes in this order:
///
/// * `ended_by` gives another runtime, and what ends it, as its owner may while an offloop has it.
///   Without, the promises about that are left out.
/// * `without: [a_promise, ..]` leaves promises out, by the names of their functions in
///   [`runtimes`](crate::runtimes): the threads of a runtime that belongs to the whole program do not
///   end with an offloop, say. A name that is no promise does not compile.
///
/// `name: my_runtime,` in front gives the module another name, for a second suite in one file.
#[macro_export]
macro_rules! async_suite {
    (
        name: $name:ident, $make:expr, threads: $threads:expr
        $(, ended_by: $ended_by:expr)? $(, without: [$($skip:ident),* $(,)?])? $(,)?
    ) => {
        $crate::__async_tests! {
            $name ($crate::AsyncSuite::new($make, $threads)) [$($ended_by)?] [$($($skip)*)?]
        }
    };
    ($make:expr, $($rest:tt)+) => {
        $crate::async_suite!(name: async_suite, $make, $($rest)+);
    };
}

/// Leaves out what needs an end that was not declared.
#[doc(hidden)]
#[macro_export]
macro_rules! __async_tests {
    ($name:ident ($suite:expr) [] [$($skip:ident)*]) => {
        $crate::__tests! {
            ($) $name, $suite, __async_promises of $crate::runtimes,
            [
                $($skip)*
                a_runtime_that_ends_brings_its_calls_to_shutdown
                a_runtime_that_has_ended_takes_nothing
            ]
        }
    };
    ($name:ident ($suite:expr) [$ended_by:expr] [$($skip:ident)*]) => {
        $crate::__tests! {
            ($) $name, $suite.ended_by($ended_by), __async_promises of $crate::runtimes,
            [$($skip)*]
        }
    };
}

/// Hands the names of an async executor's promises to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __async_promises {
    ($then:ident) => {
        $then! {
            each_future_runs_once
            nothing_is_polled_inside_a_spawn
            nothing_is_polled_on_the_submitting_thread
            a_spawn_never_waits
            many_futures_wait_at_once
            a_future_that_another_thread_wakes_is_polled_again
            a_wake_inside_a_poll_counts
            late_and_repeated_wakes_do_no_harm
            a_future_that_always_wakes_itself_starves_no_other
            a_future_may_submit_and_await
            a_panic_is_an_outcome_and_the_runtime_lives_on
            a_panicking_destructor_is_contained
            a_deadline_drops_a_future_that_nothing_wakes
            a_cancel_drops_a_future_that_nothing_wakes
            a_decided_future_that_was_never_polled_is_dropped_unpolled
            a_future_beyond_the_limit_is_refused_as_a_value
            an_awaited_future_needs_no_turn
            futures_are_dropped_off_the_loop
            close_lets_running_futures_finish
            a_shutdown_waits_for_running_futures
            a_shutdown_returns_in_time_and_drops_what_does_not_end
            no_thread_is_left_after_a_shutdown
            a_storm_loses_and_doubles_nothing
            a_runtime_that_ends_brings_its_calls_to_shutdown
            a_runtime_that_has_ended_takes_nothing
        }
    };
}
