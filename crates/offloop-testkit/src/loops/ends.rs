//! The promises about the end: of the offloop, of the loop, of one before the other. Invariant:
//! whichever goes first, the other one stays whole.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Context, Failure, Threads};

use super::bench::{Bench, turn_of};
use super::rig::LoopSuite;
use super::state::keep;
use crate::promise::{Promise, broken};
use crate::sync::{Gate, open_in_shutdown};

/// D14: after `close` the loop is woken until everything is delivered.
pub fn close_is_delivered_until_is_closed(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "close_is_delivered_until_is_closed",
        numbers: "D14, G1, G10",
        sentence: "after close the loop is woken until is_closed",
    };
    promise.on_loop(
        suite,
        |builder| builder.threads(Threads::new().max(1)),
        |bench| {
            let gate = Gate::default();
            hold_and_queue(bench, &gate, 5);
            bench.off().close();
            bench.off().call(|| 99).then(keep);
            let off = bench.off().clone();
            bench.run_until_handled(6);
            if off.is_closed() {
                broken!("it was closed while a call was running");
            }
            gate.open();
            bench.run_until_handled(7);
            bench.wait("it is closed", || off.is_closed());
            let shut_down = |outcome: &&_| matches!(outcome, Err(Failure::Shutdown));
            let count = bench.state.outcomes.iter().filter(shut_down).count();
            if count != 6 || bench.state.values() != [0] {
                broken!("after close the outcomes were {:?}", bench.state.outcomes);
            }
        },
    );
}

/// D15: what a `shutdown` decided is delivered afterwards.
pub fn a_shutdown_is_delivered_afterwards(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_shutdown_is_delivered_afterwards",
        numbers: "D15, G1, G12",
        sentence: "a shutdown decides everything, and the loop is woken to deliver it",
    };
    promise.on_loop(
        suite,
        |builder| builder.threads(Threads::new().max(1)),
        |bench| {
            let gate = Gate::default();
            let held = hold_and_queue(bench, &gate, 5);
            let opener = open_in_shutdown(held, bench.patience, move || gate.open());
            let report = bench.off().shutdown(bench.patience);
            opener.join().expect("the helper ends");
            if (report.finished, report.never_started, report.abandoned.len()) != (1, 5, 0) {
                broken!("the report said {report:?}");
            }
            if bench.state.handled() != 0 {
                broken!("a handler ran inside shutdown");
            }
            bench.run_until_handled(6);
        },
    );
}

/// D19: a handler may end the offloop, and the rest is delivered.
pub fn a_shutdown_inside_a_handler_is_delivered(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_shutdown_inside_a_handler_is_delivered",
        numbers: "D19, G1, G10, G12",
        sentence: "a handler may shut offloop down, and the loop is woken to deliver the rest",
    };
    promise.on_loop(
        suite,
        |builder| builder.threads(Threads::new().max(1)).turn(turn_of(1)),
        |bench| {
            let gate = Gate::default();
            hold_and_queue(bench, &gate, 5);
            let weak = bench.off().downgrade();
            bench.off().call(|| 6).inline().then(move |state, outcome| {
                if let Some(off) = weak.upgrade() {
                    off.shutdown(Duration::ZERO);
                }
                keep(state, outcome);
            });
            bench.run_until_handled(7);
            let shut_down = |outcome: &&_| matches!(outcome, Err(Failure::Shutdown));
            let count = bench.state.outcomes.iter().filter(shut_down).count();
            if count != 6 || !bench.off().is_closed() {
                broken!("after a shutdown in a handler came {:?}", bench.state.outcomes);
            }
        },
    );
}

/// One call inside its function, with the value 0, and `count` behind it; its context.
fn hold_and_queue(bench: &mut Bench, gate: &Gate, count: u32) -> Context {
    let (pass, inside) = (gate.pass(), Arc::new(OnceLock::new()));
    let entered = inside.clone();
    bench
        .off()
        .call_with(move |cx| {
            entered.get_or_init(|| cx.clone());
            pass.wait();
            0
        })
        .then(keep);
    bench.wait("the first call runs", || inside.get().is_some());
    for value in 1..=count {
        bench.off().call(move || value).then(keep);
    }
    inside.get().expect("it runs").clone()
}

/// D16: the last wake outlives whoever gave it.
pub fn the_last_wake_outlives_its_waker(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "the_last_wake_outlives_its_waker",
        numbers: "D16, G10",
        sentence: "a wake is not lost because the thread, the handle and the worker that gave it \
                   are gone when the loop looks",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            let handle = bench.off().handle();
            let submitter = thread::spawn(move || handle.call(|| 5).then(keep));
            let ticket = submitter.join().expect("the submitter ends");
            bench.wait("the call is complete", || ticket.is_done());
            drop(ticket);
            let report = bench.off().shutdown(bench.patience);
            if !report.abandoned.is_empty() {
                broken!("the report said {report:?}");
            }
            bench.run_until_handled(1);
        },
    );
}

/// D17: a wake for a loop that is gone does nothing.
pub fn a_wake_after_the_loop_is_gone_does_nothing(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_wake_after_the_loop_is_gone_does_nothing",
        numbers: "D17, G10",
        sentence: "the waker neither panics nor blocks when the loop is gone",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            let gate = Gate::default();
            let pass = gate.pass();
            bench
                .off()
                .call(move || {
                    pass.wait();
                    1
                })
                .then(keep);
            bench.drop_loop();
            gate.open();
            bench.off().call(|| 2).inline().then(keep);
            let off = bench.off().clone();
            bench.wait("the call completes", || off.stats().finished >= 1);
            let began = Instant::now();
            off.shutdown(bench.patience);
            if began.elapsed() >= bench.patience {
                broken!("a wake for the loop that is gone never returned");
            }
            if off.stats().waker_panics != 0 {
                broken!("the waker panicked {} times", off.stats().waker_panics);
            }
        },
    );
}

/// D18: a loop whose offloop is gone goes on.
pub fn a_dropped_offloop_leaves_the_loop_whole(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_dropped_offloop_leaves_the_loop_whole",
        numbers: "D18, G13",
        sentence: "when the offloop is dropped with calls on their way, the loop goes on with its \
                   own events",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            let post = bench.post();
            let handle = bench.off().handle();
            bench.off().call(|| 1).inline().then(keep);
            bench.off().call(|| 2).then(keep);
            bench.drop_offloop();
            handle.call(|| 3).then(keep);
            // With it goes whatever else may hold the waker.
            drop(handle);
            for event in 1..=3 {
                post();
                let wanted = format!("the loop handles its own event number {event}");
                bench.run_until(&wanted, |state| state.own_events >= event);
            }
            if bench.state.handled() != 0 {
                broken!("a handler ran though its offloop was gone");
            }
        },
    );
}
