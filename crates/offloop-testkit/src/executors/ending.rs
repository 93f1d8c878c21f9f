//! The promises about ends: of calls in a storm, of what they own, of the executor itself.
//! Invariant: whatever the end, every call has one outcome and every value one drop.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use offloop::{By, Failure};

use super::bench::Bench;
use super::rig::ExecutorSuite;
use crate::alive::mark_thread;
use crate::promise::{Promise, broken};
use crate::small_loop::{ExecutorState, keep};
use crate::sync::{Count, Gate, block_on, open_in_shutdown, touch, wait_for};

/// G1: a storm of calls with random cancels loses none and doubles none.
pub fn a_storm_loses_and_doubles_nothing(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_storm_loses_and_doubles_nothing",
        numbers: "E2, G1",
        sentence: "of 10 000 calls with random cancels each has one outcome, and runs once at most",
    };
    promise.on_executor(suite, |bench| {
        const CALLS: usize = 10_000;
        let runs: Arc<[AtomicU8]> = (0..CALLS).map(|_| AtomicU8::new(0)).collect();
        let mut random = fastrand::Rng::with_seed(7);
        let (mut tickets, mut cancelled) = (Vec::new(), Vec::new());
        for value in 0..CALLS {
            let runs = runs.clone();
            tickets.push(bench.submit(move || {
                runs[value].fetch_add(1, Ordering::SeqCst);
                value as u32
            }));
            if random.u8(..) < 80 {
                let victim = random.usize(..tickets.len());
                tickets[victim].cancel();
                cancelled.push(victim);
            }
            if random.u8(..) < 8 {
                bench.turn();
            }
        }
        bench.run_until_handled(CALLS);
        let mut values = 0;
        for outcome in &bench.state.outcomes {
            match outcome {
                Ok(value) if runs[*value as usize].load(Ordering::SeqCst) == 1 => values += 1,
                Err(Failure::Cancelled(By::Caller)) => {}
                other => broken!("an outcome was {other:?}"),
            }
        }
        let lost = CALLS - values;
        if lost > cancelled.len() {
            broken!("{lost} calls have no value, and {} were cancelled", cancelled.len());
        }
        if let Some(twice) = runs.iter().position(|runs| runs.load(Ordering::SeqCst) > 1) {
            broken!("the function of call {twice} ran twice");
        }
    });
}

/// Where probes were dropped.
#[derive(Clone, Default)]
struct Drops(Arc<Mutex<Vec<(&'static str, ThreadId)>>>);

struct Probe(&'static str, Drops);

impl Drop for Probe {
    fn drop(&mut self) {
        let mut drops = self.1.0.lock().expect("nobody panics here");
        drops.push((self.0, thread::current().id()));
    }
}

/// G3: jobs and discarded results are dropped off the loop thread.
pub fn jobs_and_discarded_results_are_dropped_off_the_loop(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "jobs_and_discarded_results_are_dropped_off_the_loop",
        numbers: "G3",
        sentence: "what a job owns and a result that nobody takes are not dropped on the loop \
                   thread",
    };
    promise.on_executor(suite, |bench| {
        let (drops, gate) = (Drops::default(), Gate::default());
        let job = |what| {
            let probe = Probe(what, drops.clone());
            move || {
                touch(&probe);
                0
            }
        };
        bench.submit(job("a job that ran"));
        bench.run_until_handled(1);

        let (inside, pass, late) = (Count::default(), gate.pass(), drops.clone());
        let enter = inside.clone();
        let call = bench.off.call(move || {
            enter.add();
            pass.wait();
            Probe("a late result", late)
        });
        let ignore = |_: &mut ExecutorState, _| {};
        let running = bench.place(call).then(ignore);
        wait_for(bench.patience(), || inside.get() == 1, || "a call did not begin".to_owned());
        let held = bench.hold(&gate, bench.workers() - 1).len();
        let queued = bench.submit(job("a cancelled job"));
        let timed = bench.place(bench.off.call(job("a job that timed out")));
        let timed = timed.deadline(Duration::from_millis(5)).then(keep);
        running.cancel();
        queued.cancel();
        bench.wait_done(&timed, "a call whose deadline passed behind busy workers");
        // An executor may look through its queue for calls that are decided, but not here.
        bench.submit(job("another job that ran"));
        bench.run_until_handled(3);
        gate.open();
        bench.run_until_handled(4 + held);
        bench.off.close();
        bench.submit(job("a refused job"));
        bench.run_until_handled(5 + held);
        let all = || drops.0.lock().expect("nobody panics here").clone();
        wait_for(
            bench.patience(),
            || all().len() == 6,
            || format!("of six values these were dropped: {:?}", all()),
        );
        let here = thread::current().id();
        if let Some((what, _)) = all().iter().find(|(_, thread)| *thread == here) {
            broken!("{what} was dropped on the loop thread");
        }
    });
}

/// An awaited call completes without `deliver`.
pub fn an_awaited_call_needs_no_turn(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "an_awaited_call_needs_no_turn",
        numbers: "G10",
        sentence: "an awaited call wakes its task from the worker, without deliver",
    };
    promise.on_executor(suite, |bench| {
        for value in 0..50u32 {
            let call = bench.place(bench.off.call(move || value));
            match block_on(call, bench.patience()) {
                Some(Ok(got)) if got == value => {}
                Some(other) => broken!("it came to {other:?} instead of {value}"),
                None => broken!("its task was not woken within {:?}", bench.patience()),
            }
        }
    });
}

/// `close` ends what waits and lets finish what runs.
pub fn close_turns_queued_calls_into_shutdown(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "close_turns_queued_calls_into_shutdown",
        numbers: "G1, G12",
        sentence: "close ends the calls that wait, and lets those that run finish",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let workers = bench.workers();
        let held = bench.hold(&gate, workers).len();
        for _ in 0..10 {
            bench.submit(|| 1);
        }
        bench.off.close();
        bench.submit(|| 1);
        bench.run_until_handled(11);
        let shut = |outcome: &&_| matches!(outcome, Err(Failure::Shutdown));
        if let Some(other) = bench.state.outcomes.iter().find(|outcome| !shut(outcome)) {
            broken!("after close a call that waited came to {other:?}");
        }
        gate.open();
        bench.run_until_handled(11 + held);
        if let Some(other) = bench.state.outcomes[11..].iter().find(|outcome| outcome.is_err()) {
            broken!("after close a call that ran came to {other:?}");
        }
        let off = bench.off.clone();
        wait_for(bench.patience(), || off.is_closed(), || "it was not closed".to_owned());
    });
}

