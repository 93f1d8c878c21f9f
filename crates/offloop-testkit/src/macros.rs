//! The macros that make a test of each promise. Invariant: they hold no logic; each test calls one
//! public function of the kit.

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
