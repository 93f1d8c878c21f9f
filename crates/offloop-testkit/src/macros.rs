//! The macros that make a test of each promise. Invariant: they hold no logic; each test calls one
//! public function of the kit.

#[cfg(feature = "process")]
mod call_fn;
mod futures;

/// Makes a `#[test]` of each promise of a loop, in a module `loop_suite`.
///
/// The argument is a closure without captures, which makes the loop and builds an offloop on it
/// from the [`Builder`](offloop::Builder) that it is given; it returns a
/// [`LoopRig`](crate::LoopRig), whose page shows a complete one.
///
/// `name: my_loop,` in front gives the module another name, for a second suite in one file.
/// `, without: [a_promise, ..]` behind leaves promises out, by the names of their functions in
/// [`loops`](crate::loops): a loop in C can not be unwound through, say. A name that is no promise
/// does not compile.
///
/// A loop that has to live on the program's main thread is tested without the macro: a test with
/// `harness = false` calls [`loops::check_all`](crate::loops::check_all).
#[macro_export]
macro_rules! loop_suite {
    (name: $name:ident, $make:expr $(, without: [$($skip:ident),* $(,)?])? $(,)?) => {
        $crate::__tests! {
            ($) $name, $crate::LoopSuite::new($make),
            __loop_promises of $crate::loops, [$($($skip)*)?]
        }
    };
    ($make:expr $(, without: [$($skip:ident),* $(,)?])? $(,)?) => {
        $crate::loop_suite!(name: loop_suite, $make $(, without: [$($skip),*])?);
    };
}

/// Hands the names of a loop's promises to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __loop_promises {
    ($then:ident) => {
        $then! {
            a_completion_wakes_a_sleeping_loop
            a_wake_before_the_loop_waits_is_not_lost
            coalesced_wakes_lose_nothing
            many_threads_may_wake_it
            an_inline_call_wakes_it
            a_failure_wakes_it
            handlers_run_on_the_loop_thread
            a_turn_that_leaves_more_wakes_it_again
            a_handler_may_submit
            a_nested_deliver_is_put_off
            a_panicking_handler_leaves_the_rest_ready
            own_events_go_on_in_a_storm
            two_offloops_share_it
            close_is_delivered_until_is_closed
            a_shutdown_is_delivered_afterwards
            the_last_wake_outlives_its_waker
            a_wake_after_the_loop_is_gone_does_nothing
            a_dropped_offloop_leaves_the_loop_whole
            a_shutdown_inside_a_handler_is_delivered
        }
    };
}

/// A module with one test per promise, but for those that are left out.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (($d:tt) $name:ident, $suite:expr, $promises:ident of $module:path, [$($skip:ident)*]) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            mod promises {
                pub(super) use $module::*;
            }

            // A name that is no promise does not compile.
            const _: &[promises::Check] = &[$((stringify!($skip), promises::$skip)),*];

            macro_rules! test_one {
                $(($skip) => {};)*
                ($d promise:ident) => {
                    #[test]
                    fn $d promise() {
                        promises::$d promise(&$suite);
                    }
                };
            }
            macro_rules! test_each {
                ($d($d promise:ident)*) => { $d(test_one! { $d promise })* };
            }
            $crate::$promises! { test_each }
        }
    };
}

/// Makes a `#[test]` of each promise of an executor, in a module `executor_suite`.
///
/// ```
/// # use std::sync::mpsc::{Sender, channel};
/// # struct MyPool(Sender<offloop::Work>);
/// # impl MyPool { fn new(_: usize) -> Self { MyPool(channel().0) } }
/// # impl offloop::Executor for MyPool {
/// #     fn submit(&self, work: offloop::Work) -> Result<(), offloop::Work> { Err(work) }
/// # }
/// # fn main() {}
/// offloop_testkit::executor_suite! {
///     |builder| builder.cores_on(MyPool::new(2)), place: cores, workers: 2
/// }
/// ```
///
/// The closure, without captures, puts a new executor on the [`Builder`](offloop::Builder) that it
/// is given; `place` is `threads`, `cores` or `inline`, as the closure chose; `workers` is how many
/// calls run at the same time.
///
/// What an executor may promise beyond that is declared, in this order, and then tested:
///
/// * `order: fifo`: of the calls that wait, the first submitted begins first. `order: priority`: the
///   same among calls of one priority, and a higher one goes before.
/// * `abandoned: replaced`: a function that is abandoned takes no worker away.
/// * `runs_on: the_loop`: functions run inside `deliver`, as inline calls do, one at a time. What
///   speaks of threads is left out.
/// * `without: [a_promise, ..]` leaves promises out, by the names of their functions in
///   [`executors`](crate::executors): an executor whose threads belong to the whole program ends
///   none with a shutdown, say. A name that is no promise does not compile.
///
/// `name: my_pool,` in front gives the module another name, for a second suite in one file.
#[macro_export]
macro_rules! executor_suite {
    (
        name: $name:ident, $make:expr, place: $place:ident, workers: $workers:expr
        $(, order: $order:ident)? $(, abandoned: $abandoned:ident)? $(, runs_on: $runs_on:ident)?
        $(, without: [$($skip:ident),* $(,)?])? $(,)?
    ) => {
        $crate::__executor_tests! {
            $name ($make, $place, $workers) [$($($skip)*)?]
            order[$($order)?] abandoned[$($abandoned)?] runs_on[$($runs_on)?]
        }
    };
    ($make:expr, $($rest:tt)+) => {
        $crate::executor_suite!(name: executor_suite, $make, $($rest)+);
    };
}

