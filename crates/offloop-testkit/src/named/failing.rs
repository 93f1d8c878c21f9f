//! The promises about calls that fail: panics, deadlines, cancels, refusals. Invariant: after each
//! failure the executor still has all of its workers.

use std::time::{Duration, Instant};

use offloop::{By, Failure, Reason, Ticket};

use super::bench::{Bench, promise};
use super::functions::{
    Bomb, append, burst, drops_of, echo, give_bomb, heed, keep_bomb, stay, visit,
};
use super::rig::{CallFnSuite, keep, placed};
use crate::promise::broken;
use crate::sync::wait_for;

fn is_cancelled(outcome: &Result<u32, Failure>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Caller)))
}

/// G6: a panic is an outcome, and its worker goes on.
pub fn a_panic_is_an_outcome_and_the_worker_lives_on(suite: &CallFnSuite) {
    let promise = promise(
        "a_panic_is_an_outcome_and_the_worker_lives_on",
        "G6",
        "a function's panic is its call's outcome, with its text and the function's name, and its \
         worker runs the next call",
    );
    promise.on_calls(suite, |bench| {
        let calls = 10 * bench.workers();
        for _ in 0..calls {
            let call = bench.off.call_fn(burst, "on purpose".to_owned());
            placed!(bench.suite, call).name("burst").then(keep);
        }
        bench.run_until_handled(calls);
        bench.expect_all("a function panicked, and its call", |outcome| match outcome {
            Err(Failure::Panicked(panic)) => {
                (panic.message(), panic.name()) == ("on purpose", Some("burst"))
            }
            _ => false,
        });
        bench.expect_all_workers_alive();
    });
}

/// G6: a panic of a destructor ends no worker.
pub fn a_panicking_destructor_is_contained(suite: &CallFnSuite) {
    let promise = promise(
        "a_panicking_destructor_is_contained",
        "G6",
        "an argument or a discarded result that panics when it is dropped ends no worker",
    );
    promise.on_calls(suite, |bench| {
        // In this process, whatever its other checks do.
        let first = fastrand::u64(..) & !0xff;
        let workers = bench.workers() as u64;
        let held = bench.hold(0, bench.workers()).len();
        for number in 0..workers {
            let call = bench.off.call_fn(keep_bomb, Bomb(first + number));
            placed!(bench.suite, call).then(keep).cancel();
        }
        bench.let_all_go();
        bench.run_until_handled(held + bench.workers());
        for number in workers..2 * workers {
            placed!(bench.suite, bench.off.call_fn(give_bomb, first + number)).detach();
        }
        bench.run_until_idle();
        bench.expect_all_workers_alive();
        for number in 0..2 * workers {
            let exploded = || !drops_of(first + number).is_empty();
            let seen = || format!("value {number} of {} was not dropped", 2 * workers);
            wait_for(bench.patience(), exploded, seen);
        }
    });
}

/// G7: the wait in the queue counts.
pub fn a_queued_call_times_out(suite: &CallFnSuite) {
    let promise = promise(
        "a_queued_call_times_out",
        "G7",
        "a call whose deadline passes while it waits comes to TimedOut, and never runs",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        let held = bench.hold(0, workers).len();
        let args = (bench.log_name(), 1);
        let call = placed!(bench.suite, bench.off.call_fn(append, args));
        let queued = call.deadline(Duration::from_millis(20)).then(keep);
        bench.wait_done(&queued, "a call whose deadline passed behind busy workers");
        bench.run_until_handled(1);
        bench.expect_all("it", |outcome| matches!(outcome, Err(Failure::TimedOut)));
        bench.let_all_go();
        bench.run_until_handled(held + 1);
        bench.expect_all_workers_alive();
        if !bench.log().is_empty() {
            broken!("its function ran afterwards");
        }
    });
}

/// Has a deadline pass while the call's function is inside; says under which number it is.
fn overrun(bench: &mut Bench, first: u32, submit: impl Fn(&Bench, u32, Duration)) -> u32 {
    for attempt in 0..8 {
        let (time, number) = (Duration::from_millis(20 << attempt), first + attempt);
        let before = bench.state.outcomes.len();
        let began = Instant::now();
        submit(bench, number, time);
        bench.run_until_handled(before + 1);
        if !matches!(bench.state.outcomes[before], Err(Failure::TimedOut)) {
            broken!("a function that did not return came to {:?}", bench.state.outcomes[before]);
        }
        if began.elapsed() < time {
            broken!("it timed out {:?} after its submit, {time:?} being its time", began.elapsed());
        }
        if bench.has_begun(number) {
            return number;
        }
    }
    broken!("no function began within its deadline of two seconds");
}

fn submit_visit(bench: &Bench, number: u32, time: Duration) {
    let call = placed!(bench.suite, bench.off.call_fn(visit, (bench.port(), number)));
    call.deadline(time).then(keep);
}

fn submit_stay(bench: &Bench, number: u32, time: Duration) {
    let call = placed!(bench.suite, bench.off.call_fn(stay, (bench.port(), number)));
    call.deadline(time).then(keep);
}

/// G7: a deadline is on time though the function never returns.
pub fn a_function_that_never_returns_times_out(suite: &CallFnSuite) {
    let promise = promise(
        "a_function_that_never_returns_times_out",
        "G7",
        "a function that never returns comes to TimedOut, and the other workers run on",
    );
    promise.on_calls(suite, |bench| {
        overrun(bench, 0, submit_visit);
        if bench.workers() > 1 {
            let before = bench.state.outcomes.len();
            (0..20).for_each(|value| drop(bench.echo(value)));
            bench.run_until_handled(before + 20);
        }
        bench.let_all_go();
        bench.expect_all_workers_alive();
    });
}

