//! `share`: one run serves all equal calls in flight. Invariant: a shared function counts its runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use offloop::{By, Failure, Reason, Threads, Ticket};

use crate::common::block_on::block_on;
use crate::common::probes::Drops;
use crate::common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, wait_until};

crate::rows::rows!(Share);

/// A function that is shared: it waits inside, then says whether it was cancelled.
#[derive(Clone, Default)]
struct Run {
    latch: Latch,
    told: Arc<AtomicBool>,
}

impl Run {
    fn join(&self, lp: &TestLoop<Seen<u32>>, deadline: Option<Duration>) -> Ticket {
        let run = self.clone();
        let call = lp.off.call_with(move |cx| {
            run.latch.pass();
            run.told.store(cx.is_cancelled(), Ordering::SeqCst);
            7
        });
        let call = call.share("key");
        match deadline {
            Some(time) => call.deadline(time).then(keep),
            None => call.then(keep),
        }
    }

    /// Lets the function go on; says whether it was told that nobody waits.
    fn end(&self, lp: &TestLoop<Seen<u32>>) -> bool {
        self.latch.open();
        wait_until(|| {
            let stats = lp.off.stats();
            stats.threads.running == 0 && stats.threads.abandoned == 0
        });
        self.told.load(Ordering::SeqCst)
    }
}

fn is_cancelled(outcome: &offloop::Outcome<u32>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Caller)))
}

#[test]
fn one_run_gives_each_caller_its_value_whatever_the_ending_and_the_handle() {
    let lp = TestLoop::<Seen<String>>::new();
    let latch = Latch::new();
    let function = || latch.holding(String::from("once"));
    let handle = lp.off.handle();
    lp.off.call(function()).share("key").then(keep);
    handle.call(function()).share("key").cores().then(keep);
    lp.off.call(function()).share("key").inline().then(keep);
    lp.off.call(function()).share("key").try_then(keep).expect("it joins");
    lp.off.call(function()).share("key").detach();
    let awaited = handle.call(function()).share("key");
    let task = thread::spawn(move || block_on(awaited));
    latch.entered.wait(1);
    wait_until(|| lp.off.stats().submitted == 6);
    latch.open();
    assert_eq!(task.join().unwrap().unwrap(), "once");
    assert!(lp.outcomes(4).iter().all(|outcome| matches!(outcome, Ok(text) if text == "once")));
    assert_eq!(latch.entered.get(), 1);
}

#[test]
fn the_next_call_after_the_end_begins_a_run_of_its_own() {
    let lp = TestLoop::<Seen<u32>>::new();
    for number in 0..5 {
        lp.off.call(move || number).share("key").then(keep);
        assert!(matches!(lp.outcome(), Ok(value) if value == number));
    }
}

#[test]
fn values_of_different_types_never_meet() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(())).share("key").detach();
    lp.off.call(|| 7).share("key").then(keep);
    assert!(matches!(lp.outcome(), Ok(7)), "it does not wait for the run of a ()");
    latch.open();
}

#[test]
fn all_hear_of_a_leader_that_panics() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    for _ in 0..3 {
        let gate = latch.clone();
        let call = lp.off.call(move || -> u32 {
            gate.pass();
            explode("shared")
        });
        call.share("key").then(keep);
        latch.entered.wait(1);
    }
    latch.open();
    for outcome in lp.outcomes(3) {
        let Err(Failure::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
        assert!(panic.to_string().contains("shared"), "{panic}");
    }
    assert_eq!(latch.entered.get(), 1);
}

#[test]
fn the_others_get_the_value_when_the_leader_is_cancelled() {
    let (lp, run) = (TestLoop::<Seen<u32>>::new(), Run::default());
    let leader = run.join(&lp, None);
    run.latch.entered.wait(1);
    run.join(&lp, None);
    run.join(&lp, None);
    leader.cancel();
    assert!(is_cancelled(&lp.outcome()), "at once");
    assert!(!run.end(&lp), "the run goes on for the others");
    assert!(lp.outcomes(2).iter().all(|outcome| matches!(outcome, Ok(7))));
    assert_eq!(run.latch.entered.get(), 1);
}

