//! G8: the ladder of a cancel, and what becomes of functions that are given up. Invariant: a
//! function is inside when it has said so, and stays there until the test lets it go.

mod common;

use std::thread;
use std::time::Duration;

use common::{Count, Hold, Latch, Seen, TestLoop, keep, overrun, wait_until};
use offloop::{By, Context, Cores, Failure, Outcome, Reason, Threads, Ticket};

fn one_thread<T: 'static>() -> TestLoop<Seen<T>> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

fn is_cancel<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Caller)))
}

/// Starts a call that stays inside until the latch is open, and then says whether it was
/// cancelled.
fn inside(lp: &TestLoop<Seen<bool>>, latch: &Latch) -> Ticket {
    let before = latch.entered.get();
    let gate = latch.clone();
    let call = lp.off.call_with(move |cx| {
        gate.pass();
        cx.is_cancelled()
    });
    let ticket = call.then(keep);
    latch.entered.wait(before + 1);
    ticket
}

#[test]
fn a_queued_call_that_is_cancelled_never_runs() {
    let (lp, ran) = (one_thread::<()>(), Count::new());
    let hold = Hold::threads(&lp.off, 1);
    let counted = ran.clone();
    let ticket = lp.off.call(move || counted.add()).then(keep);
    assert!(!ticket.is_done());
    assert_eq!(lp.off.stats().threads.queued, 1);
    ticket.cancel();
    assert!(ticket.is_done(), "decided at once");
    assert_eq!(lp.off.stats().threads.queued, 0, "removed");
    assert!(is_cancel(&lp.outcome()), "delivered while the worker is still held");
    hold.open();
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
    assert_eq!(ran.get(), 0);
}

#[test]
fn a_cancel_is_delivered_in_a_later_turn() {
    let lp = TestLoop::<Seen<()>>::new();
    let mut seen = Vec::new();
    lp.off.call(|| ()).inline().then(keep).cancel();
    assert!(seen.is_empty());
    lp.woken_turn(&mut seen);
    assert!(is_cancel(&seen[0]));
}

#[test]
fn a_running_function_hears_of_its_cancel_and_keeps_its_worker() {
    let (lp, heard) = (one_thread::<bool>(), Count::new());
    let (latch, says) = (Latch::new(), heard.clone());
    let entered = Count::new();
    let (enter, gate) = (entered.clone(), latch.clone());
    let call = lp.off.call_with(move |cx| {
        enter.add();
        let cx = cx.clone();
        wait_until(move || cx.is_cancelled());
        says.add();
        gate.pass();
        true
    });
    let ticket = call.then(keep);
    entered.wait(1);
    ticket.cancel();
    assert!(is_cancel(&lp.outcome()), "while the function still runs");
    heard.wait(1);
    let next = lp.off.call(|| false).then(keep);
    let load = lp.off.stats().threads;
    assert_eq!((load.running, load.queued, load.abandoned), (1, 1, 0), "it keeps its worker");
    assert!(!next.is_done());
    latch.open();
    assert!(!lp.outcome().unwrap());
}

#[test]
fn a_result_that_was_completed_before_wins() {
    let lp = TestLoop::<Seen<u8>>::new();
    let ticket = lp.off.call(|| 8).then(keep);
    wait_until(|| ticket.is_done());
    ticket.cancel();
    assert_eq!(lp.outcome().unwrap(), 8);
    ticket.cancel();
    assert!(!lp.take_wake());
}

#[test]
fn a_guard_cancels_when_it_is_dropped() {
    let lp = one_thread::<()>();
    let _hold = Hold::threads(&lp.off, 1);
    let ticket = lp.off.call(|| ()).then(keep);
    let guard = ticket.guard();
    drop(ticket);
    assert_eq!(lp.off.stats().cancelled, 0);
    drop(guard);
    assert!(is_cancel(&lp.outcome()));
}

