//! `in_order`: handlers run in the order of the submits. Invariant: what a test calls early is done
//! before what it waits for, so that order is the policy's work and not chance.

use std::cell::RefCell;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use offloop::{By, Failure, Reason, Threads};

use crate::common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, wait_until};

crate::rows::rows!(InOrder);

#[test]
fn handlers_keep_the_order_of_submits_while_functions_run_in_parallel() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).in_order("key").then(keep);
    let second = lp.off.call(|| 2).in_order("key").cores().then(keep);
    // Only a function that runs beside the first one can let it go.
    let third = lp.off.call(move || {
        latch.open();
        3
    });
    let third = third.in_order("key").then(keep);
    wait_until(|| second.is_done() && third.is_done());
    let values: Vec<u32> = lp.outcomes(3).into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [1, 2, 3]);
}

#[test]
fn every_failure_keeps_its_place() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(2).queue(2)));
    let hold = Hold::threads(&lp.off, 1);
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).in_order("key").then(keep);
    latch.entered.wait(1);
    let late = lp.off.call(|| 2).in_order("key").deadline(Duration::from_millis(1)).then(keep);
    wait_until(|| late.is_done());
    let cancelled = lp.off.call(|| 3).in_order("key").then(keep);
    cancelled.cancel();
    let panics = lp.off.call(|| explode("in its place")).in_order("key").cores().then(keep);
    for _ in 0..4 {
        // The first ones fill the queue.
        lp.off.call(|| 5).in_order("key").then(keep);
    }
    wait_until(|| panics.is_done());
    assert_eq!(lp.turn(&mut Vec::new()).count, 0, "the first one holds all others up");
    latch.open();
    hold.open();
    let seen = lp.outcomes(8);
    assert!(matches!(seen[0], Ok(1)), "{seen:?}");
    assert!(matches!(seen[1], Err(Failure::TimedOut)), "{seen:?}");
    assert!(matches!(seen[2], Err(Failure::Cancelled(By::Caller))), "{seen:?}");
    assert!(matches!(seen[3], Err(Failure::Panicked(_))), "{seen:?}");
    assert!(matches!(seen[7], Err(Failure::Rejected(Reason::QueueFull))), "{seen:?}");
}

#[test]
fn an_awaited_call_completes_in_its_place() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    let first = lp.off.handle().call(latch.holding(())).in_order("key").then(|_, _| ());
    let handle = lp.off.handle();
    let second = thread::spawn(move || {
        crate::common::block_on::block_on(handle.call(|| 2).in_order("key")).unwrap()
    });
    wait_until(|| lp.off.stats().cores.running + lp.off.stats().threads.running >= 1);
    thread::sleep(Duration::from_millis(20));
    assert!(!second.is_finished(), "the first one is not done");
    latch.open();
    assert_eq!(second.join().unwrap(), 2);
    assert!(first.is_done());
}

#[test]
fn an_inline_call_runs_when_its_place_has_come() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    let ran = Count::new();
    lp.off.call(latch.holding(1)).in_order("key").then(keep);
    let count = ran.clone();
    lp.off
        .call(move || {
            count.add();
            2
        })
        .inline()
        .in_order("key")
        .then(keep);
    lp.off.call(|| 3).in_order("key").then(keep);
    lp.turn(&mut Vec::new());
    assert_eq!(ran.get(), 0, "it waits behind the first one");
    latch.open();
    let values: Vec<u32> = lp.outcomes(3).into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [1, 2, 3]);
}

#[test]
fn a_key_holds_up_no_other() {
    let lp = TestLoop::<Seen<u32>>::new();
    let hold = Latch::new();
    lp.off.call(hold.holding(1)).in_order("slow").then(keep);
    lp.off.call(|| 2).in_order("quick").then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
    hold.open();
    assert!(matches!(lp.outcome(), Ok(1)));
}

#[test]
fn the_calls_of_each_thread_keep_their_order() {
    const THREADS: u32 = 4;
    const CALLS: u32 = 300;
    let lp = TestLoop::<Vec<(u32, u32)>>::new();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let handle = lp.off.handle();
            scope.spawn(move || {
                for number in 0..CALLS {
                    let call = handle.call(move || (thread, number)).in_order("key");
                    let call = if number % 3 == 0 { call.cores() } else { call };
                    let call = if number % 7 == 0 { call.inline() } else { call };
                    call.then(|seen: &mut Vec<_>, outcome| seen.push(outcome.unwrap()));
                }
            });
        }
    });
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() == (THREADS * CALLS) as usize);
    for thread in 0..THREADS {
        let numbers = seen.iter().filter(|call| call.0 == thread).map(|call| call.1);
        assert!(numbers.eq(0..CALLS), "the order of thread {thread} is lost");
    }
}

#[test]
fn a_call_submitted_in_a_handler_waits_for_the_next_turn() {
    let lp = TestLoop::<Seen<u32>>::new();
    let off = Rc::new(RefCell::new(Some(lp.off.clone())));
    let again = off.clone();
    lp.off.call(|| 1).in_order("key").then(move |seen: &mut Seen<u32>, outcome| {
        seen.push(outcome);
        let off = again.borrow_mut().take().expect("it runs once");
        let next = off.call(|| 2).inline().in_order("key").then(keep);
        off.call(|| 3).in_order("key").then(keep);
        assert!(!next.is_done());
    });
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| !seen.is_empty());
    assert_eq!(seen.len(), 1);
    lp.run_until(&mut seen, |seen| seen.len() == 3);
    assert!(matches!(seen[1..], [Ok(2), Ok(3)]), "{seen:?}");
    drop(off);
}

#[test]
fn an_awaited_call_that_is_refused_waits_its_place() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1).queue(1)));
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).in_order("key").then(keep);
    let mut refused = lp.off.call(|| 2).in_order("key").into_future();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut refused).poll(&mut cx).is_pending(), "the first one is not decided");
    hold.open();
    assert!(lp.outcome().is_ok());
    let outcome = Pin::new(&mut refused).poll(&mut cx);
    assert!(matches!(outcome, Poll::Ready(Err(Failure::Rejected(Reason::QueueFull)))));
}
