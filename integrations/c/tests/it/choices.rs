//! What the fields of a call and of the options choose: each is seen to be told from its neighbours.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use offloop_c::*;

use crate::rig::{Probe, Seen, create, deliver_more, deliver_until, options, wait_until};

type Field = fn(&mut offloop_call);

/// A call that runs until the sender is used or dropped.
fn blocker(
    off: offloop_id,
    set: impl FnOnce(&mut offloop_call),
) -> (Arc<Seen>, offloop_ticket, Sender<()>) {
    let (begun, begins) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let job = move |_| {
        begun.send(()).unwrap();
        gate.recv().map_or(2, |()| 1)
    };
    let (seen, ticket) = Probe::new(job).with(set).submit(off);
    begins.recv().unwrap();
    (seen, ticket, go)
}

#[test]
fn what_is_high_goes_first_and_what_is_low_last() {
    let off = create(&offloop_options { threads_max: 1, ..options() });
    let (_, _, go) = blocker(off, |_| {});
    let ran = Arc::new(Mutex::new(Vec::new()));
    let submit = |priority| {
        let ran = ran.clone();
        let job = move |_| {
            ran.lock().unwrap().push(priority);
            1
        };
        Probe::new(job).with(|call| call.priority = priority).submit(off);
    };
    [OFFLOOP_LOW, OFFLOOP_NORMAL, OFFLOOP_HIGH].into_iter().for_each(submit);
    go.send(()).unwrap();
    deliver_until(off, || offloop_pending(off) == 0);
    assert_eq!(*ran.lock().unwrap(), [OFFLOOP_HIGH, OFFLOOP_NORMAL, OFFLOOP_LOW]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn each_executor_has_threads_and_a_queue_of_its_own() {
    let off = create(&offloop_options { threads_max: 1, cores: 1, queue: 2, ..options() });
    for (own, other) in [(OFFLOOP_THREADS, OFFLOOP_CORES), (OFFLOOP_CORES, OFFLOOP_THREADS)] {
        let (_, _, go) = blocker(off, |call| call.executor = own);
        let submit =
            |executor| Probe::new(|_| 1).with(|call| call.executor = executor).submit(off).0;
        let waiting = [submit(own), submit(own)];
        let refused = submit(own);
        let elsewhere = submit(other);
        deliver_until(off, || !elsewhere.kinds().is_empty() && !refused.kinds().is_empty());
        assert_eq!((elsewhere.kinds(), refused.kinds()), (vec![0], vec![OFFLOOP_QUEUE_FULL]));
        assert!(waiting.iter().all(|seen| seen.kinds().is_empty()), "one thread, which is taken");
        go.send(()).unwrap();
        deliver_until(off, || offloop_pending(off) == 0);
    }
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn there_are_as_many_cores_as_were_asked_for() {
    let more = std::thread::available_parallelism().unwrap().get() + 1;
    let off = create(&offloop_options { cores: more.try_into().unwrap(), ..options() });
    // Each is inside before the next one is submitted.
    let inside: Vec<_> =
        (0..more).map(|_| blocker(off, |call| call.executor = OFFLOOP_CORES)).collect();
    drop(inside);
    deliver_until(off, || offloop_pending(off) == 0);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_key_counts_for_its_own_policy() {
    let off = create(&offloop_options { threads_max: 2, ..options() });
    let keys: [(u32, Field, Field); 3] = [
        (OFFLOOP_IN_ORDER, |call| call.in_order_key = 1, |call| call.in_order_key = 2),
        (OFFLOOP_SERIAL, |call| call.serial_key = 1, |call| call.serial_key = 2),
        (OFFLOOP_LATEST, |call| call.latest_key = 1, |call| call.latest_key = 2),
    ];
    for (policy, one, another) in keys {
        let with = |key: Field| {
            move |call: &mut offloop_call| {
                call.policies = policy;
                key(call);
            }
        };
        let (first, ticket, go) = blocker(off, with(one));
        let (apart, _) = Probe::new(|_| 1).with(with(another)).submit(off);
        deliver_until(off, || apart.kinds() == [0]);
        assert_eq!(offloop_is_done(ticket), 0, "{policy}: the keys differ");
        let (after, _) = Probe::new(|_| 1).with(with(one)).submit(off);
        // The other thread comes to this one when it has come to that one.
        let (last, _) = Probe::new(|_| 1).submit(off);
        deliver_until(off, || last.kinds() == [0]);
        match policy {
            OFFLOOP_IN_ORDER => assert!(after.kinds().is_empty(), "its handler waits"),
            OFFLOOP_SERIAL => assert_eq!(after.runs.load(SeqCst), 0, "its function waits"),
            _ => assert_eq!(first.kinds(), [OFFLOOP_SUPERSEDED]),
        }
        go.send(()).unwrap();
        deliver_until(off, || after.kinds() == [0]);
    }
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn progress_is_the_newest_where_not_each_is_wanted() {
    let off = create(&options());
    let (sent, sends) = mpsc::channel();
    let job = move |ticket| {
        for done in 1..=100 {
            assert_eq!(offloop_progress(ticket, done, 100), OFFLOOP_OK);
        }
        sent.send(()).unwrap();
        1
    };
    let (seen, ticket) = Probe::new(job).submit(off);
    sends.recv_timeout(Duration::from_secs(60)).expect("the function waits for nobody");
    wait_until("it is decided", || offloop_is_done(ticket) == 1);
    deliver_until(off, || seen.kinds() == [0]);
    assert_eq!(*seen.progress.lock().unwrap(), [(100, 100)]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_call_that_waits_is_asked_about() {
    let off = create(&offloop_options { threads_max: 1, ..options() });
    let (_, _, go) = blocker(off, |_| {});
    let (_, ticket) = Probe::new(|_| 1).submit(off);
    assert_eq!((offloop_is_done(ticket), offloop_is_cancelled(ticket)), (0, 0));
    assert_eq!(offloop_progress(ticket, 1, 2), OFFLOOP_ERROR_STATE, "its function sends that");
    assert_eq!(offloop_cancel(ticket), OFFLOOP_OK);
    assert_eq!((offloop_is_done(ticket), offloop_is_cancelled(ticket)), (1, 1));
    go.send(()).unwrap();
    deliver_until(off, || offloop_pending(off) == 0);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_null_is_nobodys_to_drop() {
    let off = create(&options());
    let (seen, ticket, go) = blocker(off, |_| {});
    let (begun, begins) = mpsc::channel();
    let (null, null_ticket) = Probe::new(move |ticket| {
        begun.send(()).unwrap();
        wait_until("it is cancelled", || offloop_is_cancelled(ticket) == 1);
        0
    })
    .submit(off);
    begins.recv().unwrap();
    assert_eq!((offloop_cancel(ticket), offloop_cancel(null_ticket)), (OFFLOOP_OK, OFFLOOP_OK));
    go.send(()).unwrap();
    deliver_until(off, || offloop_pending(off) == 0);
    wait_until("the value is dropped", || seen.value_drops.load(SeqCst) == 1);
    null.assert_dropped_once();
    assert_eq!(null.value_drops.load(SeqCst), 0);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_turn_ends_after_as_many_handlers_or_as_long_as_it_may() {
    let one = offloop_options { threads_max: 1, ..options() };
    let two = offloop_options { turn_max_calls: 2, turn_max_us: u32::MAX, ..one };
    let short = offloop_options { turn_max_us: 1000, ..one };
    for (options, first, pause_ms) in [(two, 2, 0), (short, 1, 2)] {
        let off = create(&options);
        for _ in 0..3 {
            let pause = move || std::thread::sleep(Duration::from_millis(pause_ms));
            Probe::new(|_| 1).hook(pause).submit(off);
        }
        // The one thread begins this call when the outcomes of those are ready.
        let (_, _, go) = blocker(off, |_| {});
        assert_eq!(deliver_more(off), (first, true));
        drop(go);
        deliver_until(off, || offloop_pending(off) == 0);
        assert_eq!(deliver_more(off), (0, false));
        assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    }
}
