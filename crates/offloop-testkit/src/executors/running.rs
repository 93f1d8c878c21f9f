//! The promises about running calls: each once, elsewhere, side by side, in their order.
//! Invariant: what a check holds back, it lets go whatever its verdict is.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use offloop::Priority;

use super::rig::ExecutorSuite;
use crate::promise::{Promise, broken};
use crate::small_loop::keep;
use crate::sync::{Count, Gate, wait_for};

/// E2: each call runs once, and its value comes back.
pub fn each_call_runs_once(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "each_call_runs_once",
        numbers: "E2, G1",
        sentence: "every work is run once, and the value of its function comes back",
    };
    promise.on_executor(suite, |bench| {
        const CALLS: u32 = 500;
        let runs = Count::default();
        for value in 0..CALLS {
            let runs = runs.clone();
            bench.submit(move || {
                runs.add();
                value
            });
        }
        bench.run_until_handled(CALLS as usize);
        if bench.values() != (0..CALLS).collect::<Vec<_>>() || runs.get() != CALLS as usize {
            broken!("of {CALLS} calls {} functions ran", runs.get());
        }
    });
}

/// E2: no function runs on the thread that submits, nor inside a submit.
pub fn no_function_runs_on_the_submitting_thread(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "no_function_runs_on_the_submitting_thread",
        numbers: "E2, G4",
        sentence: "functions run on threads of the executor's, never on the one that submits",
    };
    promise.on_executor(suite, |bench| {
        let (loop_thread, patience) = (thread::current().id(), bench.patience());
        for submitter in 0..10u32 {
            let (handle, suite) = (bench.off.handle(), bench.suite.clone());
            let own = thread::spawn(move || {
                let here = thread::current().id();
                let (sender, ran_on) = mpsc::channel();
                let call = handle.call(move || {
                    // The submitter may have given up.
                    let _late = sender.send(thread::current().id());
                    submitter
                });
                suite.place(call).then(keep);
                ran_on.recv_timeout(patience).map(|there| (there == here, there == loop_thread))
            });
            bench.submit(move || u32::from(thread::current().id() == loop_thread));
            match own.join().expect("the submitter ends") {
                Ok((false, false)) => {}
                Ok((true, _)) => broken!("a function ran on the thread that submitted it"),
                Ok((_, true)) => broken!("a function ran on the loop thread"),
                Err(_) => broken!("a function did not run within {patience:?}"),
            }
        }
        bench.run_until_handled(20);
        if bench.values().iter().filter(|value| **value == 1).count() > 1 {
            broken!("a function ran on the loop thread, which submitted it");
        }
    });
}

/// E1: a submit returns while all workers are busy.
pub fn submit_never_waits_for_a_busy_worker(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "submit_never_waits_for_a_busy_worker",
        numbers: "E1, G4",
        sentence: "a submit returns at once, however many calls run and wait",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let workers = bench.workers();
        bench.hold(&gate, workers);
        // A submit that waits for a worker waits for the gate, which opens when all have returned;
        // then this check does not come back.
        for value in 0..1_000 {
            bench.submit(move || value);
        }
        gate.open();
        bench.run_until_handled(workers + 1_000);
    });
}

/// E3: as many calls run at once as there are workers.
pub fn as_many_calls_as_workers_run_at_once(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "as_many_calls_as_workers_run_at_once",
        numbers: "E3, G16",
        sentence: "as many calls as there are workers are inside their functions together",
    };
    promise.on_executor(suite, |bench| {
        for _ in 0..20 {
            bench.expect_all_workers_alive("with nothing else to do");
        }
    });
}

/// E3: not more of them than there are workers.
pub fn no_more_calls_than_workers_run_at_once(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "no_more_calls_than_workers_run_at_once",
        numbers: "E3",
        sentence: "no more calls than there are workers are inside their functions together",
    };
    promise.on_executor(suite, |bench| {
        let (now, most) = (Count::default(), Arc::new(Mutex::new(0)));
        let calls = 16 * bench.workers();
        for _ in 0..calls {
            let (now, most) = (now.clone(), most.clone());
            bench.submit(move || {
                let running = now.add();
                let mut most = most.lock().expect("nobody panics here");
                *most = running.max(*most);
                drop(most);
                thread::sleep(Duration::from_millis(3));
                now.subtract();
                0
            });
        }
        bench.run_until_handled(calls);
        let most = *most.lock().expect("nobody panics here");
        if most > bench.workers() {
            broken!("{most} functions ran at once on {} workers", bench.workers());
        }
    });
}

