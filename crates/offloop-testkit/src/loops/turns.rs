//! The promises about turns and handlers. Invariant: handlers run where the loop delivers, and
//! nothing that one of them does stops the loop.

use std::panic::resume_unwind;
use std::thread;

use offloop::{Builder, Offloop, WeakOffloop};

use super::bench::turn_of;
use super::rig::LoopSuite;
use super::state::{LoopState, keep};
use crate::promise::{Promise, broken};

/// D7: handlers run on the thread that the loop runs on.
pub fn handlers_run_on_the_loop_thread(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "handlers_run_on_the_loop_thread",
        numbers: "D7, G2, G3",
        sentence: "handlers run inside deliver, on the loop's own thread",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            let here = thread::current().id();
            for value in 0..50 {
                bench.off().call(move || value).then(keep);
            }
            if bench.state.handled() != 0 {
                broken!("a handler ran before the loop went round");
            }
            bench.run_until_handled(50);
            if bench.state.threads.iter().any(|thread| *thread != here) {
                broken!("a handler ran on another thread than the loop");
            }
        },
    );
}

/// D8: a turn that leaves something over is followed by another, without anybody's help.
pub fn a_turn_that_leaves_more_wakes_it_again(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_turn_that_leaves_more_wakes_it_again",
        numbers: "D8, G10, G11",
        sentence: "what a turn's budget leaves over asks for the next turn by itself",
    };
    promise.on_loop(
        suite,
        |builder| builder.turn(turn_of(1)),
        |bench| {
            const CALLS: u32 = 300;
            for value in 0..CALLS {
                bench.off().call(move || value).then(keep);
            }
            let off = bench.off().clone();
            bench.wait("all calls are complete", || off.stats().finished == u64::from(CALLS));
            bench.run_until_handled(CALLS as usize);
            if bench.state.most_in_a_turn > 1 {
                broken!(
                    "a turn with a budget of one call delivered {}",
                    bench.state.most_in_a_turn
                );
            }
        },
    );
}

/// D9: a handler may submit, and is heard in a later turn.
pub fn a_handler_may_submit(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_handler_may_submit",
        numbers: "D9, G2, G10",
        sentence: "a call made inside a handler is delivered in a later turn, and wakes the loop",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            step(bench.off(), 60);
            bench.run_until_handled(61);
            if bench.state.most_in_a_turn > 1 {
                broken!("a call made in a turn was handled in the same turn");
            }
        },
    );
}

/// Each handler makes the next call: inline, on a thread, on a core, in turn.
fn step(off: &Offloop<LoopState>, left: u32) {
    let weak = off.downgrade();
    let call = off.call(move || left);
    let call = match left % 3 {
        0 => call.inline(),
        1 => call.threads(),
        _ => call.cores(),
    };
    call.then(move |state, outcome| {
        keep(state, outcome);
        if let Some(off) = weak.upgrade().filter(|_| left > 0) {
            step(&off, left - 1);
        }
    });
}

/// D10: `deliver` inside a handler runs nothing, and the loop comes back for what it left.
pub fn a_nested_deliver_is_put_off(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_nested_deliver_is_put_off",
        numbers: "D10, G2, G10",
        sentence: "a deliver inside a handler runs nothing, and the loop is woken for the rest",
    };
    promise.on_loop(
        suite,
        |builder| builder.turn(turn_of(1)),
        |bench| {
            let nest = |off: WeakOffloop<LoopState>| {
                move |state: &mut LoopState, outcome| {
                    let off = off.upgrade().expect("the loop has its offloop");
                    let before = state.handled();
                    let nested = off.deliver(state);
                    if nested.count != 0 || state.handled() != before || !nested.more {
                        broken!("a nested deliver came to {nested:?}");
                    }
                    keep(state, outcome);
                }
            };
            for value in 0..5 {
                bench.off().call(move || value).then(nest(bench.off().downgrade()));
            }
            bench.run_until_handled(5);
        },
    );
}

/// D11: a handler's panic leaves `go_round`, and the loop goes on with the others.
pub fn a_panicking_handler_leaves_the_rest_ready(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_panicking_handler_leaves_the_rest_ready",
        numbers: "D11, G10, G11",
        sentence: "a handler's panic unwinds out of the loop's round, and the next round delivers \
                   the others",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            bench.off().call(|| 0).inline().then(|_, _| resume_unwind(Box::new("on purpose")));
            for value in 1..=10 {
                bench.off().call(move || value).inline().then(keep);
            }
            let mut unwound = 0;
            // A loop may have other events first; a round that sleeps for long is a lost wake.
            while unwound == 0 {
                let handled = bench.state.handled();
                unwound += usize::from(bench.round_unwinds());
                if unwound == 0 && bench.state.handled() > handled {
                    broken!("a handler's panic did not reach the one who runs the loop");
                }
            }
            bench.run_until_handled(10);
        },
    );
}

/// D12: a storm of completions leaves the loop its own events.
pub fn own_events_go_on_in_a_storm(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "own_events_go_on_in_a_storm",
        numbers: "D12, G11",
        sentence: "while completions never end, the loop still handles its own events",
    };
    let short_turns = |builder: Builder<_>| builder.turn(turn_of(4));
    promise.on_loop(suite, short_turns, |bench| {
        let post = bench.post();
        for _ in 0..16 {
            storm(bench.off());
        }
        for event in 1..=20 {
            post();
            bench.run_until(
                &format!("the loop handles its own event number {event}, in a storm"),
                |state| state.own_events >= event,
            );
        }
    });
}

/// A call whose handler makes it again: it is always ready, and the loop never comes to rest.
fn storm(off: &Offloop<LoopState>) {
    let weak = off.downgrade();
    off.call(|| 0).inline().then(move |state, outcome| {
        keep(state, outcome);
        if let Some(off) = weak.upgrade() {
            storm(&off);
        }
    });
}

/// D13: two offloops live on one loop.
pub fn two_offloops_share_it(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "two_offloops_share_it",
        numbers: "D13, G10",
        sentence: "two offloops on one loop both wake it, and the end of one leaves the other",
    };
    promise.on_loop(
        suite,
        |builder| builder.turn(turn_of(1)),
        |bench| {
            let second = bench.add_second();
            second.call(|| 0).then(keep);
            bench.run_until_handled(1);
            for value in 1..=50 {
                bench.off().call(move || value).then(keep);
                second.call(move || 50 + value).then(keep);
            }
            bench.run_until_handled(101);
            if bench.state.values() != (0..=100).collect::<Vec<_>>() {
                broken!("of 101 values on two offloops some came twice and some not at all");
            }
            // Its threads are gone then, so that the waker is dropped here, and not some time later.
            second.shutdown(bench.patience);
            drop(second);
            bench.drop_second();
            bench.off().call(|| 101).then(keep);
            bench.run_until_handled(102);
        },
    );
}
