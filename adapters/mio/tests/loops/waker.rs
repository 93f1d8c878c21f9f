//! What only the waker has: its life, and its sharing.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Waker};
use offloop::{LoopWaker, Offloop};
use offloop_mio::MioWaker;

use crate::harness::{HANG, Line, OFFLOOP, Way};

/// Another thread drops its waker, the last but the loop's own, right after its wake, and the
/// loop looks only then.
#[test]
fn the_last_waker_dropped_right_after_a_wake() {
    let mut poll = Poll::new().expect("a poll");
    let mut events = Events::with_capacity(4);
    let kept = MioWaker::new(poll.registry(), OFFLOOP).expect("a waker");
    for _ in 0..100 {
        let sent = kept.clone();
        thread::spawn(move || sent.wake()).join().expect("woken");
        poll.poll(&mut events, Some(HANG)).expect("polled");
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [OFFLOOP]);
    }
}

/// The same where the offloop has the only waker, and everything else that could hold one (a
/// handle, the worker that completed the call) is gone before the loop looks.
#[test]
fn the_offloop_keeps_its_waker_for_the_loop() {
    let mut line = Line::new(Way::Waker, |builder| builder);
    let handle = line.off.handle();
    let submitter =
        thread::spawn(move || handle.call(|| 5).then(|app, outcome| app.values.extend(outcome)));
    let ticket = submitter.join().expect("submitted");
    let hang = Instant::now() + HANG;
    while !ticket.is_done() {
        assert!(Instant::now() < hang, "the call does not complete");
        thread::sleep(Duration::from_millis(1));
    }
    drop(ticket);
    assert!(line.off.shutdown(HANG).abandoned.is_empty());
    line.run_until(|app| app.values == [5]);
}

#[test]
fn a_loop_shares_the_waker_that_it_has() {
    let mut poll = Poll::new().expect("a poll");
    let own = Arc::new(Waker::new(poll.registry(), OFFLOOP).expect("a waker"));
    let waker = MioWaker::from(own.clone());
    let off = Offloop::<bool>::builder().waker(waker).build().expect("an offloop");

    own.wake().expect("woken");
    let mut done = false;
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, Some(HANG)).expect("polled");
    assert_eq!(off.deliver(&mut done).count, 0, "the loop's own wake brings no call");

    off.call(|| true).then(|done, outcome| *done = outcome.unwrap_or(false));
    while !done {
        poll.poll(&mut events, Some(HANG)).expect("polled");
        assert!(!events.is_empty(), "nothing woke the loop");
        off.deliver(&mut done);
    }
}

/// The wakes of calls that end after their loop are no one's, and harm no one.
#[test]
fn a_wake_after_the_loop_is_gone_does_nothing() {
    let poll = Poll::new().expect("a poll");
    let waker = MioWaker::new(poll.registry(), OFFLOOP).expect("a waker");
    let off = Offloop::<()>::builder().waker(waker.clone()).build().expect("an offloop");
    drop(poll);
    off.call(|| thread::sleep(Duration::from_millis(1))).then(|(), _| {});
    let report = off.shutdown(HANG);
    assert!(report.abandoned.is_empty());
    assert_eq!(off.deliver(&mut ()).count, 1);
    assert_eq!(off.stats().waker_panics, 0);
    waker.wake();
}
