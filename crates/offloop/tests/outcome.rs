//! G1 and G6: a call has exactly one outcome, and a panic is one. Invariant: each test counts
//! handlers and outcomes itself and believes no counter of the library.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use common::probes::Bomb;
use common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, wait_until};
use offloop::{By, Executor, Failure, Outcome, Reason, Threads, Work};

#[test]
fn a_value_comes_back_from_every_executor() {
    let lp = TestLoop::<Seen<u32>>::new();
    lp.off.call(|| 1).threads().then(keep);
    assert_eq!(lp.outcome().unwrap(), 1);
    lp.off.call(|| 2).cores().then(keep);
    assert_eq!(lp.outcome().unwrap(), 2);
    lp.off.call(|| 3).inline().then(keep);
    assert_eq!(lp.outcome().unwrap(), 3);
    lp.off.call_with(|cx| u32::from(cx.is_cancelled())).then(keep);
    assert_eq!(lp.outcome().unwrap(), 0);
}

#[test]
fn a_call_runs_on_the_executor_that_it_names() {
    let lp = TestLoop::<Seen<(thread::ThreadId, String)>>::new();
    let who = || {
        let thread = thread::current();
        (thread.id(), thread.name().unwrap_or("").to_owned())
    };
    lp.off.call(who).then(keep);
    assert!(lp.outcome().unwrap().1.starts_with("offloop-t"), "threads is the default");
    lp.off.call(who).cores().then(keep);
    assert!(lp.outcome().unwrap().1.starts_with("offloop-c"));
    lp.off.call(who).inline().then(keep);
    assert_eq!(lp.outcome().unwrap().0, thread::current().id());
}

#[test]
fn a_handle_submits_from_other_threads_and_from_running_calls() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (outer, inner) = (lp.off.handle(), lp.off.handle());
    thread::spawn(move || {
        outer.call(|| 1).then(keep);
        outer
            .call(move || {
                inner.call(|| 3).inline().then(keep);
                2
            })
            .cores()
            .then(keep);
    })
    .join()
    .unwrap();
    let mut values: Vec<u32> = lp.outcomes(3).into_iter().map(Result::unwrap).collect();
    values.sort_unstable();
    assert_eq!(values, [1, 2, 3]);
}

/// Finish, panic, cancel, deadline: whoever is first, there is one outcome and one handler.
#[test]
fn a_call_has_one_outcome_whoever_decides_first() {
    const CALLS: usize = 4_000;
    let lp = TestLoop::<Vec<u32>>::new();
    let mut handled = vec![0; CALLS];
    let ran: Arc<[AtomicUsize]> = (0..CALLS).map(|_| AtomicUsize::new(0)).collect();
    for index in 0..CALLS {
        let ran = ran.clone();
        let call = lp.off.call(move || {
            ran[index].fetch_add(1, Ordering::SeqCst);
            if index % 5 == 0 {
                explode("one of five");
            }
        });
        let call = if index % 2 == 0 { call.cores() } else { call };
        let call = match index % 3 {
            0 => call,
            part => call.deadline(Duration::from_micros((part * index % 300) as u64)),
        };
        let ticket = call.then(move |handled: &mut Vec<u32>, _| handled[index] += 1);
        if index % 4 == 0 {
            thread::spawn(move || ticket.cancel());
        }
    }
    lp.run_until(&mut handled, |handled| handled.iter().sum::<u32>() >= CALLS as u32);
    assert!(handled.iter().all(|&times| times == 1), "each handler ran once");
    assert!(ran.iter().all(|times| times.load(Ordering::SeqCst) <= 1), "no function ran twice");
    let stats = lp.off.stats();
    let decided = stats.finished + stats.panicked + stats.timed_out + stats.cancelled;
    assert_eq!(decided, CALLS as u64, "the counters tell of one outcome per call");
}

#[test]
fn a_panic_is_an_outcome_with_its_message_name_and_place() {
    let lp = TestLoop::<Seen<()>>::new();
    let first = line!();
    lp.off.call(|| panic!("no {}", "luck")).name("dice").then(keep);
    let last = line!();
    let Err(Failure::Panicked(panic)) = lp.outcome() else { panic!("a panic is an outcome") };
    assert_eq!(panic.message(), "no luck");
    assert_eq!(panic.name(), Some("dice"));
    assert!(panic.place().file().ends_with("outcome.rs"));
    assert!((first..=last).contains(&panic.place().line()));
    let text = panic.to_string();
    for part in ["no luck", "dice", "outcome.rs"] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[test]
fn a_panic_payload_goes_to_its_first_taker() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call(|| std::panic::panic_any(41_u8)).then(keep);
    let Err(failure) = lp.outcome() else { panic!("a panic is an outcome") };
    let (Failure::Panicked(first), Failure::Panicked(second)) = (failure.clone(), failure) else {
        panic!("a panic is an outcome")
    };
    assert_eq!(*first.into_payload().unwrap().downcast::<u8>().unwrap(), 41);
    assert!(second.into_payload().is_none());
}