#[test]
fn the_run_is_cancelled_when_all_have_left_and_the_next_call_begins_another() {
    let (lp, run) = (TestLoop::<Seen<u32>>::new(), Run::default());
    let tickets = [run.join(&lp, None), run.join(&lp, None), run.join(&lp, None)];
    run.latch.entered.wait(1);
    tickets.iter().for_each(Ticket::cancel);
    assert!(lp.outcomes(3).iter().all(is_cancelled));
    lp.off.call(|| 8).share("key").then(keep);
    assert!(matches!(lp.outcome(), Ok(8)), "it does not join a run that was given up");
    assert_eq!(lp.off.stats().threads.abandoned, 0, "a cancelled function keeps its worker");
    assert!(run.end(&lp), "the function is told");
}

#[test]
fn a_run_that_is_queued_does_not_start_when_all_have_left() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1)));
    let (hold, run) = (Hold::threads(&lp.off, 1), Run::default());
    let tickets = [run.join(&lp, None), run.join(&lp, None)];
    tickets.iter().for_each(Ticket::cancel);
    assert!(lp.outcomes(2).iter().all(is_cancelled));
    hold.open();
    lp.off.call(|| 1).then(keep);
    assert!(lp.outcome().is_ok());
    assert_eq!(run.latch.entered.get(), 0);
}

#[test]
fn a_deadline_of_one_does_not_end_the_run_for_the_others() {
    let (lp, run) = (TestLoop::<Seen<u32>>::new(), Run::default());
    run.join(&lp, None);
    run.latch.entered.wait(1);
    run.join(&lp, Some(Duration::from_millis(5)));
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    assert_eq!(lp.off.stats().threads.abandoned, 0, "one still waits");
    assert!(!run.end(&lp), "the run goes on for that one");
    assert!(matches!(lp.outcome(), Ok(7)));
}

#[test]
fn a_run_that_all_timed_out_of_is_abandoned_and_its_worker_replaced() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1)));
    // With longer deadlines each time, until the function is entered before they pass.
    let run = (0..10).find_map(|attempt| {
        let (run, time) = (Run::default(), Duration::from_millis(50 << attempt));
        run.join(&lp, Some(time));
        run.join(&lp, Some(2 * time));
        let seen = lp.outcomes(2);
        assert!(seen.iter().all(|outcome| matches!(outcome, Err(Failure::TimedOut))), "{seen:?}");
        let entered = || run.latch.entered.get() == 1;
        wait_until(|| entered() || Arc::strong_count(&run.told) == 1);
        entered().then_some(run)
    });
    let run = run.expect("a function is entered within a minute");
    wait_until(|| lp.off.stats().threads.abandoned == 1);
    lp.off.call(|| 8).share("key").then(keep);
    assert!(matches!(lp.outcome(), Ok(8)), "the only worker was replaced");
    assert!(run.end(&lp), "the function is told");
}

/// Its clone panics while the latch is open.
struct Uncopied(Arc<AtomicBool>);

impl Clone for Uncopied {
    fn clone(&self) -> Self {
        if self.0.load(Ordering::SeqCst) {
            explode("no copy");
        }
        Self(self.0.clone())
    }
}

#[test]
fn a_clone_that_panics_is_the_outcome_of_the_one_that_it_was_for() {
    let lp = TestLoop::<Vec<Result<(), String>>>::new();
    let latch = Latch::new();
    for _ in 0..3 {
        let call = lp.off.call(latch.holding(Uncopied(Arc::new(AtomicBool::new(true)))));
        call.share("key").then(|seen: &mut Vec<_>, outcome| {
            seen.push(outcome.map(drop).map_err(|failure| failure.to_string()));
        });
        latch.entered.wait(1);
    }
    latch.open();
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() == 3);
    let (values, panics): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
    assert_eq!((values.len(), panics.len()), (1, 2), "one has the value itself");
    assert!(panics.iter().all(|what| what.as_ref().unwrap_err().contains("no copy")), "{panics:?}");
    assert_eq!(lp.off.stats().panicked, 2);
}

