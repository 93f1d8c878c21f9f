//! Workers that nobody wants any more, and calls that are over. Invariant: whatever a worker does
//! then, its process ends, and its parent keeps nothing of it.

use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use offloop::{By, Exit, Failure, Processes, SharedBuf};

use crate::common::alone::{alone, descriptors};
use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Bookkept, Mark, begin_and_spin, double, functions, looped, processes, take_bookkept,
};
use crate::tricks::{
    change_the_group_and_spin, die_once_and_add, die_once_and_sum, keep_and_give, stay,
};
use crate::values::Two;

fn is_gone(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || status.contains("\nState:\tZ")
}

/// The children of this process, those that nobody has reaped included.
fn children() -> Vec<String> {
    let me = std::process::id().to_string();
    let ps = Command::new("ps").args(["--ppid", &me, "-o", "stat=,comm="]).output().unwrap();
    let listed = String::from_utf8_lossy(&ps.stdout).into_owned();
    listed.lines().filter(|line| !line.ends_with(" ps")).map(str::to_owned).collect()
}

#[test]
fn a_worker_that_is_asked_to_leave_and_stays_is_killed() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0).recycle_after(1));
    lp.off.call_fn(stay, ()).process().then(keep);
    let worker = lp.outcome().unwrap();
    wait_for("it is killed", || is_gone(worker));
    let workers = lp.off.stats().workers;
    assert_eq!((workers.recycled, workers.killed, workers.signalled), (1, 0, 0), "as was meant");
}

/// The kill is of the process, and not of its group alone.
#[test]
fn a_worker_that_has_left_its_group_is_killed() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let mark = Mark::new();
    let ticket = lp.off.call_fn(change_the_group_and_spin, mark.name()).process().then(keep);
    let mut worker = String::new();
    wait_for("it says its number", || {
        worker = mark.wait();
        !worker.is_empty()
    });
    ticket.cancel();
    assert!(lp.outcome().is_err());
    wait_for("it is killed", || is_gone(worker.parse().expect("a number")));
}

/// G12, G13
#[test]
fn a_worker_that_stays_at_the_end_is_killed() {
    alone("leaving::a_worker_that_stays_at_the_end_is_killed", || {
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
        lp.off.call_fn(stay, ()).process().then(keep);
        assert!(lp.outcome().is_ok());
        lp.off.shutdown(Duration::from_secs(20));
        assert_eq!(children(), Vec::<String>::new());
    });
}

/// G13: nor one that has not come up, whatever it does.
#[test]
fn a_worker_that_does_not_come_up_is_killed() {
    alone("leaving::a_worker_that_does_not_come_up_is_killed", || {
        let shell = |limit| {
            let worker = Processes::new(functions()).program("/bin/sh").arg("-c");
            let worker = worker.arg("exec sleep 600").workers(1).spare(0);
            worker.back_off(Duration::from_millis(1)).handshake(limit)
        };
        let lp: TestLoop<Seen<u32>> = looped(shell(Duration::from_millis(20)));
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(lp.outcome().is_err());
        wait_for("those that were late are gone", || children().is_empty());
        let lp: TestLoop<Seen<u32>> = looped(shell(Duration::MAX));
        lp.off.call_fn(double, 1).process().then(keep);
        wait_for("one starts", || children().len() == 1);
        lp.off.shutdown(Duration::ZERO);
        assert_eq!(children(), Vec::<String>::new(), "the one that was early is gone, too");
    });
}

/// G13: an attendant that is late has a worker whose executor is gone.
#[test]
fn a_worker_that_comes_back_after_the_end_is_kept_by_nobody() {
    static IN: Mutex<bool> = Mutex::new(false);
    static OUT: Mutex<()> = Mutex::new(());
    alone("leaving::a_worker_that_comes_back_after_the_end_is_kept_by_nobody", || {
        let before = descriptors().len();
        let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
        let closed = OUT.lock().unwrap();
        let slow = Bookkept(|| {
            *IN.lock().unwrap() = true;
            drop(OUT.lock());
        });
        lp.off.call_fn(take_bookkept, slow).process().then(keep);
        wait_for("it is encoded", || *IN.lock().unwrap());
        lp.off.shutdown(Duration::ZERO);
        drop(closed);
        let is_mapped = || {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            maps.contains("memfd:offloop")
        };
        wait_for("its memory is gone", || !is_mapped());
        wait_for("its descriptors are gone", || descriptors().len() == before);
    });
}

