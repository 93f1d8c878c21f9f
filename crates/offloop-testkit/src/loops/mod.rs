//! What a loop owes, one function per promise; [`loop_suite!`](crate::loop_suite) makes a test of
//! each.
//!
//! A loop owes [`LoopWaker::wake`](offloop::LoopWaker::wake), from any thread, and a call of
//! `deliver` on its own thread some time after. Everything else follows from these two, and is
//! checked here on the real loop:
//!
//! | | |
//! | --- | --- |
//! | D1 | [`a_completion_wakes_a_sleeping_loop`] |
//! | D2 | [`a_wake_before_the_loop_waits_is_not_lost`] |
//! | D3 | [`coalesced_wakes_lose_nothing`] |
//! | D4 | [`many_threads_may_wake_it`] |
//! | D5 | [`an_inline_call_wakes_it`] |
//! | D6 | [`a_failure_wakes_it`] |
//! | D7 | [`handlers_run_on_the_loop_thread`] |
//! | D8 | [`a_turn_that_leaves_more_wakes_it_again`] |
//! | D9 | [`a_handler_may_submit`] |
//! | D10 | [`a_nested_deliver_is_put_off`] |
//! | D11 | [`a_panicking_handler_leaves_the_rest_ready`] |
//! | D12 | [`own_events_go_on_in_a_storm`] |
//! | D13 | [`two_offloops_share_it`] |
//! | D14 | [`close_is_delivered_until_is_closed`] |
//! | D15 | [`a_shutdown_is_delivered_afterwards`] |
//! | D16 | [`the_last_wake_outlives_its_waker`] |
//! | D17 | [`a_wake_after_the_loop_is_gone_does_nothing`] |
//! | D18 | [`a_dropped_offloop_leaves_the_loop_whole`] |
//! | D19 | [`a_shutdown_inside_a_handler_is_delivered`] |
//!
//! A broken promise is a panic whose sentence names it and says what was seen.
//!
//! Invariant: a check knows the loop through its [`LoopRig`] alone.

mod bench;
mod ends;
mod rig;
mod state;
mod turns;
mod wakes;

pub use self::ends::{
    a_dropped_offloop_leaves_the_loop_whole, a_shutdown_inside_a_handler_is_delivered,
    a_shutdown_is_delivered_afterwards, a_wake_after_the_loop_is_gone_does_nothing,
    close_is_delivered_until_is_closed, the_last_wake_outlives_its_waker,
};
pub use self::rig::{LoopRig, LoopSuite, Round};
pub use self::state::LoopState;
pub use self::turns::{
    a_handler_may_submit, a_nested_deliver_is_put_off, a_panicking_handler_leaves_the_rest_ready,
    a_turn_that_leaves_more_wakes_it_again, handlers_run_on_the_loop_thread,
    own_events_go_on_in_a_storm, two_offloops_share_it,
};
pub use self::wakes::{
    a_completion_wakes_a_sleeping_loop, a_failure_wakes_it,
    a_wake_before_the_loop_waits_is_not_lost, an_inline_call_wakes_it,
    coalesced_wakes_lose_nothing, many_threads_may_wake_it,
};

/// A promise of a loop: its name, and the function that checks it.
pub type Check = (&'static str, fn(&LoopSuite));

macro_rules! checks {
    ($($name:ident)*) => {
        /// Every promise of a loop, in the order of their numbers.
        pub const PROMISES: &[Check] = &[$((stringify!($name), $name)),*];
    };
}
crate::__loop_promises! { checks }

/// Checks every promise but those that `without` names, one after the other, on the calling
/// thread; for a loop that has to live on the program's main thread.
///
/// Prints a line for each; the first that is broken panics.
///
/// ```
/// use std::sync::mpsc;
/// use offloop_testkit::{LoopRig, LoopSuite, loops};
///
/// # let my_loop = |builder: offloop::Builder<offloop_testkit::LoopState>| {
/// #     let (events, queue) = mpsc::channel();
/// #     let off = builder.waker(move || events.send(())).build().unwrap();
/// #     LoopRig::new(off, move |round, patience| {
/// #         if queue.recv_timeout(patience).is_ok() { round.deliver(); }
/// #     })
/// # };
/// // in the `main` of a test with `harness = false`
/// let without = [
///     "own_events_go_on_in_a_storm",
///     "two_offloops_share_it",
///     "a_dropped_offloop_leaves_the_loop_whole",
/// ];
/// loops::check_all(&LoopSuite::new(my_loop), &without);
/// ```
///
/// # Panics
/// If a promise is broken, or a name in `without` is none.
#[track_caller]
pub fn check_all(suite: &LoopSuite, without: &[&str]) {
    for name in without {
        let known = PROMISES.iter().any(|(promise, _)| promise == name);
        assert!(known, "there is no promise `{name}` of a loop to leave out");
    }
    let here = suite.clone().on_this_thread();
    for (name, check) in PROMISES {
        if without.contains(name) {
            println!("promise {name} ... left out");
        } else {
            check(&here);
            println!("promise {name} ... kept");
        }
    }
}
