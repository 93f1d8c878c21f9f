//! The thread of a loop, and the others.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread;

use offloop_c::*;

use crate::rig::{
    Probe, create, deliver, deliver_until, last_error, options, shutdown, wait_until,
};

#[test]
fn another_thread_is_told_that_it_is_another() {
    let off = create(&options());
    let codes = thread::spawn(move || {
        let codes = [
            deliver(off),
            offloop_fd(off),
            offloop_pending(off),
            offloop_close(off),
            offloop_is_closed(off),
            shutdown(off, 0).0,
            offloop_destroy(off),
        ];
        (codes, last_error())
    });
    let (codes, text) = codes.join().unwrap();
    assert_eq!(codes, [OFFLOOP_ERROR_THREAD; 7]);
    assert!(text.contains("the thread that created"), "{text}");
    assert_eq!(last_error(), "", "the text is the other thread's");
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn another_thread_submits_and_the_loop_handles() {
    let off = create(&options());
    let submit = move || Probe::new(|_| 6).submit(off);
    let (seen, ticket) = thread::spawn(submit).join().unwrap();
    wait_until("it is decided", || offloop_is_done(ticket) == 1);
    deliver_until(off, || !seen.kinds().is_empty());
    assert_eq!(*seen.outcomes.lock().unwrap(), [(0, Some(6), String::new())]);
    seen.assert_dropped_once();
    assert_eq!(*seen.user_drops.lock().unwrap(), [thread::current().id()]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    let code = move || Probe::new(|_| 6).try_submit(off).0;
    assert_eq!(thread::spawn(code).join().unwrap(), OFFLOOP_ERROR_UNKNOWN);
}

#[test]
fn a_function_submits_another_call() {
    let off = create(&options());
    let (inner, of_inner) = mpsc::channel();
    let job = move |_| {
        inner.send(Probe::new(|_| 2).submit(off).0).unwrap();
        1
    };
    let (outer, _) = Probe::new(job).submit(off);
    let inner = of_inner.recv().unwrap();
    deliver_until(off, || outer.kinds() == [0] && inner.kinds() == [0]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn whoever_submits_while_a_loop_is_destroyed_keeps_or_gives_up_all_of_a_call() {
    for _ in 0..50 {
        let (made, off) = mpsc::channel();
        let owner = thread::spawn(move || {
            let off = create(&options());
            made.send(off).unwrap();
            thread::yield_now();
            assert_eq!(offloop_destroy(off), OFFLOOP_OK);
            thread::current().id()
        });
        let off = off.recv().unwrap();
        let mut taken = Vec::new();
        loop {
            match Probe::new(|_| 1).try_submit(off) {
                (OFFLOOP_OK, seen, _) => taken.push(seen),
                (code, ..) => break assert_eq!(code, OFFLOOP_ERROR_UNKNOWN),
            }
        }
        let owner = owner.join().unwrap();
        for seen in taken {
            seen.assert_dropped_once();
            assert_eq!(*seen.user_drops.lock().unwrap(), [owner]);
        }
    }
}

#[test]
fn a_thread_that_ends_takes_its_loop_with_it() {
    let (go, gate) = mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        let off = create(&options());
        let (begun, begins) = mpsc::channel();
        let (seen, ticket) = Probe::new(move |_| {
            begun.send(()).unwrap();
            gate.recv().map_or(0, |()| 1)
        })
        .submit(off);
        begins.recv().unwrap();
        (off, seen, ticket)
    });
    let (off, seen, ticket) = thread.join().unwrap();
    wait_until("it is gone", || Probe::new(|_| 1).try_submit(off).0 == OFFLOOP_ERROR_UNKNOWN);
    wait_until("user is dropped", || seen.user_drops.lock().unwrap().len() == 1);
    go.send(()).unwrap();
    seen.assert_dropped_once();
    wait_until("its value is dropped", || seen.value_drops.load(SeqCst) == 1);
    wait_until("its number is free", || offloop_is_done(ticket) == OFFLOOP_ERROR_UNKNOWN);
}

#[test]
fn two_loops_on_one_thread_and_one_each_on_several() {
    let body = |count: u64| {
        let (one, other) = (create(&options()), create(&options()));
        let submit = |off, number| Probe::new(move |_| number + 1).submit(off).0;
        let seen: Vec<_> =
            (0..count).flat_map(|number| [submit(one, number), submit(other, number)]).collect();
        let all = |parity: usize| {
            seen.iter().skip(parity).step_by(2).all(|seen| !seen.kinds().is_empty())
        };
        deliver_until(one, || all(0));
        assert!(offloop_pending(other) as u64 == count, "none of the other's was delivered");
        deliver_until(other, || all(1));
        assert_eq!((offloop_destroy(one), offloop_destroy(other)), (0, 0));
        for (at, seen) in seen.iter().enumerate() {
            seen.assert_dropped_once();
            let outcome = (0, Some(at as u64 / 2 + 1), String::new());
            assert_eq!(*seen.outcomes.lock().unwrap(), [outcome]);
        }
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(move || body(100))).collect();
    body(100);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
