//! The promises about ends: of calls in a storm, of what they own, of the executor itself.
//! Invariant: whatever the end, every call has one outcome and every value one drop.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use offloop::{By, Failure};

use super::bench::{Bench, promise};
use super::functions::{Probe, drops_of, echo, give_probe, heed, settle, take_probe};
use super::rig::{CallFnSuite, keep, placed};
use crate::promise::broken;
use crate::sync::{block_on, wait_for};

/// G1: a storm of calls with random cancels loses none and doubles none.
pub fn a_storm_loses_and_doubles_nothing(suite: &CallFnSuite) {
    let promise = promise(
        "a_storm_loses_and_doubles_nothing",
        "E2, G1",
        "of 2000 calls with random cancels each has one outcome, and runs once at most",
    );
    promise.on_calls(suite, |bench| {
        const CALLS: usize = 2_000;
        let mut random = fastrand::Rng::with_seed(7);
        let (mut tickets, mut cancelled) = (Vec::new(), HashSet::new());
        for value in 0..CALLS {
            tickets.push(bench.append(value as u32));
            if random.u8(..) < 80 {
                let victim = random.usize(..tickets.len());
                tickets[victim].cancel();
                cancelled.insert(victim as u32);
            }
            if random.u8(..) < 8 {
                bench.off.deliver(&mut bench.state);
            }
        }
        bench.run_until_handled(CALLS);
        let mut ran = bench.logged();
        ran.sort_unstable();
        if let Some(twice) = ran.windows(2).find(|pair| pair[0] == pair[1]) {
            broken!("the function of call {} ran twice", twice[0]);
        }
        let ran: HashSet<u32> = ran.into_iter().collect();
        let mut came: HashSet<u32> = HashSet::new();
        for outcome in &bench.state.outcomes {
            match outcome {
                Ok(value) if ran.contains(value) && came.insert(*value) => {}
                Err(Failure::Cancelled(By::Caller)) => {}
                other => broken!("an outcome was {other:?}"),
            }
        }
        let lost = |value: &u32| !came.contains(value) && !cancelled.contains(value);
        if let Some(lost) = (0..CALLS as u32).find(lost) {
            broken!("call {lost} has no value, and was not cancelled");
        }
    });
}

/// G3: arguments and discarded results are dropped off the loop thread.
pub fn arguments_and_discarded_results_are_dropped_off_the_loop(suite: &CallFnSuite) {
    let promise = promise(
        "arguments_and_discarded_results_are_dropped_off_the_loop",
        "G3",
        "an argument and a result that nobody takes are dropped once, not on the loop thread",
    );
    promise.on_calls(suite, |bench| {
        // In this process, whatever its other checks do.
        let base = fastrand::u64(..) & !0xff;
        let workers = bench.workers();
        let submit = |bench: &Bench, number| {
            placed!(bench.suite, bench.off.call_fn(take_probe, Probe(base + number)))
        };
        submit(bench, 0).then(keep);
        bench.run_until_handled(1);
        placed!(bench.suite, bench.off.call_fn(give_probe, base + 1)).detach();
        bench.run_until_idle();
        bench.hold(0, workers);
        let queued = submit(bench, 2).then(keep);
        let timed = submit(bench, 3).deadline(Duration::from_millis(5)).then(keep);
        queued.cancel();
        bench.wait_done(&timed, "a call whose deadline passed behind busy workers");
        bench.let_all_go();
        bench.run_until_handled(3 + workers);
        bench.off.close();
        submit(bench, 4).then(keep);
        bench.run_until_handled(4 + workers);
        let what = ["that ran", "of a result", "that was cancelled", "that timed out", "refused"];
        for (number, what) in (0..).zip(what) {
            let drops = || drops_of(base + number);
            let once = || drops().len() == 1;
            wait_for(bench.patience(), once, || format!("the value {what} was not dropped"));
            if drops().contains(&thread::current().id()) {
                broken!("the value {what} was dropped on the loop thread");
            }
        }
    });
}

/// An awaited call completes without `deliver`.
pub fn an_awaited_call_needs_no_turn(suite: &CallFnSuite) {
    let promise = promise(
        "an_awaited_call_needs_no_turn",
        "G10",
        "an awaited call wakes its task from the worker, without deliver",
    );
    promise.on_calls(suite, |bench| {
        let expect = |value, outcome| match outcome {
            Some(Ok(got)) if got == value => {}
            Some(other) => broken!("it came to {other:?} instead of {value}"),
            None => broken!("its task was not woken"),
        };
        for value in 0..20u32 {
            let call = placed!(bench.suite, bench.off.call_fn(echo, value));
            expect(value, block_on(call, bench.patience()));
        }
        let (handle, suite) = (bench.off.handle(), bench.suite.clone());
        let elsewhere = thread::spawn(move || {
            block_on(placed!(suite, handle.call_fn(echo, 20)), suite.patience)
        });
        expect(20, elsewhere.join().expect("it ends"));
    });
}

