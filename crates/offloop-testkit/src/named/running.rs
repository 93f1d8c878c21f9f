//! The promises about running calls: each once, side by side, in their order. Invariant: what a check
//! holds back, it lets go whatever its verdict is.

use std::thread;

use offloop::Priority;

use super::bench::promise;
use super::functions::{append, append_slowly, echo, has_deadline, reverse};
use super::rig::{CallFnState, CallFnSuite, keep, placed};
use crate::promise::broken;

/// E2: each call runs once, and its value comes back.
pub fn each_call_runs_once(suite: &CallFnSuite) {
    let promise = promise(
        "each_call_runs_once",
        "E2, G1",
        "every call's function is run once, and its value comes back",
    );
    promise.on_calls(suite, |bench| {
        const CALLS: u32 = 300;
        (0..CALLS).for_each(|value| drop(bench.append(value)));
        bench.run_until_handled(CALLS as usize);
        let (mut values, mut ran) = (bench.values(), bench.logged());
        values.sort_unstable();
        ran.sort_unstable();
        if !values.iter().copied().eq(0..CALLS) || !ran.iter().copied().eq(0..CALLS) {
            broken!("of {CALLS} calls {} functions ran, {} values came", ran.len(), values.len());
        }
    });
}

/// Arguments and results of several kinds and sizes come as they went.
pub fn values_come_back_as_they_went(suite: &CallFnSuite) {
    let promise = promise(
        "values_come_back_as_they_went",
        "G1",
        "arguments and results of several kinds and sizes are the same on both sides",
    );
    promise.on_calls(suite, |bench| {
        let lengths = [0usize, 1, 1000, 40_000, 300_000];
        for (at, length) in lengths.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let expected: Vec<u8> = bytes.iter().rev().copied().collect();
            let number = (length > 1).then_some(i64::MIN + 1);
            let call = bench.off.call_fn(reverse, (bytes, "täuſch".to_owned(), number));
            placed!(bench.suite, call).then(move |state: &mut CallFnState, outcome| {
                let fits = |(bytes, text, negated)| {
                    let number = negated == number.map(|number: i64| -number);
                    u32::from(bytes == expected && text == "hcſuät" && number)
                };
                keep(state, outcome.map(fits));
            });
            bench.run_until_handled(at + 1);
        }
        if bench.values() != [1; 5] {
            broken!("of values with {lengths:?} bytes these came whole: {:?}", bench.values());
        }
    });
}

/// E1: a submit returns while all workers are busy.
pub fn submit_never_waits_for_a_busy_worker(suite: &CallFnSuite) {
    let promise = promise(
        "submit_never_waits_for_a_busy_worker",
        "E1, G4",
        "a submit returns at once, however many calls run and wait",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        bench.hold(0, workers);
        // A submit that waits for a worker waits for one that is let go when all have returned; then
        // this check does not come back.
        (0..1_000).for_each(|value| drop(bench.echo(value)));
        bench.let_all_go();
        bench.run_until_handled(workers + 1_000);
    });
}

/// E3: as many calls run at once as there are workers, and the next one waits.
pub fn as_many_calls_as_workers_run_at_once(suite: &CallFnSuite) {
    let promise = promise(
        "as_many_calls_as_workers_run_at_once",
        "E3, G16",
        "as many calls as there are workers are inside their functions together, and no more",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        bench.hold(0, workers);
        let last = workers as u32;
        bench.visit(last);
        let load = bench.load();
        if (load.running, load.queued) != (workers, 1) || bench.has_begun(last) {
            broken!("with {workers} workers and one call more, the executor said {load:?}");
        }
        bench.let_go(0);
        bench.await_visitor(last);
        bench.let_all_go();
        bench.run_until_handled(workers + 1);
    });
}

/// E3: not more of them than there are workers, when many come and go.
pub fn no_more_calls_than_workers_run_at_once(suite: &CallFnSuite) {
    let promise = promise(
        "no_more_calls_than_workers_run_at_once",
        "E3",
        "no more calls than there are workers are inside their functions together",
    );
    promise.on_calls(suite, |bench| {
        let calls = 16 * bench.workers();
        for value in 0..calls as u32 {
            let call = bench.off.call_fn(append_slowly, (bench.log_name(), value));
            placed!(bench.suite, call).then(keep);
        }
        bench.run_until_handled(calls);
        let most = most_at_once(&bench.log());
        if most > bench.workers() {
            broken!("{most} functions ran at once on {} workers", bench.workers());
        }
    });
}

/// How many of those that wrote `+` had not written `-` yet, at the most.
pub(super) fn most_at_once(log: &[String]) -> usize {
    let steps = log.iter().map(|line| if line.starts_with('+') { 1 } else { -1 });
    let inside = steps.scan(0i64, |now, step| {
        *now += step;
        Some(*now)
    });
    inside.max().map_or(0, |most| most as usize)
}