/// E5: the worker of a function past its deadline is replaced; only where the suite says `abandoned:
/// replaced` or `abandoned: stopped`.
pub fn the_worker_of_an_abandoned_function_is_replaced(suite: &CallFnSuite) {
    let promise = promise(
        "the_worker_of_an_abandoned_function_is_replaced",
        "E5, G8",
        "however many functions are past their deadlines, as many calls run at once as before",
    );
    promise.on_calls(suite, |bench| {
        for worker in 0..bench.workers() as u32 {
            overrun(bench, 100 * worker, submit_visit);
        }
        bench.expect_all_workers_alive();
    });
}

/// G8: a function past its deadline is stopped at whatever it does; only where the suite says
/// `abandoned: stopped`.
pub fn a_function_past_its_deadline_is_stopped(suite: &CallFnSuite) {
    let promise = promise(
        "a_function_past_its_deadline_is_stopped",
        "G8",
        "a function that looks at nothing is ended by its deadline",
    );
    promise.on_calls(suite, |bench| {
        let number = overrun(bench, 0, submit_stay);
        bench.await_end(number, "a function past its deadline");
        bench.expect_all_workers_alive();
    });
}

/// G8: a function whose call is cancelled is stopped at whatever it does; only where the suite says
/// `abandoned: stopped`.
pub fn a_function_that_is_cancelled_is_stopped(suite: &CallFnSuite) {
    let promise = promise(
        "a_function_that_is_cancelled_is_stopped",
        "G8",
        "a function that looks at nothing is ended by its cancel, and nobody else's is",
    );
    promise.on_calls(suite, |bench| {
        let others = bench.workers() - 1;
        bench.hold(1, others);
        let call = placed!(bench.suite, bench.off.call_fn(stay, (bench.port(), 0)));
        let ticket = call.then(keep);
        bench.await_visitor(0);
        ticket.cancel();
        bench.run_until_handled(1);
        bench.expect_all("a cancelled call", is_cancelled);
        bench.await_end(0, "a cancelled function");
        bench.let_all_go();
        bench.run_until_handled(1 + others);
        if let Some(other) = bench.state.outcomes[1..].iter().find(|outcome| outcome.is_err()) {
            broken!("a call that ran beside it came to {other:?}");
        }
        bench.expect_all_workers_alive();
    });
}

/// G8: a call that is cancelled while it waits never runs.
pub fn a_queued_call_that_is_cancelled_never_runs(suite: &CallFnSuite) {
    let promise = promise(
        "a_queued_call_that_is_cancelled_never_runs",
        "G8",
        "a call that is cancelled while it waits comes to Cancelled, and never runs",
    );
    promise.on_calls(suite, |bench| {
        let workers = bench.workers();
        let held = bench.hold(0, workers).len();
        let queued: Vec<Ticket> = (0..20).map(|value| bench.append(value)).collect();
        queued.iter().for_each(Ticket::cancel);
        bench.run_until_handled(20);
        bench.expect_all("a cancelled call", is_cancelled);
        bench.let_all_go();
        bench.run_until_handled(20 + held);
        bench.expect_all_workers_alive();
        if !bench.log().is_empty() {
            broken!("{} of 20 cancelled functions ran", bench.log().len());
        }
    });
}

/// G8: a function that runs and asks ends when its call is cancelled.
pub fn a_running_function_ends_at_its_cancel(suite: &CallFnSuite) {
    let promise = promise(
        "a_running_function_ends_at_its_cancel",
        "G8",
        "a cancelled function that asks its context hears of it, or is stopped; its result is gone",
    );
    promise.on_calls(suite, |bench| {
        let call = bench.off.call_fn_with(heed, (bench.port(), 0));
        let ticket = placed!(bench.suite, call).then(keep);
        bench.await_visitor(0);
        ticket.cancel();
        bench.run_until_handled(1);
        bench.expect_all("a cancelled call", is_cancelled);
        bench.await_end(0, "a cancelled function that asks");
        bench.expect_all_workers_alive();
    });
}

/// G5: what can't be taken is refused as a value.
pub fn a_full_queue_refuses_as_a_value(suite: &CallFnSuite) {
    let promise = promise(
        "a_full_queue_refuses_as_a_value",
        "G5",
        "a call that can't be taken comes to Rejected, or is given back, and never runs",
    );
    promise.on_calls(suite, |bench| {
        // More than the default limit of any queue.
        const CALLS: usize = 70_000;
        let workers = bench.workers();
        let held = bench.hold(0, workers).len();
        let queued: Vec<Ticket> = (0..CALLS).map(|_| bench.append(1)).collect();
        let call = placed!(bench.suite, bench.off.call_fn(echo, 1));
        match call.try_then(keep) {
            Err(refused) if matches!(refused.reason, Failure::Rejected(Reason::QueueFull)) => {}
            Err(refused) => broken!("a full queue gave a call back with {:?}", refused.reason),
            Ok(_) => broken!("a queue of {CALLS} calls took one more"),
        }
        queued.iter().for_each(Ticket::cancel);
        bench.let_all_go();
        bench.run_until_handled(held + CALLS);
        let count = |fits: fn(&Result<u32, Failure>) -> bool| {
            bench.state.outcomes.iter().filter(|outcome| fits(outcome)).count()
        };
        let refused = count(|outcome| matches!(outcome, Err(Failure::Rejected(Reason::QueueFull))));
        let cancelled = count(is_cancelled);
        if refused == 0 || refused + cancelled != CALLS || !bench.log().is_empty() {
            let ran = bench.log().len();
            broken!("of {CALLS} calls {refused} were refused, {cancelled} cancelled, {ran} ran");
        }
    });
}
