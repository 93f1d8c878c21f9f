//! What a worker may use, and for how long it serves.

use std::time::Duration;

use offloop::{Exit, Failure};

use crate::common::{Seen, TestLoop, keep};
use crate::functions::{
    abort, burst, devour, grow, looped, lower_first, process_id, processes, spin, try_reserve,
};

const MIB: u64 = 1 << 20;

#[test]
fn a_worker_at_its_memory_limit_is_told_from_one_that_crashes() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).memory_limit(120 * MIB));
    lp.off.call_fn(devour, ()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::MemoryLimit))));
    lp.off.call_fn(burst, "no abort".into()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    assert_eq!(lp.off.stats().workers.out_of_memory, 1);
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