/// G12: `shutdown` returns in time, and tells what became of each call.
pub fn a_shutdown_returns_in_time_and_names_what_runs(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_shutdown_returns_in_time_and_names_what_runs",
        numbers: "E7, G12",
        sentence: "shutdown waits no longer than its time, counts what finished, and names what \
                   still runs",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let workers = bench.workers();
        bench.hold(&gate, workers);
        for _ in 0..5 {
            bench.submit(|| 1);
        }
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
        gate.open();
    });
}

/// G12: what finishes within the shutdown's time counts as finished.
pub fn a_shutdown_waits_for_what_runs(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_shutdown_waits_for_what_runs",
        numbers: "E7, G12",
        sentence: "a call that returns within the shutdown's time counts as finished",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        let workers = bench.workers();
        bench.hold(&gate, workers - 1);
        let last = bench.hold_one(&gate);
        let opener = open_in_shutdown(last, bench.patience(), move || gate.open());
        let report = bench.off.shutdown(bench.patience());
        opener.join().expect("the helper ends");
        if report.finished != workers || !report.abandoned.is_empty() {
            broken!("with {workers} calls that returned, the report said {report:?}");
        }
        bench.run_until_handled(workers);
        bench.values();
    });
}

/// G13: after a shutdown no thread is left, but those inside an abandoned function.
pub fn no_thread_is_left_after_a_shutdown(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "no_thread_is_left_after_a_shutdown",
        numbers: "E7, G13",
        sentence: "after a shutdown no thread is left; one inside an abandoned function ends when \
                   that returns",
    };
    promise.on_executor(suite, |bench| {
        let (alive, gate) = (Count::default(), Gate::default());
        let workers = bench.workers();
        occupy(bench, &alive, &gate);
        let report = bench.off.shutdown(Duration::ZERO);
        if report.abandoned.len() != workers {
            broken!("with {workers} calls running, the report said {report:?}");
        }
        bench.run_until_handled(workers);
        gate.open();
        wait_for(
            bench.patience(),
            || alive.get() == 0,
            || format!("{} threads did not end after their abandoned functions", alive.get()),
        );
    });
    promise.on_executor(suite, |bench| {
        let (alive, gate) = (Count::default(), Gate::default());
        occupy(bench, &alive, &gate);
        gate.open();
        let workers = bench.workers();
        bench.run_until_handled(workers);
        bench.off.shutdown(bench.patience());
        wait_for(
            bench.patience(),
            || alive.get() == 0,
            || format!("{} idle threads did not end", alive.get()),
        );
    });
}

/// Has every worker run a function that marks its thread and waits for the gate.
fn occupy(bench: &mut Bench, alive: &Count, gate: &Gate) {
    let (workers, inside) = (bench.workers(), Count::default());
    for _ in 0..workers {
        let (alive, pass, inside) = (alive.clone(), gate.pass(), inside.clone());
        bench.submit(move || {
            mark_thread(&alive);
            inside.add();
            pass.wait();
            0
        });
    }
    wait_for(
        bench.patience(),
        || inside.get() == workers,
        || format!("of {workers} functions that may run at once {} began", inside.get()),
    );
}