/// E3: a call never waits behind a running one while a worker is free.
pub fn no_call_waits_behind_a_running_one(suite: &CallFnSuite) {
    let promise = promise(
        "no_call_waits_behind_a_running_one",
        "E3, G16",
        "while fewer calls run than there are workers, a new one runs at once",
    );
    promise.on_calls(suite, |bench| {
        let busy = bench.workers() - 1;
        bench.hold(0, busy);
        for value in 0..50 {
            bench.echo(value);
            bench.run_until_handled(value as usize + 1);
        }
        // As a burst, too: the one free worker runs all of them.
        (50..100).for_each(|value| drop(bench.echo(value)));
        bench.run_until_handled(100);
        bench.let_all_go();
        bench.run_until_handled(100 + busy);
    });
}

/// E4: of calls with one priority, the one that was submitted first begins first; only where the
/// suite says `order: fifo` or `order: priority`.
pub fn calls_begin_in_submit_order(suite: &CallFnSuite) {
    let promise = promise(
        "calls_begin_in_submit_order",
        "E4",
        "with one worker free, calls of one priority begin in the order of their submits",
    );
    promise.on_calls(suite, |bench| {
        let held = bench.hold(0, bench.workers()).len();
        (0..100).for_each(|value| drop(bench.append(value)));
        if held > 0 {
            bench.let_go(0);
        }
        let others = held.saturating_sub(1);
        bench.run_until_handled(held - others + 100);
        let began = bench.logged();
        if let Some(at) = (0..100).find(|at| began[*at as usize] != *at) {
            broken!("call {} began where call {at} was due", began[at as usize]);
        }
        bench.let_all_go();
        bench.run_until_handled(held + 100);
    });
}

/// E4: a call of higher priority begins before those that wait; only where the suite says `order:
/// priority`.
pub fn the_urgent_go_first(suite: &CallFnSuite) {
    let promise = promise(
        "the_urgent_go_first",
        "E4",
        "calls of a higher priority overtake those of a lower one that wait, and none starves",
    );
    promise.on_calls(suite, |bench| {
        let held = bench.hold(0, bench.workers()).len();
        let waiting = [(Priority::Low, 64), (Priority::Normal, 0), (Priority::High, 8)];
        for (priority, calls) in waiting {
            for _ in 0..calls {
                let args = (bench.log_name(), priority as u32);
                let call = placed!(bench.suite, bench.off.call_fn(append, args));
                call.priority(priority).then(keep);
            }
        }
        bench.let_go(0);
        let others = held - 1;
        bench.run_until_handled(held - others + 72);
        let urgent = Priority::High as u32;
        let last = bench.logged().iter().rposition(|priority| *priority == urgent);
        // Some room for those that starve otherwise.
        if last.is_none_or(|last| last >= 24) {
            broken!("behind 64 calls of low priority, the last of 8 urgent ones began as {last:?}");
        }
        bench.let_all_go();
        bench.run_until_handled(held + 72);
    });
}

/// A handle submits from other threads.
pub fn a_handle_submits_from_other_threads(suite: &CallFnSuite) {
    let promise = promise(
        "a_handle_submits_from_other_threads",
        "E1, G1",
        "calls that other threads submit through a handle run and come back",
    );
    promise.on_calls(suite, |bench| {
        let submitters = [0, 1, 2, 3].map(|submitter| {
            let (handle, suite) = (bench.off.handle(), bench.suite.clone());
            thread::spawn(move || {
                for n in 0..25 {
                    placed!(suite, handle.call_fn(echo, 25 * submitter + n)).then(keep);
                }
            })
        });
        for submitter in submitters {
            submitter.join().expect("a submitter ends");
        }
        bench.run_until_handled(100);
        let mut values = bench.values();
        values.sort_unstable();
        if !values.iter().copied().eq(0..100) {
            broken!("the values {values:?} came back");
        }
    });
}

/// A function sees whether its call has a deadline.
pub fn a_function_sees_its_deadline(suite: &CallFnSuite) {
    let promise = promise(
        "a_function_sees_its_deadline",
        "G7",
        "a function's context tells whether its call has a deadline",
    );
    promise.on_calls(suite, |bench| {
        let patience = bench.patience();
        placed!(bench.suite, bench.off.call_fn_with(has_deadline, ())).then(keep);
        bench.run_until_handled(1);
        let call = placed!(bench.suite, bench.off.call_fn_with(has_deadline, ()));
        call.deadline(patience).then(keep);
        bench.run_until_handled(2);
        if bench.values() != [0, 1] {
            broken!("without and with a deadline it saw {:?}", bench.values());
        }
    });
}