#[test]
fn any_thread_may_cancel() {
    let lp = one_thread::<()>();
    let _hold = Hold::threads(&lp.off, 1);
    let ticket = lp.off.call(|| ()).then(keep);
    thread::spawn(move || ticket.cancel());
    assert!(is_cancel(&lp.outcome()));
}

#[test]
fn a_late_result_of_a_cancelled_call_reaches_nobody() {
    let (lp, latch) = (one_thread::<bool>(), Latch::new());
    let ticket = inside(&lp, &latch);
    ticket.cancel();
    assert!(is_cancel(&lp.outcome()));
    latch.open();
    lp.off.call(|| true).then(keep);
    assert!(lp.outcome().unwrap(), "the next outcome is the next call's");
    assert_eq!(lp.off.stats().delivered, 2);
}

/// Has a call time out while its function is held.
fn abandon(lp: &TestLoop<Seen<u8>>, latch: &Latch, cores: bool) {
    overrun(lp, cores, || {
        let gate = latch.clone();
        move |_: &Context| {
            gate.pass();
            0
        }
    });
}

#[test]
fn an_abandoned_function_is_counted_and_its_worker_replaced() {
    let lp = TestLoop::<Seen<u8>>::with(|builder| {
        builder.threads(Threads::new().max(1)).cores(Cores::new().workers(1))
    });
    let latch = Latch::new();
    for cores in [false, true] {
        let load = || if cores { lp.off.stats().cores } else { lp.off.stats().threads };
        abandon(&lp, &latch, cores);
        wait_until(|| load().abandoned == 1);
        let call = lp.off.call(|| 7);
        if cores { call.cores() } else { call }.then(keep);
        assert_eq!(lp.outcome().unwrap(), 7, "another worker took its place");
        assert_eq!((load().running, load().threads), (1, 2));
    }
    latch.open();
    wait_until(|| {
        let stats = lp.off.stats();
        let none = |load: offloop::ExecutorStats| load.abandoned == 0 && load.running == 0;
        none(stats.threads) && none(stats.cores)
    });
    wait_until(|| lp.off.stats().threads.threads <= 1 && lp.off.stats().cores.threads <= 1);
    assert_eq!(lp.off.stats().finished, 2, "no late result counts");
}

#[test]
fn abandoned_functions_are_capped_and_the_cap_lifts_when_they_return() {
    let threads = Threads::new().max(1).abandoned(2);
    let lp = TestLoop::<Seen<u8>>::with(|builder| builder.threads(threads));
    let latch = Latch::new();
    abandon(&lp, &latch, false);
    abandon(&lp, &latch, false);
    wait_until(|| lp.off.stats().threads.abandoned == 2);
    lp.off.call(|| 1).then(keep);
    let refused = lp.outcome();
    assert!(matches!(refused, Err(Failure::Rejected(Reason::Abandoned))));
    let refused = lp.off.call(|| 1).try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::Abandoned)));
    latch.open();
    wait_until(|| lp.off.stats().threads.abandoned == 0);
    lp.off.call(|| 2).then(keep);
    assert_eq!(lp.outcome().unwrap(), 2);
}

/// One is given up and replaced, its replacement is given up too, and then there is no place for
/// a third.
#[test]
fn calls_that_wait_behind_too_many_abandoned_ones_are_refused() {
    let threads = Threads::new().max(1).abandoned(1);
    for attempt in 0..10 {
        let threads = threads.clone();
        let lp = TestLoop::<Seen<u8>>::with(|builder| builder.threads(threads));
        let latch = Latch::new();
        for time in [Duration::from_millis(50), Duration::from_millis(200 << attempt)] {
            lp.off.call(latch.holding(0)).deadline(time).then(keep);
        }
        // Without a deadline: a worker takes it or refuses it.
        lp.off.call(|| 1).then(keep);
        let outcomes = lp.outcomes(3);
        latch.open();
        if latch.entered.get() == 2 {
            let last = &outcomes[2];
            assert!(matches!(last, Err(Failure::Rejected(Reason::Abandoned))), "{last:?}");
            return;
        }
    }
    panic!("no two calls got to their functions within their time");
}