/// `close` ends what waits and lets finish what runs.
pub fn close_turns_queued_calls_into_shutdown(suite: &CallFnSuite) {
    let promise = promise(
        "close_turns_queued_calls_into_shutdown",
        "G1, G12",
        "close ends the calls that wait, and lets those that run finish",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        let held = bench.hold(0, workers).len();
        (0..10).for_each(|value| drop(bench.append(value)));
        bench.off.close();
        bench.append(10);
        bench.run_until_handled(11);
        bench.expect_all("after close a call that waited", |outcome| {
            matches!(outcome, Err(Failure::Shutdown))
        });
        bench.let_all_go();
        bench.run_until_handled(11 + held);
        if let Some(other) = bench.state.outcomes[11..].iter().find(|outcome| outcome.is_err()) {
            broken!("after close a call that ran came to {other:?}");
        }
        let off = bench.off.clone();
        wait_for(bench.patience(), || off.is_closed(), || "it was not closed".to_owned());
        if !bench.log().is_empty() {
            broken!("{} functions ran that close had ended", bench.log().len());
        }
    });
}

/// G12: `shutdown` returns in time, and tells what became of each call.
pub fn a_shutdown_returns_in_time_and_names_what_runs(suite: &CallFnSuite) {
    let promise = promise(
        "a_shutdown_returns_in_time_and_names_what_runs",
        "E7, G12",
        "shutdown waits no longer than its time, counts what finished, and names what still runs",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        bench.hold(0, workers);
        (0..5).for_each(|value| drop(bench.append(value)));
        let began = Instant::now();
        let report = bench.off.shutdown(Duration::from_millis(50));
        if began.elapsed() >= bench.patience() {
            broken!("a shutdown within 50 ms took {:?}", began.elapsed());
        }
        let held = report.abandoned.iter().filter(|call| call.name.as_deref() == Some("held"));
        if (report.finished, report.never_started, held.count()) != (0, 5, workers) {
            broken!("with {workers} calls running and 5 waiting, the report said {report:?}");
        }
        bench.run_until_handled(workers + 5);
        bench.expect_all("a call that a shutdown ended", |outcome| {
            matches!(outcome, Err(Failure::Shutdown))
        });
        if !bench.log().is_empty() {
            broken!("{} functions ran that a shutdown had ended", bench.log().len());
        }
    });
}

/// G12: what finishes within the shutdown's time counts as finished.
pub fn a_shutdown_waits_for_what_runs(suite: &CallFnSuite) {
    let promise = promise(
        "a_shutdown_waits_for_what_runs",
        "E7, G12",
        "a call that returns within the shutdown's time counts as finished",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        for number in 0..workers as u32 {
            // It returns some time after the shutdown has begun, which it hears of.
            let call = bench.off.call_fn_with(heed, (bench.port(), number));
            placed!(bench.suite, call).then(keep);
        }
        (0..workers as u32).for_each(|number| bench.await_visitor(number));
        let report = bench.off.shutdown(bench.patience());
        if report.finished != workers || !report.abandoned.is_empty() {
            broken!("with {workers} calls that returned, the report said {report:?}");
        }
        bench.run_until_handled(workers);
        bench.values();
    });
}

/// Has every worker run a function that leaves a connection to its thread or process.
fn settle_everywhere(bench: &mut Bench) {
    for number in 0..bench.workers() as u32 {
        let call = placed!(bench.suite, bench.off.call_fn(settle, (bench.port(), number)));
        call.then(keep);
    }
    (0..bench.workers() as u32).for_each(|number| bench.await_visitor(number));
}

/// G13: after a shutdown nothing is left that runs functions, but threads inside an abandoned one.
pub fn nothing_is_left_after_a_shutdown(suite: &CallFnSuite) {
    let promise = promise(
        "nothing_is_left_after_a_shutdown",
        "E7, G13",
        "after a shutdown no worker is left; one inside an abandoned function ends with that",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        settle_everywhere(bench);
        let report = bench.off.shutdown(Duration::ZERO);
        if report.abandoned.len() != workers {
            broken!("with {workers} calls running, the report said {report:?}");
        }
        bench.run_until_handled(workers);
        bench.let_all_go();
        (0..workers as u32).for_each(|number| bench.await_end(number, "a worker that was busy"));
    });
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        settle_everywhere(bench);
        bench.let_all_go();
        bench.run_until_handled(workers);
        bench.off.shutdown(bench.patience());
        (0..workers as u32).for_each(|number| bench.await_end(number, "an idle worker"));
    });
}
