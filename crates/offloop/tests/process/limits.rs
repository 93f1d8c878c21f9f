//! What a worker may use, and for how long it serves.

use std::time::Duration;

use offloop::{Exit, Failure, SharedBuf};

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    abort, burst, devour, grow, looped, lower_first, process_id, processes, spin, try_reserve,
};
use crate::tricks::{compute, count_maps, measure, panic_twice, pass_on, touch};

const MIB: u64 = 1 << 20;

#[test]
fn a_worker_at_its_memory_limit_is_told_from_one_that_crashes() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).memory_limit(120 * MIB));
    lp.off.call_fn(devour, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::MemoryLimit))));
    lp.off.call_fn(burst, "no abort".into()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    // The count may follow the outcome.
    wait_for("it is counted", || lp.off.stats().workers.out_of_memory == 1);
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(abort, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))), "it has no limit");
}

#[test]
fn an_allocation_beyond_the_limit_fails_and_payloads_do_not_count() {
    let limited = || processes().workers(1).memory_limit(120 * MIB);
    let lp: TestLoop<Seen<bool>> = looped(limited());
    lp.off.call_fn(try_reserve, 50 * MIB).process().then(keep);
    lp.off.call_fn(try_reserve, 150 * MIB).process().then(keep);
    let outcomes = lp.outcomes(2);
    assert!(matches!(outcomes[..], [Ok(true), Ok(false)]), "{outcomes:?}");
    let lp: TestLoop<Seen<String>> = looped(limited());
    // Its memory is the argument's, and it was shared before.
    lp.off.call_fn(lower_first, "x".repeat(20 << 20)).process().then(keep);
    assert!(lp.outcome().is_ok());
    let lp: TestLoop<Seen<SharedBuf>> = looped(limited());
    lp.off.call_fn(pass_on, SharedBuf::new(200 << 20).unwrap()).process().then(keep);
    assert!(lp.outcome().is_ok());
}

#[test]
fn a_call_may_use_so_much_cpu_time_and_no_more() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).cpu_limit(Duration::from_secs(1)));
    lp.off.call_fn(spin, ()).process().then(keep);
    let outcome = lp.outcome();
    assert!(matches!(outcome, Err(Failure::Died(Exit::Signal(24)))), "{outcome:?}");
}

#[test]
fn a_worker_that_has_grown_is_replaced_and_nobody_hears_of_it() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0).recycle_above(40 * MIB));
    let mut ids: Vec<u32> = Vec::new();
    for grown in [0, 80, 0] {
        lp.off.call_fn(grow, grown * MIB).process().then(keep);
        ids.push(lp.outcome().unwrap());
    }
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    let workers = lp.off.stats().workers;
    assert_eq!((workers.recycled, workers.exited, workers.signalled), (1, 0, 0));
}

#[test]
fn a_worker_is_replaced_after_so_many_calls_and_nobody_hears_of_it() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0).recycle_after(3));
    let mut ids: Vec<u32> = Vec::new();
    for _ in 0..7 {
        lp.off.call_fn(process_id, ()).process().then(keep);
        ids.push(lp.outcome().unwrap());
    }
    assert_eq!((ids[0], ids[3]), (ids[2], ids[5]));
    assert!(ids[2] != ids[3] && ids[5] != ids[6], "{ids:?}");
    let workers = lp.off.stats().workers;
    assert_eq!((workers.recycled, workers.exited, workers.signalled), (2, 0, 0));
}

/// Under a limit, too, a panic is known for what it is, whether or not it is the first one.
#[test]
fn a_panic_that_aborts_is_no_lack_of_memory_and_one_that_was_caught_hides_none() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0).memory_limit(120 * MIB));
    lp.off.call_fn(panic_twice, ()).process().then(keep);
    let outcome = lp.outcome();
    assert!(matches!(outcome, Err(Failure::Died(Exit::Signal(6)))), "{outcome:?}");
    lp.off.call_fn(burst, "caught".into()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    lp.off.call_fn(devour, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::MemoryLimit))));
    assert_eq!(lp.off.stats().workers.started, 2, "both were in the same worker");
}

/// To the byte, and not as the memory has room for it.
#[test]
fn an_argument_that_is_larger_than_allowed_is_refused_whatever_its_result() {
    let lp: TestLoop<Seen<u64>> = looped(processes().workers(1).max_payload(100_000));
    for (len, is_fine) in [(99_997, true), (99_998, false)] {
        lp.off.call_fn(measure, vec![1; len]).process().then(keep);
        assert_eq!(lp.outcome().is_ok(), is_fine, "{len}");
    }
}

/// What an earlier call has used is not a later one's.
#[test]
fn each_call_has_its_cpu_time() {
    let worker = processes().workers(1).spare(0).cpu_limit(Duration::from_secs(1));
    let lp: TestLoop<Seen<u32>> = looped(worker);
    for _ in 0..4 {
        lp.off.call_fn(compute, 300).process().then(keep);
        let outcome = lp.outcome();
        assert!(matches!(outcome, Ok(0)), "{outcome:?}");
    }
}

/// A buffer is its caller's memory.
#[test]
fn a_worker_has_not_grown_by_the_buffers_that_it_was_sent() {
    let worker = processes().workers(1).spare(0).recycle_above(40 * MIB);
    let lp: TestLoop<Seen<SharedBuf>> = looped(worker);
    for _ in 0..2 {
        let buffer = SharedBuf::new(80 << 20).unwrap();
        lp.off.call_fn(touch, buffer).process().then(keep);
        assert!(matches!(lp.outcome(), Ok(buffer) if buffer[0] == 1));
    }
    let workers = lp.off.stats().workers;
    assert_eq!((workers.recycled, workers.started), (0, 1));
}

/// A worker keeps what may come again, and so much of it.
#[test]
fn a_worker_keeps_few_buffers() {
    let lp: TestLoop<Seen<u64>> = looped(processes().workers(1).spare(0));
    let maps = || {
        lp.off.call_fn(count_maps, ()).process().then(keep);
        lp.outcome().unwrap()
    };
    let own = maps();
    for _ in 0..3 {
        let buffer = SharedBuf::new(4096).unwrap();
        lp.off.call_fn(crate::functions::sum_buffer, buffer).process().then(keep);
        assert!(lp.outcome().is_ok());
    }
    assert_eq!(maps(), own, "what a function has dropped will not come again");
    for _ in 0..20 {
        lp.off.call_fn(crate::functions::fresh_buffer, 10).process().then(
            |seen: &mut Seen<u64>, outcome| keep(seen, outcome.map(|buffer| buffer.len() as u64)),
        );
        assert!(matches!(lp.outcome(), Ok(10)));
    }
    assert!(maps() <= own + 8);
}
