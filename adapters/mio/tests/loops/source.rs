//! What only the event source has: its registration, and what it refuses.

use std::io::ErrorKind;
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};
use offloop::Offloop;
use offloop_mio::OffloopSource;

use crate::harness::{HANG, Line, OFFLOOP, Way};

#[test]
fn an_offloop_without_a_descriptor_is_refused_in_a_sentence() {
    let poll = Poll::new().expect("a poll");
    let off = Offloop::<()>::builder().no_waker().build().expect("an offloop");
    let mut source = OffloopSource(&off);
    let registry = poll.registry();
    for refused in [
        registry.register(&mut source, OFFLOOP, Interest::READABLE),
        registry.reregister(&mut source, OFFLOOP, Interest::READABLE),
        registry.deregister(&mut source),
    ] {
        let error = refused.expect_err("there is nothing to watch");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("build it with fd_waker()"), "{error}");
    }
}

#[test]
fn an_interest_in_writing_alone_is_refused() {
    let poll = Poll::new().expect("a poll");
    let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
    let refused = poll.registry().register(&mut OffloopSource(&off), OFFLOOP, Interest::WRITABLE);
    let error = refused.expect_err("it never becomes writable");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("Interest::READABLE"), "{error}");
}

#[test]
fn an_interest_in_both_does_not_fire_at_rest() {
    let mut poll = Poll::new().expect("a poll");
    let off = Offloop::<()>::builder().fd_waker().build().expect("an offloop");
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut OffloopSource(&off), OFFLOOP, both).expect("registered");
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, Some(Duration::ZERO)).expect("polled");
    assert!(events.is_empty());
}

#[test]
fn a_source_can_change_its_token_leave_and_come_back() {
    let mut line = Line::new(Way::Descriptor, |builder| builder);
    let mut events = Events::with_capacity(4);
    let other = Token(9);
    let reading = Interest::READABLE;
    let registry = line.poll.registry();
    registry.reregister(&mut OffloopSource(&line.off), other, reading).expect("reregistered");

    line.off.call(|| 1).then(|app, outcome| app.values.extend(outcome));
    line.poll.poll(&mut events, Some(HANG)).expect("polled");
    assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [other]);
    line.off.deliver(&mut line.app);

    line.poll.registry().deregister(&mut OffloopSource(&line.off)).expect("deregistered");
    line.off.call(|| 2).then(|app, outcome| app.values.extend(outcome));
    let hang = Instant::now() + HANG;
    while line.off.stats().wakes < 2 {
        assert!(Instant::now() < hang, "the second call does not complete");
        thread::sleep(Duration::from_millis(1));
    }
    line.poll.poll(&mut events, Some(Duration::ZERO)).expect("polled");
    assert!(events.is_empty(), "nobody watches it");

    let registry = line.poll.registry();
    registry.register(&mut OffloopSource(&line.off), OFFLOOP, reading).expect("registered");
    line.run_until(|app| app.values == [1, 2]);
}

#[test]
fn a_dropped_offloop_leaves_the_loop_without_events() {
    let Line { mut poll, off, .. } = Line::new(Way::Descriptor, |builder| builder);
    let (handle, ticket) = (off.handle(), off.call(|| ()).then(|_, _| {}));
    let hang = Instant::now() + HANG;
    while off.stats().wakes < 1 {
        assert!(Instant::now() < hang, "the call does not complete");
        thread::sleep(Duration::from_millis(1));
    }
    drop(off);
    handle.call(|| ()).then(|_, _| {});
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, Some(Duration::ZERO)).expect("polled");
    assert!(events.is_empty(), "a handle and a ticket may live on, without a loop to wake");
    drop((handle, ticket));
}
