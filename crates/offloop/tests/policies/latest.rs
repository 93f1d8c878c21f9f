//! `latest`: the newest call of a key supersedes the others. Invariant: of all calls of one key at
//! most one comes to `Ok` after the last submit.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offloop::{By, Cores, Failure, Reason, Threads};

use crate::common::block_on::block_on;
use crate::common::probes::Drops;
use crate::common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, overrun_by, wait_until};

crate::rows::rows!(Latest);

fn superseded<T>(outcome: &offloop::Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Superseded)))
}

/// Outcomes come in the order in which its thread ran the functions.
fn one_thread() -> TestLoop<Seen<u32>> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

#[test]
fn a_storm_leaves_one_value_few_runs_and_no_abandoned_thread() {
    const CALLS: usize = 10_000;
    let lp = TestLoop::<Seen<usize>>::new();
    let (latch, runs) = (Latch::new(), Count::new());
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handle = lp.off.handle();
    for number in 0..CALLS {
        let (gate, runs) = (latch.clone(), runs.clone());
        let (inside, most) = (inside.clone(), most.clone());
        let function = move || {
            runs.add();
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            gate.pass();
            inside.fetch_sub(1, Ordering::SeqCst);
            number
        };
        if number % 2 == 0 {
            lp.off.call(function).latest("key").then(keep);
        } else {
            handle.call(function).latest("key").then(keep);
        }
    }
    latch.open();
    let seen = lp.outcomes(CALLS);
    let (values, others): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    assert!(matches!(values[..], [Ok(number)] if number == CALLS - 1), "{values:?}");
    assert!(others.iter().all(superseded));
    assert!(runs.get() <= 3, "{} functions ran", runs.get());
    assert!(most.load(Ordering::SeqCst) <= 2, "two at once at the most");
    assert_eq!(lp.off.stats().threads.abandoned, 0);
    wait_until(|| lp.off.stats().threads.queued == 0 && lp.off.stats().threads.running == 0);
}

#[test]
fn a_value_that_waits_to_be_delivered_is_superseded_too() {
    let lp = one_thread();
    let older = lp.off.call(|| 1).latest("key").then(keep);
    wait_until(|| older.is_done());
    lp.off.call(|| 2).latest("key").then(keep);
    let seen = lp.outcomes(2);
    assert!(superseded(&seen[0]) && matches!(seen[1], Ok(2)), "{seen:?}");
}

#[test]
fn a_superseded_value_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<u32>::new(), Drops::new());
    let probe = drops.probe();
    let older = lp.off.call(move || probe).latest("key").then(|heard: &mut u32, outcome| {
        assert!(superseded(&outcome));
        *heard += 1;
    });
    wait_until(|| older.is_done());
    lp.off.call(|| ()).latest("key").then(|heard: &mut u32, _| *heard += 1);
    lp.run_until(&mut 0, |heard| *heard == 2);
    drops.were_elsewhere(1);
}

#[test]
fn a_failure_that_came_before_stays_what_it_is() {
    let lp = one_thread();
    let older = lp.off.call(|| explode("before")).latest("key").then(keep);
    wait_until(|| older.is_done());
    lp.off.call(|| 2).latest("key").then(keep);
    let seen = lp.outcomes(2);
    assert!(matches!(seen[..], [Err(Failure::Panicked(_)), Ok(2)]), "{seen:?}");
}

#[test]
fn a_running_function_is_told_that_a_newer_call_came() {
    let lp = TestLoop::<Seen<bool>>::new();
    let entered = Count::new();
    let enter = entered.clone();
    lp.off
        .call_with(move |cx| {
            enter.add();
            wait_until(|| cx.is_cancelled());
            true
        })
        .latest("key")
        .then(keep);
    entered.wait(1);
    lp.off.call(|| false).latest("key").then(keep);
    let seen = lp.outcomes(2);
    assert!(superseded(&seen[0]) && matches!(seen[1], Ok(false)), "{seen:?}");
    wait_until(|| lp.off.stats().threads.running == 0);
}

