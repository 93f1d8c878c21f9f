//! Calls that are decided while their function runs: the function is really stopped, and nobody
//! else's.

use std::sync::Mutex;
use std::time::Duration;

use offloop::{By, Failure, Outcome};

use crate::common::{Seen, TestLoop, keep, wait_for};
use crate::functions::{
    Bookkept, Mark, begin_and_spin, begin_bookkept, double, looped, process_id, processes, sleep,
    spin, wait_for_cancel,
};

fn is_alive(process: &str) -> bool {
    // A process that ended and is not reaped is still listed.
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("\nState:\tZ")
}

/// A call whose function has begun and never returns, and the process that it is in.
fn begin(lp: &TestLoop<Seen<u32>>) -> (offloop::Ticket, String) {
    let mark = Mark::new();
    let ticket = lp.off.call_fn(begin_and_spin, mark.name()).process().then(keep);
    let mut process = String::new();
    wait_for("it says its number", || {
        process = mark.wait();
        !process.is_empty()
    });
    (ticket, process)
}

fn is_cancelled(outcome: &Outcome<u32>, by: By) -> bool {
    matches!(outcome, Err(Failure::Cancelled(who)) if *who == by)
}

/// G8, G15
#[test]
fn a_cancel_kills_the_process_and_a_new_one_takes_its_place() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let (ticket, process) = begin(&lp);
    ticket.cancel();
    assert!(is_cancelled(&lp.outcome(), By::Caller));
    wait_for("the process is gone", || !is_alive(&process));
    lp.off.call_fn(double, 2).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(4)));
    let workers = lp.off.stats().workers;
    assert_eq!((workers.killed, workers.signalled, workers.started), (1, 0, 2));
}

#[test]
fn a_scope_a_newer_call_and_a_dropped_future_kill_too() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    let scope = lp.off.scope();
    let mark = Mark::new();
    lp.off.call_fn(begin_and_spin, mark.name()).process().within(&scope).then(keep);
    mark.wait();
    drop(scope);
    wait_for("the scope's worker is killed", || lp.off.stats().workers.killed == 1);

    let mark = Mark::new();
    lp.off.call_fn(begin_and_spin, mark.name()).process().latest("key").then(keep);
    mark.wait();
    lp.off.call_fn(double, 1).process().latest("key").then(keep);
    let outcomes = lp.outcomes(2);
    assert!(outcomes.iter().any(|outcome| is_cancelled(outcome, By::Superseded)));
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Ok(2))));
    wait_for("the older call's worker is killed", || lp.off.stats().workers.killed == 2);

    let mark = Mark::new();
    let mut future =
        Box::pin(IntoFuture::into_future(lp.off.call_fn(begin_and_spin, mark.name()).process()));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_pending());
    mark.wait();
    drop(future);
    wait_for("the future's worker is killed", || lp.off.stats().workers.killed == 3);
}

/// One run serves all; the last one that leaves has it killed.
#[test]
fn a_shared_call_runs_once_and_is_killed_when_nobody_waits() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    for _ in 0..5 {
        lp.off.call_fn(process_id, ()).process().share("who").then(keep);
    }
    let ids: Vec<u32> = lp.outcomes(5).into_iter().map(Result::unwrap).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one process answered all of them");
    let mark = Mark::new();
    let share = || lp.off.call_fn(begin_and_spin, mark.name()).process().share("spin").then(keep);
    let tickets = [share(), share()];
    mark.wait();
    tickets[0].cancel();
    assert!(lp.outcome().is_err());
    assert_eq!(lp.off.stats().workers.killed, 0, "somebody waits");
    tickets[1].cancel();
    assert!(lp.outcome().is_err());
    wait_for("it is killed", || lp.off.stats().workers.killed == 1);
}

/// G7: the outcome does not wait for the process's end, and the loop is woken for it.
#[test]
fn a_deadline_is_kept_and_its_function_stopped() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    // On a slow machine one may pass on the way to the function.
    let mut begun = (0..7).map(|attempt| {
        let mark = Mark::new();
        let call = lp.off.call_fn(begin_and_spin, mark.name()).process();
        call.deadline(Duration::from_millis(300 << attempt)).then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
        (attempt + 1, std::fs::read_to_string(mark.name()).unwrap_or_default())
    });
    let (attempts, process) = begun.find(|(_, it)| !it.is_empty()).expect("it has begun");
    let killed_at_most_once = || lp.off.stats().workers.killed <= attempts;
    wait_for("it is killed", || killed_at_most_once() && !is_alive(&process));
}

