//! The promises about calls that fail: panics, deadlines, cancels, refusals. Invariant: after each
//! failure the executor still has all of its workers, or as many as the failure leaves it.

use std::panic::resume_unwind;
use std::thread;
use std::time::{Duration, Instant};

use offloop::{By, Failure, Reason, Ticket};

use super::bench::Bench;
use super::rig::ExecutorSuite;
use crate::promise::{Promise, broken};
use crate::small_loop::keep;
use crate::sync::{Count, Gate, Pass, touch, wait_for};

/// G6: a panic is an outcome, and its worker goes on.
pub fn a_panic_is_an_outcome_and_the_worker_lives_on(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_panic_is_an_outcome_and_the_worker_lives_on",
        numbers: "G6",
        sentence: "a function's panic is its call's outcome, and its worker runs the next call",
    };
    promise.on_executor(suite, |bench| {
        let calls = 10 * bench.workers();
        for _ in 0..calls {
            bench.submit(|| resume_unwind(Box::new("on purpose")));
        }
        bench.run_until_handled(calls);
        let panicked = |outcome: &&_| matches!(outcome, Err(Failure::Panicked(_)));
        if let Some(other) = bench.state.outcomes.iter().find(|outcome| !panicked(outcome)) {
            broken!("a function panicked, and its call came to {other:?}");
        }
        bench.expect_all_workers_alive("after panics");
    });
}

/// Panics where it is dropped.
struct Bomb(Count);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.add();
        if !thread::panicking() {
            resume_unwind(Box::new("a destructor panics on purpose"));
        }
    }
}

/// G6: a panic of a destructor ends no worker.
pub fn a_panicking_destructor_is_contained(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_panicking_destructor_is_contained",
        numbers: "G6",
        sentence: "a job or a discarded result that panics when it is dropped ends no worker",
    };
    promise.on_executor(suite, |bench| {
        let (gate, dropped) = (Gate::default(), Count::default());
        let workers = bench.workers();
        let held = bench.hold(&gate, workers).len();
        for _ in 0..workers {
            let bomb = Bomb(dropped.clone());
            let queued = bench.submit(move || {
                touch(&bomb);
                1
            });
            queued.cancel();
        }
        gate.open();
        bench.run_until_handled(held + workers);
        for _ in 0..workers {
            let bomb = Bomb(dropped.clone());
            bench.place(bench.off.call(move || bomb)).detach();
        }
        bench.run_until_idle();
        bench.expect_all_workers_alive("after destructors panicked");
        wait_for(
            bench.patience(),
            || dropped.get() == 2 * workers,
            || format!("of {} values {} were dropped", 2 * workers, dropped.get()),
        );
    });
}

/// G7: the wait in the queue counts.
pub fn a_queued_call_times_out(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_queued_call_times_out",
        numbers: "G7",
        sentence: "a call whose deadline passes while it waits comes to TimedOut, and never runs",
    };
    promise.on_executor(suite, |bench| {
        let (gate, ran) = (Gate::default(), Count::default());
        let workers = bench.workers();
        let held = bench.hold(&gate, workers).len();
        let runs = ran.clone();
        let call = bench.off.call(move || {
            runs.add();
            1
        });
        let queued = bench.place(call).deadline(Duration::from_millis(20)).then(keep);
        bench.wait_done(&queued, "a call whose deadline passed behind busy workers");
        bench.run_until_handled(1);
        if !matches!(bench.state.outcomes[0], Err(Failure::TimedOut)) {
            broken!("its outcome was {:?}", bench.state.outcomes[0]);
        }
        gate.open();
        bench.run_until_handled(held + 1);
        bench.expect_all_workers_alive("after a deadline in the queue");
        if ran.get() != 0 {
            broken!("its function ran afterwards");
        }
    });
}

/// Has a deadline pass while the call's function is inside, behind the gate.
fn overrun(bench: &mut Bench, gate: &Gate) {
    for attempt in 0..8 {
        let time = Duration::from_millis(20 << attempt);
        let (entered, before) = (Count::default(), bench.state.outcomes.len());
        let (enter, pass): (Count, Pass) = (entered.clone(), gate.pass());
        let call = bench.off.call(move || {
            enter.add();
            pass.wait();
            1
        });
        let began = Instant::now();
        bench.place(call).deadline(time).then(keep);
        bench.run_until_handled(before + 1);
        if !matches!(bench.state.outcomes[before], Err(Failure::TimedOut)) {
            broken!("a function that did not return came to {:?}", bench.state.outcomes[before]);
        }
        if began.elapsed() < time {
            broken!("it timed out {:?} after its submit, {time:?} being its time", began.elapsed());
        }
        if entered.get() == 1 {
            return;
        }
    }
    broken!("no function began within its deadline of two seconds");
}