/// Turns each declaration into what is left out.
#[doc(hidden)]
#[macro_export]
macro_rules! __executor_tests {
    ($n:ident $s:tt [$($k:ident)*] order[] $($r:tt)*) => {
        $crate::__executor_tests! {
            $n $s [$($k)* calls_begin_in_submit_order the_urgent_go_first] $($r)*
        }
    };
    ($n:ident $s:tt [$($k:ident)*] order[fifo] $($r:tt)*) => {
        $crate::__executor_tests! { $n $s [$($k)* the_urgent_go_first] $($r)* }
    };
    ($n:ident $s:tt $k:tt order[priority] $($r:tt)*) => {
        $crate::__executor_tests! { $n $s $k $($r)* }
    };
    ($n:ident $s:tt [$($k:ident)*] abandoned[] $($r:tt)*) => {
        $crate::__executor_tests! { $n $s [$($k)* an_abandoned_function_is_replaced] $($r)* }
    };
    ($n:ident $s:tt $k:tt abandoned[replaced] $($r:tt)*) => {
        $crate::__executor_tests! { $n $s $k $($r)* }
    };
    ($n:ident $s:tt [$($k:ident)*] runs_on[the_loop]) => {
        $crate::__executor_tests! {
            $n $s [
                $($k)*
                no_function_runs_on_the_submitting_thread
                submit_never_waits_for_a_busy_worker
                a_function_that_never_returns_times_out
                a_running_function_hears_of_its_cancel
                jobs_and_discarded_results_are_dropped_off_the_loop
                an_awaited_call_needs_no_turn
                a_shutdown_returns_in_time_and_names_what_runs
                a_shutdown_waits_for_what_runs
                no_thread_is_left_after_a_shutdown
            ] runs_on[]
        }
    };
    ($name:ident ($make:expr, $place:ident, $workers:expr) [$($skip:ident)*] runs_on[]) => {
        $crate::__tests! {
            ($) $name, $crate::ExecutorSuite::new(
                $make, $crate::executors::Place::named(stringify!($place)), $workers,
            ),
            __executor_promises of $crate::executors, [$($skip)*]
        }
    };
}

/// Hands the names of an executor's promises to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __executor_promises {
    ($then:ident) => {
        $then! {
            each_call_runs_once
            no_function_runs_on_the_submitting_thread
            submit_never_waits_for_a_busy_worker
            as_many_calls_as_workers_run_at_once
            no_more_calls_than_workers_run_at_once
            no_call_waits_behind_a_running_one
            calls_begin_in_submit_order
            the_urgent_go_first
            a_running_call_may_submit
            a_panic_is_an_outcome_and_the_worker_lives_on
            a_panicking_destructor_is_contained
            a_queued_call_times_out
            a_function_that_never_returns_times_out
            an_abandoned_function_is_replaced
            a_queued_call_that_is_cancelled_never_runs
            a_running_function_hears_of_its_cancel
            a_full_queue_refuses_as_a_value
            a_storm_loses_and_doubles_nothing
            jobs_and_discarded_results_are_dropped_off_the_loop
            an_awaited_call_needs_no_turn
            close_turns_queued_calls_into_shutdown
            a_shutdown_returns_in_time_and_names_what_runs
            a_shutdown_waits_for_what_runs
            no_thread_is_left_after_a_shutdown
        }
    };
}
