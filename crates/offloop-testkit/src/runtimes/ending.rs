//! The promises about ends: of futures in a storm, of the offloop, of the runtime under it.
//! Invariant: whatever the end, every call has one outcome and every future one drop.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{By, Failure, Handle, Reason};

use super::bench::{Bench, promise};
use super::door::{Door, yield_once};
use super::rig::{AsyncSuite, End};
use crate::alive::mark_thread;
use crate::promise::broken;
use crate::small_loop::{ExecutorState, keep};
use crate::sync::{Count, Gate, open_in_shutdown, wait_for};

const SUBMITTERS: usize = 4;
const CALLS: usize = 10_000;

/// F23, G1: a storm of calls from many threads, with random cancels, loses none and doubles none.
pub fn a_storm_loses_and_doubles_nothing(suite: &AsyncSuite) {
    let promise = promise(
        "a_storm_loses_and_doubles_nothing",
        "F23, G1",
        "of 10 000 calls from 4 threads, with random cancels, each has one outcome, and its future \
         runs once at most",
    );
    promise.on_runtime(suite, |bench| {
        let runs: Arc<[AtomicU8]> = (0..CALLS).map(|_| AtomicU8::new(0)).collect();
        let submitters = (0..SUBMITTERS).map(|number| {
            let (handle, runs) = (bench.off.handle(), runs.clone());
            thread::spawn(move || storm(&handle, &runs, number))
        });
        let submitters: Vec<_> = submitters.collect();
        bench.run_until_handled(CALLS);
        let cancelled = submitters.into_iter().map(|one| one.join().expect("it only submits"));
        let cancelled = cancelled.sum::<usize>();
        let mut values = 0;
        for outcome in &bench.state.outcomes {
            match outcome {
                Ok(value) if runs[*value as usize].load(Ordering::SeqCst) == 1 => values += 1,
                Err(Failure::Cancelled(By::Caller)) => {}
                other => broken!("an outcome was {other:?}"),
            }
        }
        let lost = CALLS - values;
        if lost > cancelled {
            broken!("{lost} calls have no value, and {cancelled} were cancelled");
        }
        if let Some(twice) = runs.iter().position(|runs| runs.load(Ordering::SeqCst) > 1) {
            broken!("the future of call {twice} ran twice");
        }
    });
}

/// One thread's share of the storm. How many it cancelled.
fn storm(handle: &Handle<ExecutorState>, runs: &Arc<[AtomicU8]>, number: usize) -> usize {
    let mut random = fastrand::Rng::with_seed(7 + number as u64);
    let (mut tickets, mut cancelled) = (Vec::new(), 0);
    for value in (number..CALLS).step_by(SUBMITTERS) {
        let (runs, yields) = (runs.clone(), random.u8(..4));
        let call = handle.call_async(async move {
            for _ in 0..yields {
                yield_once().await;
            }
            runs[value].fetch_add(1, Ordering::SeqCst);
            value as u32
        });
        tickets.push(call.then(keep));
        if random.u8(..) < 80 {
            tickets[random.usize(..tickets.len())].cancel();
            cancelled += 1;
        }
    }
    cancelled
}

/// F18, G3: whatever becomes of a future, it is dropped off the loop thread.
pub fn futures_are_dropped_off_the_loop(suite: &AsyncSuite) {
    let promise = promise(
        "futures_are_dropped_off_the_loop",
        "F18, G3",
        "futures that end, are cancelled while they wait or before, or come after a close are not \
         dropped on the loop thread",
    );
    promise.on_runtime(suite, |bench| {
        let (ends, waits, late) = (Door::default(), Door::default(), Door::default());
        for _ in 0..20 {
            bench.submit(ends.passage(0));
        }
        let ticket = bench.submit(waits.passage(0));
        waits.wait_polled(1, bench.patience());
        ticket.cancel();
        // Before its first poll, as a rule.
        bench.submit(waits.passage(0)).cancel();
        ends.open();
        bench.run_until_handled(22);
        bench.off.close();
        bench.submit(late.passage(0));
        bench.run_until_handled(23);
        for (door, count) in [(&ends, 20), (&waits, 2), (&late, 1)] {
            door.wait_dropped(count, bench.patience());
        }
    });
}

/// F19, G12: `close` lets finish what runs.
pub fn close_lets_running_futures_finish(suite: &AsyncSuite) {
    let promise = promise(
        "close_lets_running_futures_finish",
        "F19, G12",
        "close lets futures that have begun finish, and takes no others",
    );
    promise.on_runtime(suite, |bench| {
        let door = Door::default();
        for _ in 0..10 {
            bench.submit(door.passage(1));
        }
        door.wait_polled(10, bench.patience());
        bench.off.close();
        bench.submit(async { 2 });
        bench.run_until_handled(1);
        if !matches!(bench.state.outcomes[0], Err(Failure::Shutdown)) {
            broken!("a call after the close came to {:?}", bench.state.outcomes[0]);
        }
        bench.state.outcomes.clear();
        door.open();
        bench.run_until_handled(10);
        bench.values();
        let off = bench.off.clone();
        wait_for(bench.patience(), || off.is_closed(), || "it was not closed".to_owned());
    });
}

