//! The promises about policies of named calls. Invariant: what a policy promises does not depend on
//! where the function runs.

use offloop::{By, Failure};

use super::bench::promise;
use super::functions::{append, append_slowly, burst, count_up, stay};
use super::rig::{CallFnState, CallFnSuite, keep, placed};
use super::running::most_at_once;
use crate::promise::broken;

/// G9: never two at once, and in submit order.
pub fn serial_calls_run_one_at_a_time(suite: &CallFnSuite) {
    let promise = promise(
        "serial_calls_run_one_at_a_time",
        "G9",
        "calls with one serial key run one at a time, in submit order",
    );
    promise.on_calls(suite, |bench| {
        for value in 0..20 {
            let call = bench.off.call_fn(append_slowly, (bench.log_name(), value));
            placed!(bench.suite, call).serial("log").then(keep);
        }
        bench.run_until_handled(20);
        let log = bench.log();
        let begun = log.iter().filter_map(|line| line.strip_prefix('+')?.parse::<u32>().ok());
        let most = most_at_once(&log);
        if most != 1 || !begun.eq(0..20) {
            broken!("{most} of them ran at once, in this order: {log:?}");
        }
    });
}

/// G9: handlers run in submit order, failures in their place.
pub fn in_order_handlers_keep_the_order_of_submits(suite: &CallFnSuite) {
    let promise = promise(
        "in_order_handlers_keep_the_order_of_submits",
        "G9",
        "handlers with one key run in the order of their submits, failures in their place",
    );
    promise.on_calls(suite, |bench| {
        for value in 0..20u32 {
            let handler = move |state: &mut CallFnState, outcome: Result<u32, Failure>| {
                // A failure is known by its place.
                keep(state, Ok(outcome.unwrap_or(value)));
            };
            if value % 4 == 0 {
                let text = String::new();
                let call = bench.off.call_fn(burst, text);
                placed!(bench.suite, call).in_order("key").then(handler);
            } else if value % 2 == 0 {
                let call = bench.off.call_fn(append_slowly, (bench.log_name(), value));
                placed!(bench.suite, call).in_order("key").then(handler);
            } else {
                let call = bench.off.call_fn(append, (bench.log_name(), value));
                placed!(bench.suite, call).in_order("key").then(handler);
            }
        }
        bench.run_until_handled(20);
        if !bench.values().into_iter().eq(0..20) {
            broken!("the handlers ran in the order {:?}", bench.values());
        }
    });
}

/// One run serves all who asked meanwhile.
pub fn a_shared_call_runs_once(suite: &CallFnSuite) {
    let promise = promise(
        "a_shared_call_runs_once",
        "G1",
        "identical calls in flight that share a key have one run and its value each",
    );
    promise.on_calls(suite, |bench| {
        let held = bench.hold(0, bench.workers()).len();
        for _ in 0..10 {
            let call = bench.off.call_fn(append, (bench.log_name(), 7));
            placed!(bench.suite, call).share("key").then(keep);
        }
        bench.let_all_go();
        bench.run_until_handled(held + 10);
        let sevens = bench.values().iter().filter(|value| **value == 7).count();
        if bench.logged() != [7] || sevens != 10 {
            broken!(
                "{} functions ran for 10 callers, {sevens} of which have the value",
                bench.log().len()
            );
        }
    });
}

/// A newer call supersedes one that runs.
pub fn a_newer_call_supersedes_an_older_one(suite: &CallFnSuite) {
    let promise = promise(
        "a_newer_call_supersedes_an_older_one",
        "G1",
        "of calls with one latest key none but the newest comes to a value",
    );
    promise.on_calls(suite, |bench| {
        const CALLS: u32 = 30;
        for value in 0..CALLS {
            let call = bench.off.call_fn(append, (bench.log_name(), value));
            placed!(bench.suite, call).latest("key").then(keep);
        }
        bench.run_until_handled(CALLS as usize);
        let is_stale = |outcome: &&_| {
            !matches!(outcome, Ok(value) if *value == CALLS - 1)
                && !matches!(outcome, Err(Failure::Cancelled(By::Superseded)))
        };
        if let Some(other) = bench.state.outcomes.iter().find(is_stale) {
            broken!("an older call came to {other:?}");
        }
        if !bench.state.outcomes.iter().any(Result::is_ok) {
            broken!("the newest call has no value");
        }
    });
}

/// A function that runs under `latest` ends when a newer call comes; only where the suite says
/// `abandoned: stopped`.
pub fn a_superseded_function_is_stopped(suite: &CallFnSuite) {
    let promise = promise(
        "a_superseded_function_is_stopped",
        "G8",
        "a function that looks at nothing is ended by a newer call with its latest key",
    );
    promise.on_calls(suite, |bench| {
        let call = bench.off.call_fn(stay, (bench.port(), 0));
        placed!(bench.suite, call).latest("key").then(keep);
        bench.await_visitor(0);
        let call = bench.off.call_fn(append, (bench.log_name(), 1));
        placed!(bench.suite, call).latest("key").then(keep);
        bench.run_until_handled(2);
        bench.await_end(0, "a superseded function");
        if bench.logged() != [1] {
            broken!("the newer function did not run");
        }
    });
}

/// A scope that ends takes its calls along.
pub fn a_scope_ends_its_calls(suite: &CallFnSuite) {
    let promise = promise(
        "a_scope_ends_its_calls",
        "G1, G8",
        "when a scope is dropped its calls that wait never run, and no handler of it does",
    );
    promise.on_calls(suite, |bench| {
        let held = bench.hold(0, bench.workers()).len();
        let scope = bench.off.scope();
        for value in 0..10 {
            let call = bench.off.call_fn(append, (bench.log_name(), value));
            placed!(bench.suite, call).within(&scope).then(keep);
        }
        drop(scope);
        bench.let_all_go();
        bench.run_until_handled(held);
        bench.append(100);
        bench.run_until_handled(held + 1);
        if bench.logged() != [100] {
            broken!("{} functions of a closed scope ran", bench.log().len() - 1);
        }
    });
}

/// Progress comes, all of it, in order and before the outcome.
pub fn every_value_of_progress_comes_in_order(suite: &CallFnSuite) {
    let promise = promise(
        "every_value_of_progress_comes_in_order",
        "G1",
        "on_each_progress hears every value in order, before the outcome",
    );
    promise.on_calls(suite, |bench| {
        // On the loop itself nobody makes room while the function runs.
        const VALUES: u32 = 50;
        let call = placed!(bench.suite, bench.off.call_fn_with(count_up, VALUES));
        let each = |state: &mut CallFnState, value: u32| state.progress.push(value);
        call.on_each_progress(each).then(|state, outcome| {
            let heard = state.progress.len() as u32;
            keep(state, outcome.map(|_| heard));
        });
        bench.run_until_handled(1);
        let heard = &bench.state.progress;
        if !heard.iter().copied().eq(1..=VALUES) || bench.values() != [VALUES] {
            broken!("of {VALUES} values these came: {heard:?}");
        }
    });
}
