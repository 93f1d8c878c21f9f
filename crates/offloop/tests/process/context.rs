//! A function's view of its call, from the other side.

use std::time::Duration;

use offloop::Failure;

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Mark, count_up, has_deadline, looped, processes, tell_duration, tell_unregistered,
    wait_for_cancel,
};
use crate::tricks::{tell_a_buffer, tell_at_length};

#[test]
fn every_value_of_progress_comes_in_order() {
    let lp: TestLoop<Vec<u32>> = looped(processes().workers(1));
    lp.off
        .call_fn_with(count_up, 1000)
        .process()
        .on_each_progress(|seen: &mut Vec<u32>, n: u32| seen.push(n))
        .then(|seen, outcome| seen.push(outcome.unwrap()));
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() > 1000);
    assert!(seen.iter().copied().eq((1..=1000).chain([1000])), "{seen:?}");
}

#[test]
fn the_newest_progress_comes_and_a_type_of_ones_own() {
    let lp: TestLoop<Vec<u64>> = looped(processes().workers(1));
    lp.off
        .call_fn_with(tell_duration, ())
        .process()
        .on_progress(|seen: &mut Vec<u64>, time: Duration| seen.push(time.as_secs()))
        .then(|seen, outcome| seen.push(outcome.unwrap().into()));
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.last() == Some(&0));
    assert_eq!(seen, [1, 0]);
}

fn panic_text(lp: &TestLoop<Seen<u32>>) -> String {
    match lp.outcome() {
        Err(Failure::Panicked(panic)) => panic.message().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn progress_of_the_wrong_type_is_a_panic_that_says_so() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn_with(tell_unregistered, ()).process().then(keep);
    let text = panic_text(&lp);
    assert!(text.contains("[u8; 3]") && text.contains("add_progress"), "{text}");
    lp.off
        .call_fn_with(tell_duration, ())
        .process()
        .on_progress(|_: &mut Seen<u32>, _: u32| {})
        .then(keep);
    let text = panic_text(&lp);
    assert!(text.contains("Duration") && text.contains("u32"), "{text}");
}

#[test]
fn progress_that_is_too_large_is_a_panic_that_says_so() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    // With its length, to the byte.
    lp.off.call_fn_with(tell_at_length, 32 * 1024 - 3).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(0)));
    lp.off.call_fn_with(tell_at_length, 32 * 1024 - 2).process().then(keep);
    let text = panic_text(&lp);
    assert!(text.contains("String") && text.contains("larger than the 32768 bytes"), "{text}");
    assert_eq!(lp.off.stats().workers.started, 1);
}

/// It would be in two hands: the function's, and the handler's.
#[test]
fn progress_that_is_a_buffer_is_a_panic_that_says_so() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn_with(tell_a_buffer, ()).process().then(keep);
    let text = panic_text(&lp);
    assert!(text.contains("progress of type") && text.contains("SharedBuf"), "{text}");
    assert_eq!(lp.off.stats().workers.started, 1);
}

#[test]
fn a_deadline_can_be_seen() {
    let lp: TestLoop<Seen<bool>> = looped(processes().workers(1));
    lp.off.call_fn_with(has_deadline, ()).process().then(keep);
    lp.off.call_fn_with(has_deadline, ()).process().deadline(Duration::from_secs(60)).then(keep);
    let outcomes = lp.outcomes(2);
    assert!(matches!(outcomes[..], [Ok(false), Ok(true)]), "{outcomes:?}");
}

/// A shutdown asks first.
#[test]
fn a_shutdown_lets_a_function_that_asks_return() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let mark = Mark::new();
    lp.off.call_fn_with(wait_for_cancel, mark.name()).process().then(keep);
    mark.wait();
    let report = lp.off.shutdown(Duration::from_secs(20));
    assert_eq!((report.finished, report.abandoned.len()), (1, 0));
    let mut seen = Vec::new();
    wait_for("its outcome is delivered", || {
        lp.turn(&mut seen);
        !seen.is_empty()
    });
    assert!(matches!(seen[..], [Ok(17)]), "{seen:?}");
}
