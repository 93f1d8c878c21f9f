//! Workers that die. Invariant: a death costs the call that ran there, and no other.

use offloop::{Exit, Failure, Outcome};

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Mark, SOCKET, abort, begin_and_spin, die_once, double, functions, leave_a_child_and_die,
    looped, process_id, processes, sleep, workers_from,
};

fn kill(process: &str) {
    let killed = std::process::Command::new("kill").args(["-KILL", process]).status();
    assert!(killed.expect("kill is there").success());
}

fn is_killed<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Died(Exit::Signal(9))))
}

/// G14
#[test]
fn a_crash_fails_the_one_call_that_it_ran() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    for n in 0..20 {
        lp.off.call_fn(sleep, 2).process().then(keep);
        lp.off.call_fn(double, n).process().then(keep);
        if n % 5 == 0 {
            lp.off.call_fn(abort, ()).process().then(keep);
        }
    }
    let outcomes = lp.outcomes(44);
    let died = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(died, 4, "{outcomes:?}");
    assert_eq!(lp.off.stats().died, 4);
    // The count may follow the outcome.
    wait_for("all are counted", || lp.off.stats().workers.signalled == 4);
}

#[test]
fn a_worker_killed_from_outside_fails_its_call_and_is_replaced() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let mark = Mark::new();
    lp.off.call_fn(begin_and_spin, mark.name()).process().then(keep);
    let mut process = String::new();
    wait_for("it says its number", || {
        process = mark.wait();
        !process.is_empty()
    });
    kill(&process);
    assert!(is_killed(&lp.outcome()));
    lp.off.call_fn(double, 4).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(8)));
}

/// Nobody waits for it, so the manager finds out.
#[test]
fn an_idle_worker_that_dies_is_replaced_and_no_call_hears_of_it() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    lp.off.call_fn(process_id, ()).process().then(keep);
    let first = lp.outcome().unwrap();
    kill(&first.to_string());
    // Whether or not the death is known by now: it has not begun, so it is run elsewhere.
    lp.off.call_fn(process_id, ()).process().then(keep);
    assert_ne!(lp.outcome().unwrap(), first);
    assert_eq!(lp.off.stats().workers.started, 2);
    wait_for("its end is counted", || lp.off.stats().workers.signalled == 1);
}

#[test]
fn a_storm_of_kills_between_calls_is_never_heard_of() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(1));
    for _ in 0..30 {
        lp.off.call_fn(process_id, ()).process().then(keep);
        let worker = lp.outcome().unwrap();
        kill(&worker.to_string());
        lp.off.call_fn(double, 1).process().then(keep);
        assert!(matches!(lp.outcome(), Ok(2)));
    }
}

/// No test of anything: a worker that copies its socket, which is its input at first.
#[test]
fn worker_that_shares_its_socket() {
    if std::env::var_os("OFFLOOP_WORKER").is_some() {
        let copy = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).expect("it is one");
        SOCKET.set(copy).expect("it is the only one");
        offloop::worker::run_if_worker(&functions());
    }
}

/// The end of its stream is not the sign of its death: somebody else may hold that open.
#[test]
fn a_death_is_noticed_though_a_grandchild_holds_the_socket() {
    let worker = workers_from("death::worker_that_shares_its_socket");
    let lp: TestLoop<Seen<u32>> = looped(worker.workers(1));
    let mark = Mark::new();
    lp.off.call_fn(leave_a_child_and_die, mark.name()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))));
    // It is still there, with the socket: nothing but the worker's end was heard.
    let child = mark.wait();
    let input = std::fs::read_link(format!("/proc/{child}/fd/0"));
    kill(&child);
    let input = input.expect("it has an input");
    assert!(input.to_string_lossy().starts_with("socket:"), "{input:?}");
}

#[test]
fn a_call_that_began_is_not_run_again_unless_it_is_idempotent() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let (once, twice) = (Mark::new(), Mark::new());
    lp.off.call_fn(die_once, once.name()).process().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))));
    assert_eq!(lp.off.stats().workers.requeued, 0);
    lp.off.call_fn(die_once, twice.name()).process().idempotent().then(keep);
    assert!(matches!(lp.outcome(), Ok(7)));
    assert_eq!(lp.off.stats().workers.requeued, 1);
}

#[test]
fn an_idempotent_call_that_always_dies_comes_to_its_end() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    lp.off.call_fn(abort, ()).process().idempotent().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Died(Exit::Signal(6)))));
    assert_eq!(lp.off.stats().workers.requeued, 3);
}
