//! However a call ends, its handler hears of one outcome, and data, value and user are dropped
//! once, each where the header says.

use std::ffi::CStr;
use std::panic::panic_any;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use offloop_c::*;

use crate::rig::{
    Probe, create, deliver, deliver_to, deliver_until, last_error, options, shutdown, wait_until,
};

#[test]
fn a_value_comes_to_the_handler_with_its_state() {
    let off = create(&options());
    let (seen, ticket) = Probe::new(|_| 42).submit(off);
    let mut state = 0u32;
    let state = (&raw mut state).cast();
    wait_until("a turn brings it", || deliver_to(off, state) == 1);
    assert_eq!(*seen.outcomes.lock().unwrap(), [(0, Some(42), String::new())]);
    assert_eq!(*seen.states.lock().unwrap(), [state.addr()]);
    assert_eq!(*seen.tickets.lock().unwrap(), [ticket]);
    seen.assert_dropped_once();
    assert_eq!(seen.value_drops.load(SeqCst), 0, "the handler has it");
    let own = thread::current().id();
    assert_ne!(seen.data_drops.lock().unwrap()[0], own);
    assert_eq!(seen.user_drops.lock().unwrap()[0], own);
    assert_eq!(offloop_is_done(ticket), OFFLOOP_ERROR_UNKNOWN);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_running_function_hears_that_it_is_cancelled_and_its_value_is_dropped() {
    let off = create(&options());
    let (begun, begins) = mpsc::channel();
    let (seen, ticket) = Probe::new(move |ticket| {
        assert_eq!(offloop_is_cancelled(ticket), 0);
        begun.send(()).unwrap();
        wait_until("it is cancelled", || offloop_is_cancelled(ticket) == 1);
        1
    })
    .submit(off);
    begins.recv().unwrap();
    assert_eq!(offloop_cancel(ticket), OFFLOOP_OK);
    deliver_until(off, || !seen.kinds().is_empty());
    assert_eq!(seen.kinds(), [OFFLOOP_CANCELLED]);
    seen.assert_dropped_once();
    wait_until("its value is dropped", || seen.value_drops.load(SeqCst) == 1);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_call_cancels_itself_before_the_submit_has_returned() {
    let off = create(&options());
    for _ in 0..200 {
        let (seen, _) = Probe::new(|ticket| {
            assert_eq!(offloop_is_done(ticket), 0);
            assert_eq!(offloop_cancel(ticket), OFFLOOP_OK);
            wait_until("it is cancelled", || offloop_is_cancelled(ticket) == 1);
            1
        })
        .submit(off);
        deliver_until(off, || !seen.kinds().is_empty());
        assert_eq!(seen.kinds(), [OFFLOOP_CANCELLED]);
        seen.assert_dropped_once();
    }
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_waiting_call_is_cancelled_unrun_and_a_full_queue_is_an_outcome() {
    let off = create(&offloop_options { threads_max: 1, queue: 1, ..options() });
    let (go, gate) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let (blocker, _) = Probe::new(move |_| {
        begun.send(()).unwrap();
        gate.recv().map_or(0, |()| 1)
    })
    .submit(off);
    begins.recv().unwrap();
    let (waiting, ticket) = Probe::new(|_| 2).submit(off);
    let (refused, _) = Probe::new(|_| 3).submit(off);
    assert_eq!(offloop_cancel(ticket), OFFLOOP_OK);
    deliver_until(off, || !waiting.kinds().is_empty() && !refused.kinds().is_empty());
    assert_eq!(
        (waiting.kinds(), refused.kinds()),
        (vec![OFFLOOP_CANCELLED], vec![OFFLOOP_QUEUE_FULL])
    );
    assert_eq!(waiting.data_drops.lock().unwrap().len(), 0, "no worker has come to it");
    go.send(()).unwrap();
    for seen in [&waiting, &refused] {
        assert_eq!(seen.runs.load(SeqCst), 0);
        seen.assert_dropped_once();
        assert_ne!(seen.data_drops.lock().unwrap()[0], thread::current().id());
    }
    deliver_until(off, || blocker.kinds() == [0]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

/// With a longer one each time, until one did not pass on the way to the function.
#[test]
fn a_deadline_is_told_while_the_function_runs() {
    let off = create(&options());
    let (seen, ticket, go) = (0..10)
        .find_map(|attempt| {
            let (begun, begins) = mpsc::channel();
            let (go, gate) = mpsc::channel::<()>();
            let job = move |_| {
                begun.send(()).unwrap();
                gate.recv().map_or(0, |()| 1)
            };
            let probe = Probe::new(job).with(|call| call.deadline_ms = 20 << attempt);
            let (seen, ticket) = probe.submit(off);
            deliver_until(off, || !seen.kinds().is_empty());
            assert_eq!(seen.kinds(), [OFFLOOP_TIMED_OUT]);
            // One that is dropped unrun sends nothing.
            begins.recv_timeout(Duration::from_secs(60)).ok().map(|()| (seen, ticket, go))
        })
        .expect("one gets to its function within ten seconds");
    assert_eq!(offloop_is_cancelled(ticket), 1, "the function may still ask");
    assert!(seen.data_drops.lock().unwrap().is_empty(), "the function has its data");
    go.send(()).unwrap();
    seen.assert_dropped_once();
    wait_until("its value is dropped", || seen.value_drops.load(SeqCst) == 1);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn too_many_functions_that_do_not_return_are_a_reason_to_reject() {
    let off = create(&options());
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write().unwrap();
    let mut all = Vec::new();
    loop {
        let gate = gate.clone();
        let probe = Probe::new(move |_| gate.read().map_or(0, |_open| 1));
        let (seen, _) = probe.with(|call| call.deadline_ms = 10).submit(off);
        deliver_until(off, || !seen.kinds().is_empty());
        let kind = seen.kinds()[0];
        all.push(seen);
        if kind != OFFLOOP_TIMED_OUT {
            break assert_eq!(kind, OFFLOOP_REJECTED);
        }
    }
    assert!(all.len() > 64, "as many may be left behind");
    drop(closed);
    all.iter().for_each(|seen| seen.assert_dropped_once());
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_panic_of_a_function_is_an_outcome_and_of_a_handler_a_code() {
    let off = create(&options());
    let (seen, _) = Probe::new(|_| panic!("no number")).submit(off);
    deliver_until(off, || !seen.kinds().is_empty());
    assert_eq!(seen.kinds(), [OFFLOOP_PANICKED]);
    assert!(seen.outcomes.lock().unwrap()[0].2.ends_with("no number"));
    seen.assert_dropped_once();
    let (seen, _) = Probe::new(|_| 1).hook(|| panic!("no handler")).submit(off);
    wait_until("its handler panics", || deliver(off) == OFFLOOP_ERROR_PANIC);
    assert!(last_error().contains("no handler"), "{}", last_error());
    seen.assert_dropped_once();
    assert_eq!(deliver(off), 0, "the turn has ended");
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn what_a_panic_says_and_leaves_behind_stays_inside() {
    struct Unruly;
    impl Drop for Unruly {
        fn drop(&mut self) {
            panic!("and a panic in its destructor");
        }
    }
    let off = create(&options());
    let (seen, _) = Probe::new(|_| panic!("one\0two")).hook(|| panic_any(Unruly)).submit(off);
    wait_until("its handler panics", || deliver(off) == OFFLOOP_ERROR_PANIC);
    assert!(last_error().ends_with("it has no message"), "{}", last_error());
    let text = seen.outcomes.lock().unwrap()[0].2.clone();
    assert!(text.ends_with("one two"), "a string of C ends at a zero: {text}");
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_loop_is_destroyed_while_calls_are_in_flight() {
    let off = create(&offloop_options { threads_max: 1, ..options() });
    let (go, gate) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let (running, running_ticket) = Probe::new(move |ticket| {
        begun.send(()).unwrap();
        let _ = gate.recv();
        u64::from(offloop_is_cancelled(ticket) == 1)
    })
    .submit(off);
    begins.recv().unwrap();
    let (waiting, ticket) = Probe::new(|_| 2).submit(off);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    waiting.assert_dropped_once();
    assert_eq!(waiting.runs.load(SeqCst), 0);
    assert_eq!(offloop_cancel(ticket), OFFLOOP_ERROR_UNKNOWN);
    assert_eq!(*running.user_drops.lock().unwrap(), [thread::current().id()]);
    assert!(running.data_drops.lock().unwrap().is_empty(), "the function has its data");
    assert_eq!(offloop_cancel(running_ticket), OFFLOOP_OK, "its function may still ask");
    go.send(()).unwrap();
    running.assert_dropped_once();
    wait_until("its value is dropped", || running.value_drops.load(SeqCst) == 1);
    assert!(running.kinds().is_empty() && waiting.kinds().is_empty());
    wait_until("its number is free", || offloop_cancel(running_ticket) == OFFLOOP_ERROR_UNKNOWN);
}

#[test]
fn a_shutdown_reports_what_it_left() {
    let off = create(&offloop_options { threads_max: 2, ..options() });
    let stubborn = |name: &'static CStr| {
        let (go, gate) = mpsc::channel::<()>();
        let (begun, begins) = mpsc::channel();
        let probe = Probe::new(move |_| {
            begun.send(()).unwrap();
            gate.recv().map_or(0, |()| 1)
        });
        let (seen, _) = probe.with(|call| call.name = name.as_ptr()).submit(off);
        begins.recv().unwrap();
        (seen, go)
    };
    let (stubborn, other) = (stubborn(c"stubborn"), stubborn(c"more so"));
    let (waiting, _) = Probe::new(|_| 2).submit(off);
    assert_eq!((offloop_pending(off), offloop_is_closed(off)), (3, 0));
    let (code, report, names) = shutdown(off, 1);
    assert_eq!((code, report.finished, report.never_started, report.abandoned), (0, 0, 1, 2));
    let mut names: Vec<_> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["more so", "stubborn"]);
    let (late, _) = Probe::new(|_| 3).submit(off);
    deliver_until(off, || offloop_is_closed(off) == 1);
    for seen in [&stubborn.0, &other.0, &waiting, &late] {
        assert_eq!(seen.kinds(), [OFFLOOP_SHUT_DOWN]);
    }
    for (seen, go) in [stubborn, other] {
        go.send(()).unwrap();
        seen.assert_dropped_once();
    }
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    // After a shutdown no thread is left to drop it before.
    late.assert_dropped_once();
}

#[test]
fn a_close_lets_what_runs_finish() {
    let off = create(&options());
    let (go, gate) = mpsc::channel::<()>();
    let (begun, begins) = mpsc::channel();
    let (seen, _) = Probe::new(move |_| {
        begun.send(()).unwrap();
        gate.recv().map_or(0, |()| 7)
    })
    .with(|call| call.executor = OFFLOOP_CORES)
    .submit(off);
    begins.recv().unwrap();
    assert_eq!(offloop_close(off), OFFLOOP_OK);
    go.send(()).unwrap();
    deliver_until(off, || offloop_is_closed(off) == 1);
    assert_eq!(*seen.outcomes.lock().unwrap(), [(0, Some(7), String::new())]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn policies_keep_their_keys() {
    let off = create(&offloop_options { threads_max: 2, ..options() });
    let (go, gate) = mpsc::channel::<()>();
    let ordered = |call: &mut offloop_call| {
        (call.policies, call.in_order_key) = (OFFLOOP_IN_ORDER | OFFLOOP_EACH_PROGRESS, 5);
    };
    let job = move |ticket| {
        for done in 0..3 {
            assert_eq!(offloop_progress(ticket, done, 3), OFFLOOP_OK);
        }
        gate.recv().map_or(0, |()| 1)
    };
    let (first, _) = Probe::new(job).with(ordered).submit(off);
    let (second, ticket) = Probe::new(|_| 2).with(ordered).submit(off);
    wait_until("the second is decided", || offloop_is_done(ticket) == 1);
    deliver_until(off, || first.progress.lock().unwrap().len() == 3);
    assert_eq!(*first.progress.lock().unwrap(), [(0, 3), (1, 3), (2, 3)]);
    assert!(second.kinds().is_empty(), "its handler waits for the first one's");
    go.send(()).unwrap();
    deliver_until(off, || second.kinds() == [0]);
    assert_eq!(first.kinds(), [0]);
    let latest = |call: &mut offloop_call| {
        (call.policies, call.latest_key) = (OFFLOOP_LATEST | OFFLOOP_SERIAL, 5);
    };
    let (old, _) = Probe::new(|_| 1).with(latest).submit(off);
    let (new, _) = Probe::new(|_| 2).with(latest).submit(off);
    deliver_until(off, || !old.kinds().is_empty() && !new.kinds().is_empty());
    assert_eq!((old.kinds(), new.kinds()), (vec![OFFLOOP_SUPERSEDED], vec![0]));
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}
