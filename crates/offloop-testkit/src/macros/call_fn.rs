//! The macro for calls of named functions. Invariant: as of all of them, see `macros`.

/// Makes a `#[test]` of each promise of an executor to calls of named functions, in a module
/// `call_fn_suite`.
///
/// ```
/// offloop_testkit::call_fn_suite! {
///     |builder| builder.cores(offloop::Cores::new().workers(2)), place: cores, workers: 2
/// }
/// ```
///
/// The closure, without captures, puts a new executor on the [`Builder`](offloop::Builder) that it
/// is given; `place` is `threads`, `cores`, `inline` or `process`, as the closure chose; `workers` is
/// how many calls run at the same time. Workers in other processes have the suite's functions from
/// [`named::add_to`](crate::named::add_to):
///
/// ```no_run
/// use offloop::{Functions, Processes};
/// use offloop_testkit::{call_fn_suite, named};
///
/// fn functions() -> Functions {
///     named::add_to(Functions::new())
/// }
///
/// /// No test of anything: where this program, started as a worker, becomes one.
/// #[test]
/// fn worker_entry() {
///     offloop::worker::run_if_worker(&functions());
/// }
///
/// call_fn_suite! {
///     |builder| {
///         let program = std::env::current_exe().unwrap();
///         let workers = Processes::new(functions()).program(program).workers(2);
///         builder.processes(workers.arg("--exact").arg("worker_entry"))
///     },
///     place: process, workers: 2, order: priority, abandoned: stopped
/// }
/// # fn main() {}
/// ```
///
/// What an executor may promise beyond that is declared, in this order, and then tested:
///
/// * `order: fifo`: of the calls that wait, the first submitted begins first. `order: priority`: the
///   same among calls of one priority, and a higher one goes before.
/// * `abandoned: replaced`: a function past its deadline takes no worker away, as on threads, which
///   nobody can stop. `abandoned: stopped`: it does not, and is really ended, as is one whose call is
///   cancelled or superseded.
/// * `runs_on: the_loop`: functions run inside `deliver`, as inline calls do, one at a time. What
///   speaks of a worker that is busy meanwhile is left out.
/// * `without: [a_promise, ..]` leaves promises out, by the names of their functions in
///   [`named`](crate::named). A name that is no promise does not compile.
///
/// `name: my_pool,` in front gives the module another name, for a second suite in one file.
#[macro_export]
macro_rules! call_fn_suite {
    (
        name: $name:ident, $make:expr, place: $place:ident, workers: $workers:expr
        $(, order: $order:ident)? $(, abandoned: $abandoned:ident)? $(, runs_on: $runs_on:ident)?
        $(, without: [$($skip:ident),* $(,)?])? $(,)?
    ) => {
        $crate::__call_fn_tests! {
            $name ($make, $place, $workers) [$($($skip)*)?]
            order[$($order)?] abandoned[$($abandoned)?] runs_on[$($runs_on)?]
        }
    };
    ($make:expr, $($rest:tt)+) => {
        $crate::call_fn_suite!(name: call_fn_suite, $make, $($rest)+);
    };
}

/// Turns each declaration into what is left out.
#[doc(hidden)]
#[macro_export]
macro_rules! __call_fn_tests {
    ($n:ident $s:tt [$($k:ident)*] order[] $($r:tt)*) => {
        $crate::__call_fn_tests! {
            $n $s [$($k)* calls_begin_in_submit_order the_urgent_go_first] $($r)*
        }
    };
    ($n:ident $s:tt [$($k:ident)*] order[fifo] $($r:tt)*) => {
        $crate::__call_fn_tests! { $n $s [$($k)* the_urgent_go_first] $($r)* }
    };
    ($n:ident $s:tt $k:tt order[priority] $($r:tt)*) => {
        $crate::__call_fn_tests! { $n $s $k $($r)* }
    };
    ($n:ident $s:tt [$($k:ident)*] abandoned[] $($r:tt)*) => {
        $crate::__call_fn_tests! {
            $n $s [$($k)* the_worker_of_an_abandoned_function_is_replaced] abandoned[replaced] $($r)*
        }
    };
    ($n:ident $s:tt [$($k:ident)*] abandoned[replaced] $($r:tt)*) => {
        $crate::__call_fn_tests! {
            $n $s [
                $($k)*
                a_function_past_its_deadline_is_stopped
                a_function_that_is_cancelled_is_stopped
                a_superseded_function_is_stopped
            ] $($r)*
        }
    };
    ($n:ident $s:tt $k:tt abandoned[stopped] $($r:tt)*) => {
        $crate::__call_fn_tests! { $n $s $k $($r)* }
    };
    ($n:ident $s:tt [$($k:ident)*] runs_on[the_loop]) => {
        $crate::__call_fn_tests! {
            $n $s [
                $($k)*
                submit_never_waits_for_a_busy_worker
                as_many_calls_as_workers_run_at_once
                a_function_that_never_returns_times_out
                a_running_function_ends_at_its_cancel
                arguments_and_discarded_results_are_dropped_off_the_loop
                an_awaited_call_needs_no_turn
                a_shutdown_returns_in_time_and_names_what_runs
                a_shutdown_waits_for_what_runs
                nothing_is_left_after_a_shutdown
            ] runs_on[]
        }
    };
    ($name:ident ($make:expr, $place:ident, $workers:expr) [$($skip:ident)*] runs_on[]) => {
        $crate::__tests! {
            ($) $name, $crate::CallFnSuite::new(
                $make, $crate::executors::Place::named(stringify!($place)), $workers,
            ),
            __call_fn_promises of $crate::named, [$($skip)*]
        }
    };
}

/// Hands the names of the promises to calls of named functions to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __call_fn_promises {
    ($then:ident) => {
        $then! {
            each_call_runs_once
            values_come_back_as_they_went
            submit_never_waits_for_a_busy_worker
            as_many_calls_as_workers_run_at_once
            no_more_calls_than_workers_run_at_once
            no_call_waits_behind_a_running_one
            calls_begin_in_submit_order
            the_urgent_go_first
            a_handle_submits_from_other_threads
            a_function_sees_its_deadline
            a_panic_is_an_outcome_and_the_worker_lives_on
            a_panicking_destructor_is_contained
            a_queued_call_times_out
            a_function_that_never_returns_times_out
            the_worker_of_an_abandoned_function_is_replaced
            a_function_past_its_deadline_is_stopped
            a_function_that_is_cancelled_is_stopped
            a_superseded_function_is_stopped
            a_queued_call_that_is_cancelled_never_runs
            a_running_function_ends_at_its_cancel
            a_full_queue_refuses_as_a_value
            a_storm_loses_and_doubles_nothing
            arguments_and_discarded_results_are_dropped_off_the_loop
            an_awaited_call_needs_no_turn
            close_turns_queued_calls_into_shutdown
            a_shutdown_returns_in_time_and_names_what_runs
            a_shutdown_waits_for_what_runs
            nothing_is_left_after_a_shutdown
            serial_calls_run_one_at_a_time
            in_order_handlers_keep_the_order_of_submits
            a_shared_call_runs_once
            a_newer_call_supersedes_an_older_one
            a_scope_ends_its_calls
            every_value_of_progress_comes_in_order
        }
    };
}
