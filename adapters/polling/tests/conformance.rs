//! The loop suite of the testkit. Invariant: the loop's own events come by the same notification as
//! offloop's wakes, the hardest case for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use offloop_polling::PollingWaker;
use offloop_testkit::{LoopRig, loop_suite};
use polling::{Events, Poller};

loop_suite!(|builder| {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let (waker, another) = (PollingWaker::new(&poller), PollingWaker::new(&poller));
    let off = builder.waker(waker).build().expect("an offloop");

    let messages = Arc::new(AtomicUsize::new(0));
    let (sent, notifier) = (messages.clone(), Arc::downgrade(&poller));
    let mut events = Events::new();
    LoopRig::new(off, move |round, patience| {
        events.clear();
        poller.wait(&mut events, Some(patience)).expect("waited");
        for _ in 0..messages.swap(0, Ordering::SeqCst) {
            round.own_event();
        }
        round.deliver();
    })
    .own_events(move || {
        sent.fetch_add(1, Ordering::SeqCst);
        notifier.upgrade().expect("the loop is there").notify().expect("notified");
    })
    .second(move |builder| builder.waker(another).build().expect("an offloop"))
});