/// A call that is cancelled before it begins must not begin later, nor cost a worker.
#[test]
fn a_call_cancelled_in_the_queue_never_begins() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let (first, process) = begin(&lp);
    let mark = Mark::new();
    let second = lp.off.call_fn(begin_and_spin, mark.name()).process().then(keep);
    second.cancel();
    assert!(is_cancelled(&lp.outcome(), By::Caller));
    assert!(is_alive(&process), "the first call goes on");
    first.cancel();
    assert!(is_cancelled(&lp.outcome(), By::Caller));
    lp.off.call_fn(double, 3).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(6)));
    assert!(std::fs::metadata(mark.name()).is_err(), "the second one never began");
    assert_eq!(lp.off.stats().workers.killed, 1);
}

/// The moment between a worker's being had and its being sent the call.
#[test]
fn a_call_cancelled_while_its_argument_is_encoded_never_begins() {
    static TICKET: Mutex<Option<offloop::Ticket>> = Mutex::new(None);
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1).spare(0));
    let mark = Mark::new();
    let cancel = Bookkept(|| {
        wait_for("the ticket is there", || TICKET.lock().unwrap().is_some());
        TICKET.lock().unwrap().take().unwrap().cancel();
    });
    let ticket = lp.off.call_fn(begin_bookkept, (cancel, mark.name())).process().then(keep);
    *TICKET.lock().unwrap() = Some(ticket);
    assert!(is_cancelled(&lp.outcome(), By::Caller));
    lp.off.call_fn(double, 3).process().then(keep);
    assert!(matches!(lp.outcome(), Ok(6)));
    assert!(std::fs::metadata(mark.name()).is_err(), "it never began");
    let workers = lp.off.stats().workers;
    assert_eq!((workers.killed, workers.started), (0, 1));
}

/// Cancels that race with answers: the one that is answered keeps its worker, and so does everybody
/// else's call.
#[test]
fn a_cancel_that_comes_late_kills_nobody_elses_call() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    let mut total = 0;
    for round in 0..200u64 {
        let ticket = lp.off.call_fn(double, 1).process().then(keep);
        lp.off.call_fn(sleep, 1).process().then(keep);
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_micros(round * 7 % 300));
            ticket.cancel();
        });
        let outcomes = lp.outcomes(2);
        canceller.join().unwrap();
        total += outcomes.len();
        let fine = |outcome: &Outcome<u32>| outcome.is_ok() || is_cancelled(outcome, By::Caller);
        assert!(outcomes.iter().all(fine), "{outcomes:?}");
        assert!(outcomes.iter().any(|outcome| matches!(outcome, Ok(0))), "{outcomes:?}");
    }
    assert_eq!(total, 400);
}

/// G12, G13
#[test]
fn a_shutdown_kills_what_does_not_return_and_names_it() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    let (_ticket, process) = begin(&lp);
    let mark = Mark::new();
    lp.off.call_fn_with(wait_for_cancel, mark.name()).process().then(keep);
    mark.wait();
    let report = lp.off.shutdown(Duration::from_secs(5));
    assert_eq!((report.finished, report.never_started), (1, 0));
    let names: Vec<_> = report.abandoned.iter().map(|call| call.name.as_deref()).collect();
    assert_eq!(names, [Some("begin and spin")]);
    assert!(!is_alive(&process), "it is gone when the shutdown returns");
    assert_eq!(lp.off.stats().processes.threads, 0);
}

#[test]
fn the_last_drop_leaves_no_process() {
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(2));
    lp.off.call_fn(process_id, ()).process().then(keep);
    let idle = lp.outcome().unwrap().to_string();
    let (_ticket, busy) = begin(&lp);
    lp.off.call_fn(spin, ()).process().detach();
    drop(lp);
    assert!(!is_alive(&idle) && !is_alive(&busy));
}