/// E3: a call never waits behind a running one while a worker is free.
pub fn no_call_waits_behind_a_running_one(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "no_call_waits_behind_a_running_one",
        numbers: "E3, G16",
        sentence: "while fewer calls run than there are workers, a new one runs at once",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let busy = bench.workers() - 1;
        bench.hold(&gate, busy);
        for value in 0..50 {
            bench.submit(move || value);
            bench.run_until_handled(value as usize + 1);
        }
        // As a burst, too: the one free worker runs all of them.
        for value in 50..100 {
            bench.submit(move || value);
        }
        bench.run_until_handled(100);
        gate.open();
        bench.run_until_handled(100 + busy);
    });
}

/// Of calls with one priority, the one that was submitted first begins first; only where the suite
/// says `order: fifo` or `order: priority`.
pub fn calls_begin_in_submit_order(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "calls_begin_in_submit_order",
        numbers: "E4",
        sentence: "with one worker free, calls of one priority begin in the order of their submits",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let workers = bench.workers();
        let (first, others) = (Gate::default(), workers - 1);
        bench.hold(&gate, others);
        let held = bench.held(others) + bench.hold(&first, 1).len();
        let began = Arc::new(Mutex::new(Vec::new()));
        for value in 0..200 {
            let began = began.clone();
            bench.submit(move || {
                began.lock().expect("nobody panics here").push(value);
                value
            });
        }
        first.open();
        let behind = bench.held(others);
        bench.run_until_handled(held - behind + 200);
        let began = began.lock().expect("nobody panics here").clone();
        if let Some(at) = (0..200).find(|at| began[*at as usize] != *at) {
            broken!("call {} began where call {at} was due", began[at as usize]);
        }
        gate.open();
        bench.run_until_handled(held + 200);
    });
}

/// E4: a call of higher priority begins before those that wait; only where the suite says `order:
/// priority`.
pub fn the_urgent_go_first(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "the_urgent_go_first",
        numbers: "E4",
        sentence: "calls of a higher priority overtake those of a lower one that wait",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let (workers, inside) = (bench.workers(), Count::default());
        bench.hold(&gate, workers - 1);
        let first = Gate::default();
        bench.submit_held(&first, &inside);
        wait_for(bench.patience(), || inside.get() == 1, || "the last worker was not free".into());
        let began = Arc::new(Mutex::new(Vec::new()));
        let waiting = [Priority::Low; 64].into_iter().chain([Priority::High; 8]);
        for priority in waiting {
            let began = began.clone();
            let call = bench.off.call(move || {
                began.lock().expect("nobody panics here").push(priority);
                0
            });
            bench.place(call).priority(priority).then(keep);
        }
        first.open();
        bench.run_until_handled(73);
        gate.open();
        let began = began.lock().expect("nobody panics here").clone();
        let last = began.iter().rposition(|priority| *priority == Priority::High);
        // Some room for those that starve otherwise.
        if last.is_none_or(|last| last >= 24) {
            broken!("behind 64 calls of low priority, the last of 8 urgent ones began as {last:?}");
        }
    });
}

/// A running call submits another through a handle.
pub fn a_running_call_may_submit(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_running_call_may_submit",
        numbers: "E1, G1",
        sentence: "calls that a running call submits through a handle run and come back",
    };
    promise.on_executor(suite, |bench| {
        let (handle, suite) = (bench.off.handle(), bench.suite.clone());
        bench.submit(move || {
            for value in 1..=20 {
                let (inner, again) = (handle.clone(), suite.clone());
                let call = handle.call(move || {
                    again.place(inner.call(move || 100 + value)).then(keep);
                    value
                });
                suite.place(call).then(keep);
            }
            0
        });
        bench.run_until_handled(41);
        let expected: Vec<u32> = (0..=20).chain(101..=120).collect();
        if bench.values() != expected {
            broken!("the values {:?} came back", bench.values());
        }
    });
}
