//! What every executor owes, held by the one whose functions run in other processes. Invariant: what
//! `offloop-testkit`'s suite asks of functions that share memory is asked here of ones that share
//! files.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use offloop::{Failure, Outcome, Priority, Reason};

use crate::common::block_on::block_on;
use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Mark, append, begin_and_spin, begin_and_wait, double, looped, process_id, processes, sleep,
};

fn is_shutdown<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Shutdown))
}

/// A call that holds a worker until the file `open` is there.
fn hold(lp: &TestLoop<Seen<u32>>, open: &Mark) {
    let begun = Mark::new();
    lp.off.call_fn(begin_and_wait, (begun.name(), open.name())).process().then(keep);
    begun.wait();
}

#[test]
fn each_call_runs_once() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(3));
    let log = Mark::new();
    for n in 0..300 {
        lp.off.call_fn(append, (log.name(), n)).process().then(keep);
    }
    assert!(lp.outcomes(300).iter().all(Result::is_ok));
    let text = std::fs::read_to_string(log.name()).unwrap();
    let mut ran: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    ran.sort_unstable();
    assert!(ran.iter().copied().eq(0..300));
}

#[test]
fn calls_begin_in_submit_order_and_the_urgent_go_first() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let (open, log) = (Mark::new(), Mark::new());
    hold(&lp, &open);
    for n in 0..3 {
        let low = lp.off.call_fn(append, (log.name(), 20 + n)).process();
        low.priority(Priority::Low).then(keep);
        lp.off.call_fn(append, (log.name(), 10 + n)).process().then(keep);
        let high = lp.off.call_fn(append, (log.name(), n)).process();
        high.priority(Priority::High).then(keep);
    }
    std::fs::write(open.name(), "").unwrap();
    lp.outcomes(10);
    let text = std::fs::read_to_string(log.name()).unwrap();
    let ran: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
    // Not all of them: nothing starves.
    assert_eq!(ran[..2], [0, 1], "{ran:?}");
    let of = |tens: u32| ran.iter().copied().filter(move |n| n / 10 == tens);
    assert!(of(0).eq(0..3) && of(1).eq(10..13) && of(2).eq(20..23), "{ran:?}");
}

#[test]
fn as_many_calls_as_workers_run_at_once_and_no_more() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(3));
    let open = Mark::new();
    for _ in 0..3 {
        hold(&lp, &open);
    }
    let fourth = Mark::new();
    lp.off.call_fn(begin_and_wait, (fourth.name(), open.name())).process().then(keep);
    let stats = lp.off.stats().processes;
    assert_eq!((stats.running, stats.queued), (3, 1));
    assert!(std::fs::metadata(fourth.name()).is_err());
    std::fs::write(open.name(), "").unwrap();
    assert!(lp.outcomes(4).iter().all(Result::is_ok));
}

#[test]
fn a_full_queue_refuses_as_a_value() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).queue(2));
    let open = Mark::new();
    hold(&lp, &open);
    for n in 0..2 {
        lp.off.call_fn(double, n).process().then(keep);
    }
    lp.off.call_fn(double, 9).process().then(keep);
    let full = lp.outcome();
    assert!(matches!(full, Err(Failure::Rejected(Reason::QueueFull))), "{full:?}");
    let refused = lp.off.call_fn(double, 9).process().try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
    std::fs::write(open.name(), "").unwrap();
    assert!(lp.outcomes(3).iter().all(Result::is_ok));
}

#[test]
fn an_awaited_call_needs_no_turn() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let outcome = block_on(lp.off.call_fn(double, 4).process().into_future());
    assert!(matches!(outcome, Ok(8)));
    let handle = lp.off.handle();
    let elsewhere =
        std::thread::spawn(move || block_on(handle.call_fn(double, 5).process().into_future()));
    assert!(matches!(elsewhere.join().unwrap(), Ok(10)));
}

#[test]
fn a_handle_submits_from_other_threads() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    let threads = [(); 4].map(|()| {
        let handle = lp.off.handle();
        std::thread::spawn(move || {
            for n in 0..20 {
                handle.call_fn(double, n).process().then(keep);
            }
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(lp.outcomes(80).iter().all(Result::is_ok));
}

#[test]
fn close_turns_queued_calls_into_shutdown_and_lets_running_ones_finish() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let open = Mark::new();
    hold(&lp, &open);
    lp.off.call_fn(double, 1).process().then(keep);
    lp.off.close();
    lp.off.call_fn(double, 1).process().then(keep);
    std::fs::write(open.name(), "").unwrap();
    let outcomes = lp.outcomes(3);
    assert_eq!(outcomes.iter().filter(|outcome| is_shutdown(outcome)).count(), 2);
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Ok(0))));
    assert!(lp.off.is_closed());
}

/// One run serves all; the last one that leaves has it killed.
#[test]
fn a_shared_call_runs_once_and_is_killed_when_nobody_waits() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    for _ in 0..5 {
        lp.off.call_fn(process_id, ()).process().share("who").then(keep);
    }
    let ids: BTreeSet<u32> = lp.outcomes(5).into_iter().map(Result::unwrap).collect();
    assert_eq!(ids.len(), 1, "one process answered all of them");
    let mark = Mark::new();
    let share = || lp.off.call_fn(begin_and_spin, mark.name()).process().share("spin").then(keep);
    let tickets = [share(), share()];
    mark.wait();
    tickets[0].cancel();
    assert!(lp.outcome().is_err());
    assert_eq!(lp.off.stats().workers.killed, 0, "somebody waits");
    tickets[1].cancel();
    assert!(lp.outcome().is_err());
    wait_for("it is killed", || lp.off.stats().workers.killed == 1);
}

#[test]
fn serial_calls_never_overlap_and_in_order_handlers_keep_their_order() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(3));
    let log = Mark::new();
    for n in 0..10 {
        lp.off.call_fn(append, (log.name(), n)).process().serial("log").then(keep);
    }
    lp.outcomes(10);
    let text = std::fs::read_to_string(log.name()).unwrap();
    assert!(text.lines().map(|line| line.parse::<u32>().unwrap()).eq(0..10), "{text}");
    for n in 0..6u32 {
        let ms = if n % 2 == 0 { 20 } else { 0 };
        let call = lp.off.call_fn(sleep, ms).process().in_order("key");
        call.then(move |seen: &mut Seen<u32>, outcome| keep(seen, outcome.map(|_| n)));
    }
    let order: Vec<u32> = lp.outcomes(6).into_iter().map(Result::unwrap).collect();
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
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