/// A call that is decided is not run again, though it might be.
#[test]
fn a_call_that_was_killed_is_not_tried_again() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let mark = Mark::new();
    let ticket = lp.off.call_fn(begin_and_spin, mark.name()).process().idempotent().then(keep);
    mark.wait();
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(By::Caller))));
    lp.off.call_fn(double, 1).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
    let workers = lp.off.stats().workers;
    assert_eq!((workers.killed, workers.requeued), (1, 0));
}

/// The argument lies in the memory of the worker that died.
#[test]
fn a_large_argument_goes_to_the_next_worker_with_its_call() {
    let lp: TestLoop<Seen<u64>> = looped(processes().workers(1));
    for len in [10, 1_000_000] {
        let mark = Mark::new();
        let call = lp.off.call_fn(die_once_and_sum, (mark.name(), vec![3; len])).process();
        call.idempotent().then(keep);
        assert!(matches!(lp.outcome(), Ok(sum) if sum == 3 * len as u64));
    }
    assert_eq!(lp.off.stats().workers.requeued, 2);
}

/// A buffer goes along as the run that died has left it.
#[test]
fn a_buffer_goes_to_the_next_worker_with_its_call() {
    let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1));
    let mark = Mark::new();
    let buffer = SharedBuf::new(100_000).unwrap();
    let call = lp.off.call_fn(die_once_and_add, (mark.name(), buffer)).process();
    call.idempotent().then(keep);
    assert!(lp.outcome().unwrap().iter().all(|byte| *byte == 2));
}

/// G13: a call that fails, or is killed, frees the buffers that went with it.
#[test]
fn a_buffer_of_a_call_that_fails_is_freed() {
    alone("leaving::a_buffer_of_a_call_that_fails_is_freed", || {
        let lp: TestLoop<Seen<SharedBuf>> = looped(processes().workers(1));
        let count = || {
            let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
            maps.lines().filter(|line| line.contains("memfd:offloop")).count()
        };
        let buffer = || SharedBuf::new(100_000).unwrap();
        for _ in 0..3 {
            let mark = Mark::new();
            lp.off.call_fn(die_once_and_add, (mark.name(), buffer())).process().then(keep);
            assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))));
        }
        // Those of a worker and its spare.
        wait_for("they are gone", || count() <= 2);
    });
}

/// Two processes would have it.
#[test]
fn a_result_that_the_worker_still_holds_is_refused() {
    let lp: TestLoop<Seen<Two>> = looped(processes().workers(1).spare(0));
    let mine = || Two(std::sync::Arc::new(SharedBuf::new(10).unwrap()), None);
    lp.off.call_fn(keep_and_give, mine()).process().then(keep);
    match lp.outcome() {
        Err(Failure::Codec(error)) => {
            assert!(error.to_string().contains("still in use"), "{error}");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it came"),
    }
}

/// An answer is heard though its worker's end is known already, and such a worker is had by nobody
/// after that.
#[test]
fn a_worker_that_was_reaped_behind_its_answer_is_not_used_again() {
    let program = std::env::current_exe().unwrap();
    let worker = Processes::new(functions()).program(program).on_output(|_| {});
    let args = ["--exact", "hostile::answers_and_ends", "--nocapture", "--test-threads=1"];
    let worker = args.into_iter().fold(worker.workers(1).spare(0), Processes::arg);
    let lp: TestLoop<Seen<u32>> = looped(worker);
    for ended in 1..=2 {
        crate::values::GATE.store(false, std::sync::atomic::Ordering::Release);
        lp.off.call_fn(double, 1).process().then(keep);
        wait_for("its end is known", || lp.off.stats().workers.exited == ended);
        crate::values::GATE.store(true, std::sync::atomic::Ordering::Release);
        assert!(matches!(lp.outcome(), Ok(0)));
    }
    let workers = lp.off.stats().workers;
    assert_eq!((workers.started, workers.requeued), (2, 0));
}