#[test]
fn a_worker_lives_on_after_a_panic() {
    let started = Count::new();
    let starts = started.clone();
    let threads = Threads::new().max(1).on_start(move || starts.add());
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
    for _ in 0..50 {
        lp.off.call(|| explode("again")).then(keep);
    }
    assert!(lp.outcomes(50).iter().all(|one| matches!(one, Err(Failure::Panicked(_)))));
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
    assert_eq!(started.get(), 1, "no panic cost a thread");
}

#[test]
fn a_panic_inside_an_inline_call_is_an_outcome_too() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call(|| explode("on the loop")).inline().then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
}

#[test]
fn a_panic_hangs_no_caller() {
    let heard = Count::new();
    let hook = heard.clone();
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        builder.on_unobserved(move |what| {
            assert!(matches!(what.failure, Some(Failure::Panicked(_))) && !what.handler_dropped);
            hook.add();
        })
    });
    lp.off.call(|| explode("then")).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    let awaited = common::block_on::block_on(lp.off.call(|| explode("await")));
    assert!(matches!(awaited, Err::<(), _>(Failure::Panicked(_))));
    lp.off.call(|| explode("detach")).detach();
    lp.run_until(&mut Vec::new(), |_| heard.get() == 1);
}

#[test]
fn a_captured_value_that_panics_when_dropped_is_an_outcome() {
    let (lp, dropped) = (TestLoop::<Seen<()>>::new(), Count::new());
    let bomb = Bomb(dropped.clone());
    lp.off.call(move || bomb.touch()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_job_that_panics_when_dropped_unrun_is_contained() {
    let started = Count::new();
    let starts = started.clone();
    let threads = Threads::new().max(1).on_start(move || starts.add());
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
    let (hold, dropped) = (Hold::threads(&lp.off, 1), Count::new());
    let bomb = Bomb(dropped.clone());
    lp.off.call(move || bomb.touch()).then(keep).cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(By::Caller))));
    hold.open();
    dropped.wait(1);
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
    assert_eq!(started.get(), 1, "the worker lives on");
    wait_until(|| lp.off.stats().destructor_panics == 1);
}

#[test]
fn a_discarded_result_that_panics_when_dropped_is_contained() {
    let started = Count::new();
    let starts = started.clone();
    let threads = Threads::new().max(1).on_start(move || starts.add());
    let lp = TestLoop::<Seen<Bomb>>::with(|builder| builder.threads(threads));
    let (latch, dropped) = (Latch::new(), Count::new());
    let ticket = lp.off.call(latch.holding(Bomb(dropped.clone()))).then(keep);
    latch.entered.wait(1);
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(By::Caller))));
    latch.open();
    dropped.wait(1);
    assert_eq!(common::block_on::block_on(lp.off.call(|| 7)).unwrap(), 7);
    assert_eq!(started.get(), 1, "the worker lives on");
    wait_until(|| lp.off.stats().destructor_panics == 1);
}

#[test]
fn a_panic_payload_that_panics_when_dropped_is_contained() {
    let lp = TestLoop::<Seen<()>>::new();
    let dropped = Count::new();
    let bomb = Bomb(dropped.clone());
    lp.off.call(move || std::panic::resume_unwind(Box::new(bomb))).detach();
    lp.run_until(&mut Vec::new(), |_| dropped.get() == 1);
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
}

#[test]
fn a_failure_reads_as_one_sentence() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call(|| explode("first line")).then(keep);
    let panicked = lp.outcome().unwrap_err();
    let reasons = [
        Reason::QueueFull,
        Reason::NoWorker,
        Reason::Abandoned,
        Reason::NotConfigured,
        Reason::Unregistered,
        Reason::TooLarge,
    ];
    let cancels = [By::Caller, By::Superseded, By::Scope];
    let mut failures = vec![panicked, Failure::TimedOut, Failure::Shutdown];
    failures.extend(reasons.map(Failure::Rejected));
    failures.extend(cancels.map(Failure::Cancelled));
    let mut texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
    assert!(texts.iter().all(|text| text.starts_with("the call") || text.starts_with("offloop")));
    assert!(texts.iter().all(|text| !text.contains('\n') && !text.ends_with('.')));
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), failures.len(), "each says something else");
}

/// Takes no call.
struct Unwilling;

impl Executor for Unwilling {
    fn submit(&self, work: Work) -> Result<(), Work> {
        Err(work)
    }
}

#[test]
fn a_call_that_an_executor_gives_back_is_refused_without_a_word_of_the_system() {
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.cores_on(Unwilling));
    lp.off.call(|| ()).cores().then(keep);
    let failure = lp.outcome().unwrap_err();
    assert!(matches!(failure, Failure::Rejected(Reason::NoWorker)), "{failure}");
    assert_eq!(failure.to_string(), "the call was refused: no worker could be had for it");
}

#[test]
fn a_dropped_ticket_changes_nothing() {
    let lp = TestLoop::<Seen<u8>>::with(|builder| builder.threads(Threads::new().max(1)));
    let hold = Hold::threads(&lp.off, 1);
    drop(lp.off.call(|| 5).then(keep));
    hold.open();
    assert!(matches!(lp.outcome(), Outcome::Ok(5)));
}
