//! The promises about the wake. Invariant: each check makes the loop sleep or keeps it from
//! looking, so that a wake which is missing is seen.

use std::thread;
use std::time::Duration;

use offloop::{Cores, Failure, Reason, Threads};

use super::bench::turn_of;
use super::rig::LoopSuite;
use super::state::keep;
use crate::promise::{Promise, broken};
use crate::sync::Gate;

/// D1: a completion that comes while the loop sleeps ends its sleep.
pub fn a_completion_wakes_a_sleeping_loop(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_completion_wakes_a_sleeping_loop",
        numbers: "D1, G10",
        sentence: "a completion that comes while the loop sleeps ends its sleep",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            for value in 0..20 {
                let nap = Duration::from_millis(u64::from(value % 5) + 1);
                bench
                    .off()
                    .call(move || {
                        thread::sleep(nap);
                        value
                    })
                    .then(keep);
                bench.run_until_handled(value as usize + 1);
            }
        },
    );
}

/// D2: a wake that comes before the loop begins to wait is not lost.
pub fn a_wake_before_the_loop_waits_is_not_lost(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_wake_before_the_loop_waits_is_not_lost",
        numbers: "D2, G10",
        sentence: "a wake that comes before the loop begins to wait ends that wait at once",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            for round in 0..20 {
                // The cancel decides and wakes on this very thread, so the wake is there when the loop
                // begins to wait; the other completion comes from a worker.
                let gate = Gate::default();
                let pass = gate.pass();
                let held = bench
                    .off()
                    .call(move || {
                        pass.wait();
                        0
                    })
                    .then(keep);
                held.cancel();
                bench.run_until_handled(2 * round + 1);
                gate.open();
                let ticket = bench.off().call(|| 1).then(keep);
                bench.wait("a worker has completed the call", || ticket.is_done());
                thread::sleep(Duration::from_millis(1));
                bench.run_until_handled(2 * round + 2);
            }
        },
    );
}

/// D3: wakes that the loop answers with one turn lose nothing.
pub fn coalesced_wakes_lose_nothing(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "coalesced_wakes_lose_nothing",
        numbers: "D3, G10",
        sentence: "many completions behind one wake are all delivered",
    };
    promise.on_loop(
        suite,
        |builder| builder.threads(Threads::new().max(4)),
        |bench| {
            const CALLS: u32 = 2_000;
            for value in 0..CALLS {
                bench.off().call(move || value).then(keep);
            }
            let off = bench.off().clone();
            bench.wait("all calls are complete", || off.stats().finished == u64::from(CALLS));
            bench.run_until_handled(CALLS as usize);
            if bench.state.values() != (0..CALLS).collect::<Vec<_>>() {
                broken!("of {CALLS} values some came twice and some not at all");
            }
        },
    );
}

/// D4: the waker works from any thread, from many at once.
pub fn many_threads_may_wake_it(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "many_threads_may_wake_it",
        numbers: "D4, G1, G10",
        sentence: "completions and submits of many threads at once all arrive",
    };
    let pools = |builder: offloop::Builder<_>| {
        builder.threads(Threads::new().max(4)).cores(Cores::new().workers(2)).turn(turn_of(64))
    };
    promise.on_loop(suite, pools, |bench| {
        const SUBMITTERS: u32 = 4;
        const CALLS: u32 = 500;
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|submitter| {
                let handle = bench.off().handle();
                thread::spawn(move || {
                    for call in 0..CALLS {
                        let value = submitter * CALLS + call;
                        let call = handle.call(move || value);
                        if value.is_multiple_of(2) {
                            call.cores().then(keep)
                        } else {
                            call.then(keep)
                        };
                    }
                })
            })
            .collect();
        bench.run_until_handled((SUBMITTERS * CALLS) as usize);
        submitters.into_iter().for_each(|thread| thread.join().expect("a submitter ends"));
        if bench.state.values() != (0..SUBMITTERS * CALLS).collect::<Vec<_>>() {
            broken!("of {} values some came twice and some not at all", SUBMITTERS * CALLS);
        }
    });
}

/// D5: calls that run on the loop itself wake it.
pub fn an_inline_call_wakes_it(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "an_inline_call_wakes_it",
        numbers: "D5, G10",
        sentence: "an inline call asks for the turn that runs it, from the loop and from elsewhere",
    };
    promise.on_loop(
        suite,
        |builder| builder,
        |bench| {
            bench.off().call(|| 1).inline().then(keep);
            bench.run_until_handled(1);
            let handle = bench.off().handle();
            let submitter = thread::spawn(move || {
                thread::sleep(Duration::from_millis(5));
                handle.call(|| 2).inline().then(keep);
            });
            bench.run_until_handled(2);
            submitter.join().expect("the submitter ends");
        },
    );
}

/// D6: a refusal, a cancel and a deadline wake the loop as a result does.
pub fn a_failure_wakes_it(suite: &LoopSuite) {
    let promise = Promise {
        of: "loop",
        name: "a_failure_wakes_it",
        numbers: "D6, G5, G7, G10",
        sentence: "a refusal, a cancel, a deadline and a panic wake the loop as a result does",
    };
    promise.on_loop(
        suite,
        |builder| builder.threads(Threads::new().max(1).queue(1)),
        |bench| {
            let gate = Gate::default();
            let pass = gate.pass();
            let (entered, inside) = std::sync::mpsc::channel();
            let running = bench.off().call(move || {
                entered.send(()).expect("the check listens");
                pass.wait();
                0
            });
            let running = running.then(keep);
            inside.recv_timeout(bench.patience).expect("a worker takes the call");
            let queued = bench.off().call(|| 1).then(keep);
            bench.off().call(|| 2).then(keep);
            bench.run_until_handled(1);
            if !matches!(bench.state.outcomes[0], Err(Failure::Rejected(Reason::QueueFull))) {
                broken!("a full queue came to {:?}", bench.state.outcomes[0]);
            }
            queued.cancel();
            bench.run_until_handled(2);
            if !matches!(bench.state.outcomes[1], Err(Failure::Cancelled(_))) {
                broken!("a cancel came to {:?}", bench.state.outcomes[1]);
            }
            let queued = bench.off().call(|| 1).deadline(Duration::from_millis(20)).then(keep);
            bench.run_until_handled(3);
            if !matches!(bench.state.outcomes[2], Err(Failure::TimedOut)) || !queued.is_done() {
                broken!("a deadline came to {:?}", bench.state.outcomes[2]);
            }
            running.cancel();
            bench.run_until_handled(4);
            if !matches!(bench.state.outcomes[3], Err(Failure::Cancelled(_))) {
                broken!("a cancel came to {:?}", bench.state.outcomes[3]);
            }
            gate.open();
            let silent = || std::panic::resume_unwind(Box::new("a function panics on purpose"));
            bench.off().call(silent).cores().then(keep);
            bench.run_until_handled(5);
        },
    );
}