/// G7: a deadline is on time though the function never returns.
pub fn a_function_that_never_returns_times_out(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_function_that_never_returns_times_out",
        numbers: "G7",
        sentence: "a function that never returns comes to TimedOut, and the other workers run on",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        overrun(bench, &gate);
        if bench.workers() > 1 {
            let before = bench.state.outcomes.len();
            for value in 0..20 {
                bench.submit(move || value);
            }
            bench.run_until_handled(before + 20);
        }
        gate.open();
        bench.expect_all_workers_alive("after an abandoned function returned");
    });
}

/// E5: an abandoned function's worker is replaced; only where the suite says `abandoned: replaced`.
pub fn an_abandoned_function_is_replaced(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "an_abandoned_function_is_replaced",
        numbers: "E5, G8",
        sentence: "however many functions are abandoned, as many calls run at once as before",
    };
    promise.on_executor(suite, |bench| {
        let gate = Gate::default();
        for _ in 0..bench.workers() {
            overrun(bench, &gate);
        }
        bench.expect_all_workers_alive("with each of them abandoned in a function");
    });
}

/// G8: a call that is cancelled while it waits never runs.
pub fn a_queued_call_that_is_cancelled_never_runs(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_queued_call_that_is_cancelled_never_runs",
        numbers: "G8",
        sentence: "a call that is cancelled while it waits comes to Cancelled, and never runs",
    };
    promise.on_executor(suite, |bench| {
        let (gate, ran) = (Gate::default(), Count::default());
        let workers = bench.workers();
        let held = bench.hold(&gate, workers).len();
        let submit = |_| {
            let ran = ran.clone();
            bench.submit(move || ran.add() as u32)
        };
        let queued: Vec<Ticket> = (0..20).map(submit).collect();
        queued.iter().for_each(Ticket::cancel);
        bench.run_until_handled(20);
        let cancelled = |outcome: &&_| matches!(outcome, Err(Failure::Cancelled(By::Caller)));
        if let Some(other) = bench.state.outcomes.iter().find(|outcome| !cancelled(outcome)) {
            broken!("a cancelled call came to {other:?}");
        }
        gate.open();
        bench.run_until_handled(20 + held);
        bench.expect_all_workers_alive("after cancels");
        if ran.get() != 0 {
            broken!("{} of 20 cancelled functions ran", ran.get());
        }
    });
}

/// G8: a function that runs hears of its cancel.
pub fn a_running_function_hears_of_its_cancel(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_running_function_hears_of_its_cancel",
        numbers: "G8",
        sentence: "is_cancelled turns true in a running function, and its late result is dropped",
    };
    promise.on_executor(suite, |bench| {
        let (inside, heard) = (Count::default(), Count::default());
        let (enter, hears, patience) = (inside.clone(), heard.clone(), bench.patience());
        let call = bench.off.call_with(move |cx| {
            enter.add();
            let end = Instant::now() + patience;
            while !cx.is_cancelled() && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
            if cx.is_cancelled() {
                hears.add();
            }
            1
        });
        let ticket = bench.place(call).then(keep);
        wait_for(patience, || inside.get() == 1, || "the function did not begin".to_owned());
        ticket.cancel();
        bench.run_until_handled(1);
        if !matches!(bench.state.outcomes[0], Err(Failure::Cancelled(By::Caller))) {
            broken!("a cancelled call came to {:?}", bench.state.outcomes[0]);
        }
        wait_for(patience, || heard.get() == 1, || "the function heard nothing".to_owned());
        bench.expect_all_workers_alive("after a cancel");
    });
}

/// G5: what can't be taken is refused as a value.
pub fn a_full_queue_refuses_as_a_value(suite: &ExecutorSuite) {
    let promise = Promise {
        of: "executor",
        name: "a_full_queue_refuses_as_a_value",
        numbers: "G5",
        sentence: "a call that can't be taken comes to Rejected, and never runs",
    };
    promise.on_executor(suite, |bench| {
        // More than the default limit of any queue.
        const CALLS: usize = 70_000;
        let (gate, ran) = (Gate::default(), Count::default());
        let workers = bench.workers();
        let held = bench.hold(&gate, workers).len();
        for _ in 0..CALLS {
            let ran = ran.clone();
            bench.submit(move || {
                ran.add();
                1
            });
        }
        gate.open();
        bench.run_until_handled(held + CALLS);
        let refusal = |outcome: &&_| {
            matches!(outcome, Err(Failure::Rejected(Reason::QueueFull | Reason::NoWorker)))
        };
        let refused = bench.state.outcomes.iter().filter(refusal).count();
        let values = bench.state.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if refused == 0 || refused + values != held + CALLS || ran.get() + refused != CALLS {
            let ran = ran.get();
            broken!("of {CALLS} calls {refused} were refused, {values} had a value, {ran} ran");
        }
    });
}