/// Counts its clones.
struct Copied(Count);

impl Clone for Copied {
    fn clone(&self) -> Self {
        self.0.add();
        Self(self.0.clone())
    }
}

#[test]
fn a_caller_that_has_left_costs_no_clone_and_the_last_one_gets_the_value_itself() {
    let lp = TestLoop::<Vec<bool>>::new();
    let (latch, copies) = (Latch::new(), Count::new());
    let mut tickets = Vec::new();
    for _ in 0..4 {
        let call = lp.off.call(latch.holding(Copied(copies.clone()))).share("key");
        tickets.push(call.then(|seen: &mut Vec<bool>, outcome| seen.push(outcome.is_ok())));
        latch.entered.wait(1);
    }
    tickets[..2].iter().for_each(Ticket::cancel);
    latch.open();
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() == 4);
    assert_eq!(seen, [false, false, true, true]);
    assert_eq!(copies.get(), 1);
}

#[test]
fn jobs_that_do_not_run_and_values_that_nobody_takes_are_dropped_off_the_loop_thread() {
    let (lp, jobs) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let latch = Latch::new();
    for _ in 0..4 {
        let (probe, gate) = (jobs.probe(), latch.clone());
        let call = lp.off.call(move || {
            probe.touch();
            gate.pass();
            1
        });
        call.share("key").then(keep);
        latch.entered.wait(1);
    }
    latch.open();
    assert!(lp.outcomes(4).iter().all(Result::is_ok));
    jobs.were_elsewhere(4);
    let values = Drops::new();
    let (latch, value) = (Latch::new(), Arc::new(values.probe()));
    let mut tickets = Vec::new();
    for _ in 0..2 {
        tickets.push(lp.off.call(latch.holding(value.clone())).share("key").detach());
        latch.entered.wait(1);
    }
    drop(value);
    latch.open();
    wait_until(|| tickets.iter().all(Ticket::is_done));
    // The last outcome comes to the loop a moment later.
    wait_until(|| {
        lp.turn(&mut Vec::new());
        !values.threads().is_empty()
    });
    values.were_elsewhere(1);
}

#[test]
fn a_run_without_a_place_refuses_all_that_wait_for_it_and_one_under_way_needs_none() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1).queue(1)));
    let run = Run::default();
    run.join(&lp, None);
    run.latch.entered.wait(1);
    lp.off.call(|| ()).detach();
    lp.off.call(|| 1).share("other").then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::QueueFull))));
    let refused = lp.off.call(|| 1).share("other").try_then(keep).expect_err("the queue is full");
    assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
    run.join(&lp, None);
    lp.off.call(|| 1).share("key").try_then(keep).expect("it joins the run that is under way");
    run.end(&lp);
    assert!(lp.outcomes(3).iter().all(|outcome| matches!(outcome, Ok(7))));
    refused.call.then(refused.handler);
    assert!(matches!(lp.outcome(), Ok(1)), "what was given back is whole");
}

#[test]
fn a_shutdown_ends_every_caller_of_a_run_and_names_the_run_once() {
    let (lp, run) = (TestLoop::<Seen<u32>>::new(), Run::default());
    for _ in 0..3 {
        run.join(&lp, None);
    }
    run.latch.entered.wait(1);
    let report = lp.off.shutdown(Duration::ZERO);
    run.latch.open();
    assert_eq!((report.never_started, report.finished), (0, 0), "{report:?}");
    assert_eq!(report.abandoned.len(), 1, "{report:?}");
    assert!(lp.outcomes(3).iter().all(|outcome| matches!(outcome, Err(Failure::Shutdown))));
}
