//! Each misuse that can be noticed is a code with a sentence, and takes nothing.

use std::ptr::null;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use offloop_c::*;

use crate::rig::{
    Probe, create, create_null, deliver, deliver_until, empty_call, last_error, options, shutdown,
    submit_raw, try_create, wait_until, woken_by,
};

#[test]
fn nulls_are_refused() {
    assert_eq!(create_null(None), OFFLOOP_ERROR_NULL);
    assert_eq!(create_null(Some(&options())), OFFLOOP_ERROR_NULL);
    assert_eq!(last_error(), "made is null");
    let off = create(&options());
    assert_eq!(submit_raw(off, null()), OFFLOOP_ERROR_NULL);
    let call = offloop_call { size: size_of::<offloop_call>(), ..empty_call() };
    assert_eq!(submit_raw(off, &call), OFFLOOP_ERROR_NULL);
    assert_eq!(last_error(), "offloop_call.function is null");
    let (code, seen, _) = Probe::new(|_| 1).with(|call| call.handler = None).try_submit(off);
    assert_eq!(code, OFFLOOP_ERROR_NULL);
    assert_eq!(Arc::strong_count(&seen), 1, "nothing was taken");
    let no_callback = offloop_options { waking: OFFLOOP_WAKE_CALLBACK, ..options() };
    assert_eq!(try_create(&no_callback).0, OFFLOOP_ERROR_NULL);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn values_that_can_not_be_are_refused() {
    let off = create(&options());
    let wrong: [fn(&mut offloop_call); 5] = [
        |call| call.size -= 1,
        |call| call.size += 8,
        |call| call.executor = 2,
        |call| call.priority = 3,
        |call| call.policies = 16,
    ];
    for wrong in wrong {
        let (code, seen, ticket) = Probe::new(|_| 1).with(wrong).try_submit(off);
        assert_eq!((code, ticket), (OFFLOOP_ERROR_INVALID, 0));
        assert_eq!(Arc::strong_count(&seen), 1, "nothing was taken");
        assert!(last_error().starts_with("offloop_call."), "{}", last_error());
    }
    let calls = [empty_call(), empty_call()];
    let odd = calls.as_ptr().cast::<u8>().wrapping_add(1).cast();
    assert_eq!(submit_raw(off, odd), OFFLOOP_ERROR_INVALID);
    assert_eq!(last_error(), "offloop_call is not aligned");
    assert_eq!(try_create(&offloop_options { size: 0, ..options() }).0, OFFLOOP_ERROR_INVALID);
    assert_eq!(try_create(&offloop_options { waking: 3, ..options() }).0, OFFLOOP_ERROR_INVALID);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

/// What a loop's number is good for, each tried.
fn all_of_a_loop(off: offloop_id) -> [i32; 8] {
    let (submitted, ..) = Probe::new(|_| 1).try_submit(off);
    [
        submitted,
        deliver(off),
        offloop_fd(off),
        offloop_pending(off),
        offloop_close(off),
        offloop_is_closed(off),
        shutdown(off, 0).0,
        offloop_destroy(off),
    ]
}

#[test]
fn a_loop_after_its_end_is_unknown() {
    let off = create(&options());
    let (_, ticket) = Probe::new(|_| 1).submit(off);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    assert_eq!(all_of_a_loop(off), [OFFLOOP_ERROR_UNKNOWN; 8]);
    // Another one in its place is not taken for it.
    let other = create(&options());
    assert_eq!(all_of_a_loop(off), [OFFLOOP_ERROR_UNKNOWN; 8]);
    for number in [0, 1, u64::MAX, other ^ (1 << 31), other ^ (1 << 32), other + 1, ticket] {
        assert_eq!(all_of_a_loop(number), [OFFLOOP_ERROR_UNKNOWN; 8], "{number}");
    }
    assert_eq!(offloop_destroy(other), OFFLOOP_OK);
}

#[test]
fn a_ticket_after_its_end_is_unknown() {
    let off = create(&options());
    let (go, gate) = mpsc::channel::<()>();
    let (ended, first) = Probe::new(|_| 1).submit(off);
    deliver_until(off, || !ended.kinds().is_empty());
    ended.assert_dropped_once();
    let all = |ticket| {
        [
            offloop_cancel(ticket),
            offloop_is_done(ticket),
            offloop_is_cancelled(ticket),
            offloop_progress(ticket, 1, 2),
        ]
    };
    wait_until("its number is free", || offloop_cancel(first) == OFFLOOP_ERROR_UNKNOWN);
    let (seen, ticket) = Probe::new(move |_| gate.recv().map_or(0, |()| 1)).submit(off);
    for number in [0, 1, u64::MAX, first, off, ticket ^ (1 << 32), ticket ^ (1 << 31)] {
        assert_eq!(all(number), [OFFLOOP_ERROR_UNKNOWN; 4], "{number}");
    }
    assert_eq!(offloop_is_done(ticket), 0, "none of these was taken for it");
    go.send(()).unwrap();
    deliver_until(off, || seen.kinds() == [0]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_turn_inside_a_handler_runs_nothing_and_the_loop_stays() {
    let off = create(&options());
    let codes: Arc<[AtomicI32; 3]> = Arc::default();
    let inside = codes.clone();
    let (seen, _) = Probe::new(|_| 1)
        .hook(move || {
            inside[0].store(deliver(off), SeqCst);
            inside[1].store(offloop_destroy(off), SeqCst);
            inside[2].store(shutdown(off, 1).0, SeqCst);
        })
        .submit(off);
    deliver_until(off, || !seen.kinds().is_empty());
    for code in &*codes {
        assert_eq!(code.load(SeqCst), OFFLOOP_ERROR_NESTED);
    }
    let (seen, _) = Probe::new(|_| 1).hook(move || assert_eq!(shutdown(off, 0).0, 0)).submit(off);
    deliver_until(off, || !seen.kinds().is_empty());
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_turn_inside_a_handler_makes_the_outer_one_wake_the_loop() {
    let wakes = Arc::new(AtomicU64::new(0));
    let counted = wakes.clone();
    let off = create(&woken_by(move || {
        counted.fetch_add(1, SeqCst);
    }));
    let (made, second) = mpsc::channel();
    let (of_hook, at_the_nested) = (wakes.clone(), Arc::new(AtomicU64::new(0)));
    let noted = at_the_nested.clone();
    let (first, _) = Probe::new(|_| 1)
        .hook(move || {
            let (seen, ticket) = Probe::new(|_| 2).submit(off);
            wait_until("it is decided", || offloop_is_done(ticket) == 1);
            made.send(seen).unwrap();
            // As the loop of a modal window does, which the wake for the second one came to.
            assert_eq!(deliver(off), OFFLOOP_ERROR_NESTED);
            noted.store(of_hook.load(SeqCst), SeqCst);
        })
        .submit(off);
    deliver_until(off, || !first.kinds().is_empty());
    let second = second.recv().unwrap();
    assert!(second.kinds().is_empty(), "never in the turn that submits it");
    assert!(wakes.load(SeqCst) > at_the_nested.load(SeqCst), "the loop is to go round once more");
    deliver_until(off, || second.kinds() == [0]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_wake_callback_can_not_use_the_loop() {
    let off = Arc::new(AtomicU64::new(0));
    let codes: Arc<[AtomicI32; 7]> = Arc::default();
    let (of_wake, inside) = (off.clone(), codes.clone());
    let options = woken_by(move || {
        let off = of_wake.load(SeqCst);
        inside[0].store(deliver(off), SeqCst);
        inside[1].store(offloop_destroy(off), SeqCst);
        inside[2].store(offloop_cancel(1), SeqCst);
        inside[3].store(offloop_progress(1, 1, 2), SeqCst);
        inside[4].store(try_create(&self::options()).0, SeqCst);
        inside[5].store(create_null(None), SeqCst);
        inside[6].store(Probe::new(|_| 1).try_submit(off).0, SeqCst);
    });
    off.store(create(&options), SeqCst);
    let off = off.load(SeqCst);
    // A refusal wakes on the loop thread, and the outcome of the other on a worker.
    for close_first in [false, true] {
        if close_first {
            assert_eq!(offloop_close(off), OFFLOOP_OK);
        }
        let (seen, _) = Probe::new(|_| 1).submit(off);
        wait_until("it woke", || codes[6].load(SeqCst) != 0);
        deliver_until(off, || !seen.kinds().is_empty());
        let codes: Vec<_> = codes.iter().map(|code| code.swap(0, SeqCst)).collect();
        assert_eq!(codes[..5], [OFFLOOP_ERROR_NESTED; 5]);
        assert_eq!(codes[5], OFFLOOP_ERROR_NULL, "the pointer is looked at first");
        assert_eq!(codes[6], OFFLOOP_ERROR_NESTED);
    }
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn a_wake_callback_that_panics_loses_no_outcome() {
    let off = create(&woken_by(|| panic!("no wake")));
    for _ in 0..20 {
        let (seen, _) = Probe::new(|_| 1).submit(off);
        deliver_until(off, || seen.kinds() == [0]);
    }
    assert_eq!(offloop_cancel(1), OFFLOOP_ERROR_UNKNOWN, "this thread is in no callback");
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}

#[test]
fn no_wake_comes_after_the_end() {
    let ended = Arc::new(AtomicI32::new(0));
    let late = Arc::new(AtomicI32::new(0));
    for _ in 0..50 {
        ended.store(0, SeqCst);
        let (seen_end, counted) = (ended.clone(), late.clone());
        let off = create(&woken_by(move || {
            thread::yield_now();
            counted.fetch_add(seen_end.load(SeqCst), SeqCst);
        }));
        for _ in 0..20 {
            Probe::new(|_| 1).submit(off);
        }
        assert_eq!(offloop_destroy(off), OFFLOOP_OK);
        ended.store(1, SeqCst);
    }
    assert_eq!(late.load(SeqCst), 0, "wakes after destroy");
}

#[test]
fn a_destroy_waits_for_who_is_in_the_wake_callback() {
    let (entered, enters) = mpsc::channel();
    let left = Arc::new(AtomicI32::new(0));
    let leaves = left.clone();
    let off = create(&woken_by(move || {
        entered.send(()).unwrap();
        // A destroy that does not wait has returned long before.
        thread::sleep(Duration::from_millis(200));
        leaves.store(1, SeqCst);
    }));
    let (begun, begins) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let job = move |_| begun.send(()).and(Ok(gate.recv().map_or(0, |()| 1))).unwrap();
    let (seen, ticket) = Probe::new(job).submit(off);
    begins.recv().unwrap();
    // A thread of the program's, which nothing but the callback's own lock knows of.
    let canceller = thread::spawn(move || offloop_cancel(ticket));
    enters.recv().unwrap();
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
    assert_eq!(left.load(SeqCst), 1, "what the callback uses may be freed now");
    assert_eq!(canceller.join().unwrap(), OFFLOOP_OK);
    go.send(()).unwrap();
    seen.assert_dropped_once();
}

#[test]
fn a_loop_without_a_descriptor_says_so() {
    let off = create(&offloop_options { waking: OFFLOOP_WAKE_NONE, ..options() });
    assert_eq!(offloop_fd(off), OFFLOOP_ERROR_STATE);
    let (seen, _) = Probe::new(|_| 1).submit(off);
    deliver_until(off, || seen.kinds() == [0]);
    assert_eq!(offloop_destroy(off), OFFLOOP_OK);
}
