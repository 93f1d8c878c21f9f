//! Arguments and results of every size and kind, and those that can't be told.

use offloop::{Failure, Outcome, Reason};

use crate::common::{Seen, TestLoop, keep};
use crate::functions::{
    Bomb, How, Stubborn, double, give_bomb, give_stubborn, looped, processes, reverse,
    take_stubborn, zeroes,
};

const INLINE: usize = 32 * 1024;

#[test]
fn every_size_comes_back_as_it_was_sent() {
    let lp: TestLoop<Seen<Vec<u8>>> = looped(processes().workers(1));
    // On both sides of a message's limit: a list of that length has three bytes more.
    let sizes = [0, 1, INLINE - 4, INLINE - 3, INLINE - 2, INLINE, 100_000, 1_000_001, 3];
    for size in sizes {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let mut expected = bytes.clone();
        expected.reverse();
        lp.off.call_fn(reverse, bytes).process().then(keep);
        assert!(lp.outcome().unwrap() == expected, "{size} bytes");
    }
    let workers = lp.off.stats().workers;
    assert_eq!(workers.started, 2, "one, and its spare: the memory is used again");
    let large: usize = sizes.iter().filter(|size| **size > INLINE - 3).sum();
    assert!(workers.arena_bytes as usize >= 2 * large && workers.inline_bytes > 0, "{workers:?}");
}

fn is_too_large<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Rejected(Reason::TooLarge)))
}

#[test]
fn what_is_larger_than_allowed_is_refused_and_the_worker_lives_on() {
    let lp: TestLoop<Seen<Vec<u8>>> = looped(processes().workers(1).spare(0).max_payload(100_000));
    lp.off.call_fn(reverse, vec![1; 99_997]).process().then(keep);
    assert!(lp.outcome().is_ok(), "with its length it is as large as allowed");
    lp.off.call_fn(reverse, vec![1; 99_998]).process().then(keep);
    assert!(is_too_large(&lp.outcome()), "the argument");
    lp.off.call_fn(zeroes, 99_998).process().then(keep);
    assert!(is_too_large(&lp.outcome()), "the result");
    lp.off.call_fn(zeroes, 1).process().then(keep);
    assert!(lp.outcome().is_ok());
    let stats = lp.off.stats();
    assert_eq!((stats.rejected, stats.workers.started), (2, 1));
}

fn codec(outcome: Outcome<u32>) -> String {
    match outcome {
        Err(Failure::Codec(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

fn panicked(outcome: Outcome<u32>) -> String {
    match outcome {
        Err(Failure::Panicked(panic)) => panic.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_not_be_told_is_an_outcome_and_the_worker_lives_on() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let take = |how| lp.off.call_fn(take_stubborn, Stubborn(how)).process().then(keep);
    let give = |how| {
        let call = lp.off.call_fn(give_stubborn, how).process();
        call.then(|seen: &mut Seen<u32>, outcome| keep(seen, outcome.map(|_| 0)))
    };
    take(How::Encoding);
    let text = codec(lp.outcome());
    assert!(text.starts_with("the argument: it can't be encoded"), "{text}");
    take(How::Decoding);
    let text = codec(lp.outcome());
    assert!(text.starts_with("the argument: it can't be decoded"), "{text}");
    give(How::Encoding);
    let text = codec(lp.outcome());
    assert!(text.starts_with("the result: it can't be encoded"), "{text}");
    give(How::Decoding);
    let text = codec(lp.outcome());
    assert!(text.starts_with("the result: it can't be decoded"), "{text}");
    for how in [How::EncodingByPanic, How::DecodingByPanic] {
        take(how);
        assert_eq!(panicked(lp.outcome()), "it would rather panic");
        give(how);
        assert_eq!(panicked(lp.outcome()), "it would rather panic");
    }
    take(How::Dropping);
    assert!(matches!(lp.outcome(), Ok(1)));
    let stats = lp.off.stats();
    assert_eq!((stats.codec, stats.panicked, stats.finished, stats.workers.started), (4, 4, 1, 1));
}

#[test]
fn a_result_whose_end_panics_in_the_worker_is_a_value_all_the_same() {
    let lp: TestLoop<Seen<Bomb>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn(give_bomb, std::process::id()).process().then(keep);
    assert!(lp.outcome().is_ok());
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn(double, 2).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(4)));
}

/// The pipe to a naive worker fills when both sides write.
#[test]
fn large_values_in_both_directions_at_once_block_nobody() {
    let lp: TestLoop<Seen<Vec<u8>>> = looped(processes().workers(2));
    for n in 0..8 {
        lp.off.call_fn(reverse, vec![n; 500_000]).process().then(keep);
        lp.off.call_fn(reverse, vec![n; INLINE / 2]).process().then(keep);
    }
    assert!(lp.outcomes(16).iter().all(Result::is_ok));
}

/// Nothing to be left over by a crash, and no mount whose size would limit it.
#[test]
fn memory_for_payloads_has_no_name() {
    let lp: TestLoop<Seen<Vec<u8>>> = looped(processes().workers(1));
    lp.off.call_fn(reverse, vec![1; 500_000]).process().then(keep);
    assert!(lp.outcome().is_ok());
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ours: Vec<&str> = maps.lines().filter(|line| line.contains("offloop")).collect();
    let is_shared =
        |line: &&&str| line.split_whitespace().nth(1).is_some_and(|is| is.ends_with('s'));
    let shared: Vec<&&str> = ours.iter().filter(is_shared).collect();
    assert!(!shared.is_empty(), "{maps}");
    assert!(shared.iter().all(|line| line.contains("/memfd:") && line.contains("(deleted)")));
}
