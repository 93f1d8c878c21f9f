//! What a call in a process comes to.

use std::time::Duration;

use offloop::{Exit, Failure};

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{abort, burst, double, exit, looped, process_id, processes, spin};

#[test]
fn a_value_comes_back_from_another_process() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(double, 21).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(42)));
    lp.off.call_fn(process_id, ()).process().then(keep);
    assert_ne!(lp.outcome().unwrap(), std::process::id());
}

#[test]
fn a_panic_is_an_outcome_with_its_text_and_the_worker_lives_on() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn(process_id, ()).process().then(keep);
    let worker = lp.outcome().unwrap();
    lp.off.call_fn(burst, "a text".to_owned()).process().then(keep);
    match lp.outcome() {
        Err(Failure::Panicked(panic)) => {
            assert_eq!((panic.message(), panic.name()), ("a text", Some("burst")));
            assert_eq!(panic.place().file(), file!());
        }
        other => panic!("{other:?}"),
    }
    lp.off.call_fn(process_id, ()).process().then(keep);
    assert_eq!(lp.outcome().unwrap(), worker);
}

#[test]
fn a_worker_that_dies_costs_the_call_that_it_ran() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(abort, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))));
    lp.off.call_fn(exit, 3).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Code(3)))));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
}

#[test]
fn a_deadline_stops_a_function_that_never_returns() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(spin, ()).process().deadline(Duration::from_millis(50)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
}

#[test]
fn the_same_line_runs_under_every_executor() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(double, 4).inline().then(keep);
    lp.off.call_fn(double, 4).threads().then(keep);
    lp.off.call_fn(double, 4).cores().then(keep);
    lp.off.call_fn(double, 4).process().then(keep);
    assert!(lp.outcomes(4).iter().all(|outcome| matches!(outcome, Ok(8))));
    let long = lp.off.shutdown(Duration::from_secs(5));
    assert_eq!((long.never_started, long.abandoned.len()), (0, 0));
}

/// A loop that does not come round keeps nobody from working, and loses nothing.
#[test]
fn an_outcome_that_nobody_takes_holds_no_worker() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let tickets = [0, 1, 2, 3, 4].map(|n| lp.off.call_fn(double, n).process().then(keep));
    wait_for("all are done, without a turn", || tickets.iter().all(offloop::Ticket::is_done));
    let values: Vec<u32> = lp.outcomes(5).into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [0, 2, 4, 6, 8]);
}

/// A message has room for so much of it.
#[test]
fn a_panic_with_a_very_long_text_is_one_with_a_long_text() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn(burst, "long ".repeat(50_000)).process().then(keep);
    match lp.outcome() {
        Err(Failure::Panicked(panic)) => assert!(panic.message().starts_with("long long ")),
        other => panic!("{other:?}"),
    }
    assert_eq!(lp.off.stats().workers.signalled, 0);
}