/// F20, G12: what ends within the shutdown's time counts as finished.
pub fn a_shutdown_waits_for_running_futures(suite: &AsyncSuite) {
    let promise = promise(
        "a_shutdown_waits_for_running_futures",
        "F20, G12",
        "a future that ends within the shutdown's time counts as finished",
    );
    promise.on_runtime(suite, |bench| {
        let door = Door::default();
        for _ in 0..9 {
            bench.submit(door.passage(1));
        }
        let (passage, (begin, begun)) = (door.passage(1), mpsc::channel());
        let last = bench.off.call_async_with(move |cx| {
            // A check that waits no longer has its verdict.
            let _unheard = begin.send(cx);
            passage
        });
        last.then(keep);
        door.wait_polled(10, bench.patience());
        let last = begun.recv().expect("it was polled");
        let opener = open_in_shutdown(last, bench.patience(), move || door.open());
        let report = bench.off.shutdown(bench.patience());
        opener.join().expect("the helper ends");
        if report.finished != 10 || !report.abandoned.is_empty() {
            broken!("with 10 futures that ended, the report said {report:?}");
        }
        bench.run_until_handled(10);
        bench.values();
    });
}

/// F21, G12: `shutdown` returns in time, names what does not end, and has it dropped.
pub fn a_shutdown_returns_in_time_and_drops_what_does_not_end(suite: &AsyncSuite) {
    let promise = promise(
        "a_shutdown_returns_in_time_and_drops_what_does_not_end",
        "F21, G12",
        "shutdown waits no longer than its time, names the futures that have not ended, and has them \
         dropped off the loop",
    );
    promise.on_runtime(suite, |bench| {
        let (gate, door) = (Gate::default(), Door::default());
        for _ in 0..5 {
            bench.off.call_async(door.passage(0)).name("waits").then(keep);
        }
        door.wait_polled(5, bench.patience());
        // They stand still in a poll, which nobody can end.
        let held = bench.hold(&gate, "with futures that wait");
        let began = Instant::now();
        let report = bench.off.shutdown(Duration::from_millis(50));
        if began.elapsed() >= bench.patience() {
            broken!("a shutdown within 50 ms took {:?}", began.elapsed());
        }
        let named = |name: &str| {
            report.abandoned.iter().filter(|call| call.name.as_deref() == Some(name)).count()
        };
        if (named("waits"), named("held"), report.finished) != (5, held, 0) {
            broken!("with 5 futures that wait and {held} that block, the report said {report:?}");
        }
        bench.run_until_handled(5 + held);
        gate.open();
        door.wait_dropped(5, bench.patience());
    });
}

/// F22, G13: after a shutdown no thread is left.
pub fn no_thread_is_left_after_a_shutdown(suite: &AsyncSuite) {
    let promise = promise(
        "no_thread_is_left_after_a_shutdown",
        "F22, G13",
        "after a shutdown no thread that polled is left, whether futures waited or none did",
    );
    for waiting in [0, 5] {
        promise.on_runtime(suite, move |bench| {
            let (alive, door) = (Count::default(), Door::default());
            for _ in 0..waiting {
                bench.submit(door.passage(0));
            }
            let marks = 4 * bench.threads();
            for _ in 0..marks {
                let alive = alive.clone();
                bench.submit(async move {
                    mark_thread(&alive);
                    0
                });
            }
            bench.run_until_handled(marks);
            door.wait_polled(waiting, bench.patience());
            let time = if waiting > 0 { Duration::ZERO } else { bench.patience() };
            bench.off.shutdown(time);
            bench.run_until_handled(marks + waiting);
            wait_for(
                bench.patience(),
                || alive.get() == 0,
                || format!("{} threads did not end", alive.get()),
            );
        });
    }
}

/// Ends the runtime, as another thread of the program does.
fn end_elsewhere(bench: &Bench, end: End) {
    let ending = thread::spawn(end);
    wait_for(bench.patience(), || ending.is_finished(), || "the runtime did not end".to_owned());
    if ending.join().is_err() {
        broken!("the end of the runtime panicked");
    }
}

/// F24, G1: a runtime that ends under its calls brings each to an outcome.
pub fn a_runtime_that_ends_brings_its_calls_to_shutdown(suite: &AsyncSuite) {
    let promise = promise(
        "a_runtime_that_ends_brings_its_calls_to_shutdown",
        "F24, G1",
        "a runtime that ends drops the tasks that it has, and each call comes to Shutdown",
    );
    promise.on_ending_runtime(suite, |bench, end| {
        let door = Door::default();
        for _ in 0..20 {
            bench.submit(door.passage(0));
        }
        door.wait_polled(20, bench.patience());
        end_elsewhere(bench, end);
        bench.run_until_handled(20);
        let shut = |outcome: &&_| matches!(outcome, Err(Failure::Shutdown));
        if let Some(other) = bench.state.outcomes.iter().find(|outcome| !shut(outcome)) {
            broken!("a call whose runtime ended came to {other:?}");
        }
        door.wait_dropped(20, bench.patience());
    });
}

/// F25: a runtime that has ended says so.
pub fn a_runtime_that_has_ended_takes_nothing(suite: &AsyncSuite) {
    let promise = promise(
        "a_runtime_that_has_ended_takes_nothing",
        "F25, G16",
        "a runtime that has ended gives the task back: Rejected(NoWorker), its future dropped off the \
         loop",
    );
    promise.on_ending_runtime(suite, |bench, end| {
        bench.submit(async { 0 });
        bench.run_until_handled(1);
        end_elsewhere(bench, end);
        let door = Door::default();
        for count in 1..=3 {
            bench.submit(door.passage(0));
            bench.run_until_handled(1 + count);
            match &bench.state.outcomes[count] {
                Err(Failure::Rejected(Reason::NoWorker)) => {}
                other => broken!("a call after the end came to {other:?}"),
            }
        }
        door.wait_dropped(3, bench.patience());
        let report = bench.off.shutdown(bench.patience());
        if !report.abandoned.is_empty() {
            broken!("with nothing to wait for, the report of the shutdown said {report:?}");
        }
    });
}
