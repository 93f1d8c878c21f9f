//! Buffers that cross as they are. Invariant: their bytes are the same on both sides, and none of them
//! is encoded.

use std::sync::Arc;

use offloop::{Failure, SharedBuf};

use crate::common::alone::alone;
use crate::common::{Seen, TestLoop, keep};
use crate::functions::{
    add_one, concat, fresh_buffer, give_two, looped, processes, same_buffer_twice, sum_buffer,
};

fn buffer(bytes: &[u8]) -> SharedBuf {
    let mut buffer = SharedBuf::new(bytes.len()).unwrap();
    buffer.copy_from_slice(bytes);
    buffer
}

#[test]
fn a_buffer_goes_and_comes_back_with_its_bytes() {
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(2));
    for len in [0, 1, 4096, 4097, 3_000_000] {
        let mut bytes = vec![7; len];
        let mut image = buffer(&bytes);
        // Again and again: by the second time both sides know it.
        for _ in 0..4 {
            let before = image.as_ptr();
            lp.off.call_fn(add_one, image).process().then(keep);
            image = lp.outcome().unwrap();
            bytes.iter_mut().for_each(|byte| *byte += 1);
            assert!(*image == bytes[..], "{len} bytes");
            assert_eq!(image.as_ptr(), before, "it is the same memory, where it was");
        }
    }
    let workers = lp.off.stats().workers;
    assert!(workers.inline_bytes < 2000 && workers.arena_bytes == 0, "{workers:?}");
}

#[test]
fn a_worker_makes_buffers_and_takes_several() {
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1));
    lp.off.call_fn(fresh_buffer, 5000).process().then(keep);
    let made = lp.outcome().unwrap();
    assert!(made.len() == 5000 && made.iter().all(|byte| *byte == 9));
    lp.off.call_fn(concat, vec![buffer(b"one, "), buffer(b"two"), made]).process().then(keep);
    let all = lp.outcome().unwrap();
    assert_eq!((&all[..8], all.len()), (&b"one, two"[..], 5008));
}

#[test]
fn several_results_of_which_some_came() {
    let lp: TestLoop<Seen<(SharedBuf, SharedBuf)>> = looped(processes().workers(1));
    lp.off.call_fn(give_two, buffer(b"came")).process().then(keep);
    let (came, made) = lp.outcome().unwrap();
    assert_eq!((&came[..], &made[..]), (&b"came"[..], &b"made"[..]));
}

/// Each process numbers its own, and both begin with the same number.
#[test]
fn buffers_of_two_processes_are_told_apart() {
    alone("shared::buffers_of_two_processes_are_told_apart", || {
        let lp: TestLoop<Seen<(SharedBuf, SharedBuf)>> = looped(processes().workers(1));
        lp.off.call_fn(give_two, buffer(b"came")).process().then(keep);
        let (came, made) = lp.outcome().unwrap();
        assert_eq!((&came[..], &made[..]), (&b"came"[..], &b"made"[..]));
    });
}

#[test]
fn the_other_executors_move_it() {
    let lp: TestLoop<Seen<u64>> = looped(processes().workers(1));
    lp.off.call_fn(sum_buffer, buffer(&[1, 2, 3])).process().then(keep);
    lp.off.call_fn(sum_buffer, buffer(&[1, 2, 3])).threads().then(keep);
    lp.off.call_fn(sum_buffer, buffer(&[1, 2, 3])).inline().then(keep);
    assert!(lp.outcomes(3).iter().all(|outcome| matches!(outcome, Ok(6))));
}

fn codec(lp: &TestLoop<Seen<SharedBuf>>) -> String {
    match lp.outcome() {
        Err(Failure::Codec(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Two that reach the same bytes, in two processes, would be a race.
#[test]
fn a_buffer_is_in_one_place_at_a_time() {
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1).spare(0));
    let shared = Arc::new(buffer(b"shared"));
    lp.off
        .call_fn(same_buffer_twice, crate::functions::Two(shared.clone(), None))
        .process()
        .then(keep);
    let text = codec(&lp);
    assert!(text.contains("still held by this process"), "{text}");
    let twice = crate::functions::Two(shared.clone(), Some(shared));
    lp.off.call_fn(same_buffer_twice, twice).process().then(keep);
    let text = codec(&lp);
    assert!(text.contains("in the value twice"), "{text}");
    let many = (0..9).map(|_| buffer(b"x")).collect();
    lp.off.call_fn(concat, many).process().then(keep);
    let text = codec(&lp);
    assert!(text.contains("more than 8"), "{text}");
    lp.off.call_fn(add_one, buffer(b"a")).process().then(keep);
    assert_eq!(&lp.outcome().unwrap()[..], b"b");
}

/// Results that are kept for long take no place that another call needs.
#[test]
fn buffers_that_are_kept_hold_up_no_call() {
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1));
    let mut kept = Vec::new();
    for n in 0..40 {
        lp.off.call_fn(fresh_buffer, 1000 + n).process().then(keep);
        kept.push(lp.outcome().unwrap());
        lp.off.call_fn(add_one, buffer(&[n as u8; 100])).process().then(keep);
        kept.push(lp.outcome().unwrap());
    }
    for (n, pair) in kept.chunks(2).enumerate() {
        assert!(pair[0].len() == 1000 + n && pair[0].iter().all(|byte| *byte == 9));
        assert!(pair[1].iter().all(|byte| usize::from(*byte) == n + 1));
    }
    assert!(lp.off.stats().workers.started <= 2, "one, and its spare");
}