#[test]
fn the_newest_does_not_wait_for_a_superseded_function() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).latest("key").then(keep);
    latch.entered.wait(1);
    lp.off.call(|| 2).latest("key").then(keep);
    let seen = lp.outcomes(2);
    assert!(superseded(&seen[0]) && matches!(seen[1], Ok(2)), "{seen:?}");
    latch.open();
}

#[test]
fn an_awaited_value_that_completed_before_stays() {
    let lp = TestLoop::<Seen<u32>>::new();
    assert!(matches!(block_on(lp.off.call(|| 1).latest("key")), Ok(1)));
    assert!(matches!(block_on(lp.off.call(|| 2).latest("key")), Ok(2)));
    let older = lp.off.call(|| 3).latest("key").then(keep);
    wait_until(|| older.is_done());
    assert!(matches!(block_on(lp.off.call(|| 4).latest("key")), Ok(4)));
    assert!(superseded(&lp.outcome()), "an awaited call supersedes as well");
}

#[test]
fn functions_past_their_deadline_hold_no_newer_one_up() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    for _ in 0..4 {
        overrun_by(|entry, time| {
            let held = latch.holding(0);
            let stuck = lp.off.call(move || {
                entry.enter();
                held()
            });
            stuck.latest("key").deadline(time).then(keep);
            assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
        });
    }
    lp.off.call(|| 5).latest("key").then(keep);
    assert!(matches!(lp.outcome(), Ok(5)));
    latch.open();
}

#[test]
fn a_call_that_was_refused_is_the_newest_all_the_same() {
    for progress in [false, true] {
        let lp = TestLoop::<Seen<u32>>::with(|builder| {
            builder.threads(Threads::new().max(1).queue(1)).cores(Cores::new().workers(1))
        });
        let hold = Hold::threads(&lp.off, 1);
        let older = lp.off.call(|| 1).cores().latest("key").then(keep);
        let behind = Latch::new();
        lp.off.call(behind.holding(())).cores().detach();
        // Its outcome is where a turn finds it, and that of the refused call comes later.
        behind.entered.wait(1);
        assert!(older.is_done());
        behind.open();
        lp.off.call(|| ()).detach();
        let call = lp.off.call(|| 2).latest("key");
        if progress {
            call.on_progress(|_, _: u32| ()).then(keep);
        } else {
            call.then(keep);
        }
        let seen = lp.outcomes(2);
        assert!(superseded(&seen[0]), "{seen:?}");
        assert!(matches!(seen[1], Err(Failure::Rejected(Reason::QueueFull))), "{seen:?}");
        drop(hold);
    }
}

#[test]
fn a_call_that_was_given_back_supersedes_nothing() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1).queue(1)));
    let hold = Hold::threads(&lp.off, 1);
    let older = lp.off.call(|| 1).cores().latest("key").then(keep);
    wait_until(|| older.is_done());
    lp.off.call(|| ()).detach();
    let refused = lp.off.call(|| 2).latest("key").try_then(keep).expect_err("the queue is full");
    assert!(matches!(lp.outcome(), Ok(1)));
    hold.open();
    wait_until(|| lp.off.stats().threads.queued == 0);
    refused.call.then(refused.handler);
    assert!(matches!(lp.outcome(), Ok(2)), "it can be submitted again, whole");
}

#[test]
fn a_deadline_that_is_over_at_once_drops_the_job_off_the_loop_thread() {
    for _ in 0..50 {
        let (lp, drops) = (TestLoop::<Seen<()>>::new(), Drops::new());
        for _ in 0..20 {
            let probe = drops.probe();
            let call = lp.off.call(move || probe.touch());
            call.latest("key").deadline(Duration::ZERO).then(keep);
        }
        assert!(lp.outcomes(20).iter().all(Result::is_err));
        drops.were_elsewhere(20);
    }
}

#[test]
fn an_inline_call_supersedes_and_is_superseded() {
    let lp = TestLoop::<Seen<u32>>::new();
    for number in 0..5 {
        lp.off.call(move || number).inline().latest("key").then(keep);
    }
    lp.off.call(|| 5).latest("key").then(keep);
    let seen = lp.outcomes(6);
    assert!(seen[..5].iter().all(superseded) && matches!(seen[5], Ok(5)), "{seen:?}");
}
