//! Real mio loops on both ways. Invariant of every test: the loop delivers when an event came and
//! at no other time, so a wake that is missing makes it hang, which the limit of `poll` reports.

mod harness;
#[cfg(unix)]
mod source;
mod waker;

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use harness::{HANG, Line, both, turn_of};
use offloop::{Failure, Threads};

/// G2, G3.
#[test]
fn an_outcome_comes_back_to_the_loop_thread() {
    both(|way| {
        let mut line = Line::new(way, |builder| builder);
        let not_send = Rc::new(7);
        let here = thread::current().id();
        line.off.call(|| thread::current().id()).then(move |app, outcome| {
            assert_eq!(thread::current().id(), here);
            assert_ne!(outcome.expect("a thread id"), here);
            app.values.push(*not_send);
        });
        line.run_until(|app| !app.values.is_empty());
        assert_eq!(line.app.values, [7]);
    });
}

/// G10: complete before the loop looks, a burst costs one wake per turn.
#[test]
fn a_burst_wakes_the_loop_once_per_turn() {
    const CALLS: u32 = 10_000;
    both(|way| {
        let mut line = Line::new(way, |builder| builder.turn(turn_of(1024)));
        for value in 0..CALLS {
            line.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
        }
        let hang = Instant::now() + HANG;
        while line.off.stats().finished < u64::from(CALLS) {
            assert!(Instant::now() < hang, "the calls do not finish");
            thread::sleep(Duration::from_millis(1));
        }
        line.run_until(|app| app.values.len() == CALLS as usize);
        line.app.values.sort_unstable();
        assert!(line.app.values.iter().copied().eq(0..CALLS), "each call once");
        let wakes = line.off.stats().wakes;
        assert!((10..=100).contains(&wakes), "{wakes} wakes for {CALLS} calls, 1024 a turn");
    });
}

/// G10: while calls complete under a running loop, no wake is lost, and there is at most one more
/// than there are turns.
#[test]
fn a_burst_under_a_running_loop_loses_nothing() {
    const CALLS: u32 = 10_000;
    both(|way| {
        let mut line = Line::new(way, |builder| builder.turn(turn_of(1024)));
        for value in 0..CALLS {
            line.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
        }
        line.run_until(|app| app.values.len() == CALLS as usize);
        let wakes = line.off.stats().wakes;
        assert!(wakes <= line.turns + 1, "{wakes} wakes for {} turns", line.turns);
    });
}

/// G11: mio is edge-triggered, and each turn leaves all but one call over.
#[test]
fn a_budget_of_one_call_delivers_everything() {
    const CALLS: u32 = 500;
    both(|way| {
        let mut line = Line::new(way, |builder| builder.turn(turn_of(1)));
        for value in 0..CALLS {
            line.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
        }
        line.run_until(|app| app.values.len() == CALLS as usize);
        assert_eq!(line.most_in_a_turn, 1);
        assert!(line.turns >= u64::from(CALLS));
    });
}

#[test]
fn handles_on_other_threads_wake_the_loop() {
    const THREADS: u32 = 4;
    const CALLS: u32 = 500;
    both(|way| {
        let mut line = Line::new(way, |builder| builder);
        let submitters: Vec<_> = (0..THREADS)
            .map(|thread| {
                let handle = line.off.handle();
                thread::spawn(move || {
                    for call in 0..CALLS {
                        let value = thread * CALLS + call;
                        handle.call(move || value).then(|app, outcome| app.values.extend(outcome));
                    }
                })
            })
            .collect();
        line.run_until(|app| app.values.len() == (THREADS * CALLS) as usize);
        submitters.into_iter().for_each(|submitter| submitter.join().expect("a submitter"));
        line.app.values.sort_unstable();
        assert!(line.app.values.iter().copied().eq(0..THREADS * CALLS), "each call once");
    });
}

#[test]
fn a_handler_that_submits_again_is_woken_again() {
    both(|way| {
        let mut line = Line::new(way, |builder| builder);
        fn step(off: &offloop::Offloop<harness::App>, left: u32) {
            let weak = off.downgrade();
            off.call(move || left).inline().then(move |app, outcome| {
                let left = outcome.expect("a count");
                app.values.push(left);
                if let Some(off) = weak.upgrade().filter(|_| left > 0) {
                    step(&off, left - 1);
                }
            });
        }
        step(&line.off, 99);
        line.run_until(|app| app.values.len() == 100);
        assert_eq!(line.most_in_a_turn, 1, "a call made in a turn waits for the next");
    });
}

/// G12: what the shutdown decided still comes by an event.
#[test]
fn a_shutdown_is_delivered_afterwards() {
    both(|way| {
        let mut line = Line::new(way, |builder| builder.threads(Threads::new().max(1)));
        let (started, running) = mpsc::channel();
        line.off
            .call_with(move |cx| {
                started.send(()).expect("the test waits");
                while !cx.is_cancelled() {
                    thread::sleep(Duration::from_millis(1));
                }
                42
            })
            .then(|app, outcome| app.values.extend(outcome));
        running.recv_timeout(HANG).expect("the first call runs");
        for _ in 0..5 {
            line.off.call(|| ()).then(|app, outcome| {
                assert!(matches!(outcome, Err(Failure::Shutdown)), "{outcome:?}");
                app.shut_down += 1;
            });
        }
        let report = line.off.shutdown(HANG);
        assert_eq!((report.finished, report.never_started), (1, 5));
        assert!(report.abandoned.is_empty(), "{report:?}");
        assert_eq!(line.app.shut_down, 0, "handlers run in turns only");
        line.run_until(|app| app.shut_down + app.values.len() == 6);
        assert_eq!(line.app.values, [42]);
        assert!(line.off.is_closed());
    });
}
