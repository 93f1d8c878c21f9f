//! G4 and G5: submitting protects the loop, and a call that can't be taken is a value. Invariant:
//! the workers are occupied for as long as a test submits, so that waiting for one would hang it.

mod common;

use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::block_on::block_on;
use common::{Count, Hold, Seen, TestLoop, keep, wait_until};
use offloop::{Cores, Failure, Reason, Threads};

fn small<T: 'static>(queue: usize) -> TestLoop<Seen<T>> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1).queue(queue)))
}

fn is_full<T>(outcome: &offloop::Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Rejected(Reason::QueueFull)))
}

#[test]
fn a_submit_never_waits_for_a_full_pool() {
    let lp = small::<usize>(2);
    let hold = Hold::threads(&lp.off, 1);
    for index in 0..1000 {
        lp.off.call(move || index).then(keep);
    }
    let refused = lp.outcomes(998);
    assert!(refused.iter().all(is_full), "the worker is still held");
    hold.open();
    let taken: Vec<usize> = lp.outcomes(2).into_iter().map(Result::unwrap).collect();
    assert_eq!(taken, [0, 1]);
}

#[test]
fn a_full_queue_refuses_every_ending_and_every_handle() {
    let refused = Count::new();
    let hook = refused.clone();
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        builder.threads(Threads::new().max(1).queue(1)).on_unobserved(move |what| {
            assert!(matches!(what.failure, Some(Failure::Rejected(Reason::QueueFull))));
            hook.add();
        })
    });
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).then(keep);
    assert!(is_full(&block_on(lp.off.call(|| ()))));
    assert!(is_full(&block_on(lp.off.handle().call(|| ()))));
    lp.off.call(|| ()).detach();
    let handle = lp.off.handle();
    thread::spawn(move || handle.call(|| ()).then(keep)).join().unwrap();
    assert!(is_full(&lp.outcome()));
    lp.run_until(&mut Vec::new(), |_| refused.get() == 1);
    hold.open();
    assert!(lp.outcome().is_ok(), "the one that was taken");
}

#[test]
fn try_then_gives_call_handler_and_reason_back() {
    let lp = small::<u8>(1);
    let (hold, captured) = (Hold::threads(&lp.off, 1), Rc::new(()));
    lp.off.call(|| 1).then(keep);
    let (wakes, submitted) = (lp.wakes(), lp.off.stats().submitted);
    let witness = captured.clone();
    let refused = lp.off.call(|| 2).name("second").try_then(move |seen: &mut Seen<u8>, outcome| {
        drop(witness);
        seen.push(outcome);
    });
    let refused = refused.unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
    assert!(format!("{refused:?}").contains("second") && refused.to_string().contains("full"));
    assert_eq!((lp.wakes(), lp.off.stats().submitted), (wakes, submitted), "nothing happened");
    assert_eq!(Rc::strong_count(&captured), 2, "the handler is whole");
    hold.open();
    assert_eq!(lp.outcome().unwrap(), 1);
    refused.call.try_then(refused.handler).unwrap();
    assert_eq!(lp.outcome().unwrap(), 2);
    assert_eq!(Rc::strong_count(&captured), 1);
}

#[test]
fn try_then_of_a_handle_gives_everything_back_too() {
    let lp = small::<u8>(1);
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).then(keep);
    let handle = lp.off.handle();
    let (call, handler) = thread::spawn(move || {
        let refused = handle.call(|| 2).try_then(keep).unwrap_err();
        assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
        (refused.call, refused.handler)
    })
    .join()
    .unwrap();
    hold.open();
    assert_eq!(lp.outcome().unwrap(), 1);
    call.then(handler);
    assert_eq!(lp.outcome().unwrap(), 2);
    lp.off.close();
    let refused = lp.off.call(|| 3).try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Shutdown));
}

#[test]
fn a_refused_call_never_runs_later() {
    let lp = small::<()>(1);
    let (hold, ran) = (Hold::threads(&lp.off, 1), Count::new());
    lp.off.call(|| ()).then(keep);
    for _ in 0..50 {
        let ran = ran.clone();
        lp.off.call(move || ran.add()).then(keep);
    }
    assert!(lp.outcomes(50).iter().all(is_full));
    hold.open();
    assert!(lp.outcome().is_ok());
    lp.off.shutdown(Duration::from_secs(30));
    let counted = ran.clone();
    lp.off.call(move || counted.add()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    assert_eq!(ran.get(), 0);
}

#[test]
fn a_cancelled_or_timed_out_call_frees_its_place_in_the_queue() {
    // Room for two that were decided in the queue and that no worker has passed yet, and for one.
    let lp = small::<u8>(2);
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).then(keep).cancel();
    lp.off.call(|| 2).deadline(Duration::ZERO).then(keep);
    assert!(lp.outcomes(2).iter().all(|one| one.is_err() && !is_full(one)));
    hold.open();
    wait_until(|| lp.off.stats().threads.running == 0);
    for value in 3..100 {
        lp.off.call(move || value).then(keep);
        assert_eq!(lp.outcome().unwrap(), value);
    }
}

#[test]
fn each_executor_has_a_queue_of_its_own() {
    let lp = TestLoop::<Seen<u8>>::with(|builder| {
        builder.threads(Threads::new().max(1).queue(1)).cores(Cores::new().workers(1).queue(1))
    });
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 0).then(|_, _| {});
    lp.off.call(|| 1).cores().then(keep);
    assert_eq!(lp.outcome().unwrap(), 1);
    lp.off.call(|| 2).inline().then(keep);
    assert_eq!(lp.outcome().unwrap(), 2);
}

#[test]
fn a_submit_runs_no_function_and_no_handler() {
    let (lp, ran) = (small::<()>(1), Count::new());
    let hold = Hold::threads(&lp.off, 1);
    let (job, handler) = (ran.clone(), ran.clone());
    lp.off.call(move || job.add()).inline().then(move |_, _| handler.add());
    lp.off.call(|| ()).then(|_, _| {});
    let handler = ran.clone();
    lp.off.call(|| ()).then(move |_, _| handler.add());
    assert_eq!(ran.get(), 0);
    lp.woken_turn(&mut Vec::new());
    assert_eq!(ran.get(), 3);
    hold.open();
}

#[test]
fn a_submit_wakes_the_loop_at_most_once() {
    let lp = small::<()>(1);
    let hold = Hold::threads(&lp.off, 1);
    assert_eq!(lp.wakes(), 0);
    lp.off.call(|| ()).then(keep);
    assert_eq!(lp.wakes(), 0, "a call that waits has nothing to tell");
    let mut seen = Vec::new();
    for round in 1..=20 {
        if round % 2 == 0 {
            lp.off.call(|| ()).then(keep);
        } else {
            lp.off.call(|| ()).inline().then(keep);
        }
        assert_eq!(lp.wakes(), round, "a refusal or an inline call asks for one turn");
        lp.woken_turn(&mut seen);
    }
    assert_eq!(seen.len(), 20);
    hold.open();
}

/// A thread inherits its nice value from the one that starts it.
#[cfg(target_os = "linux")]
#[test]
fn the_loop_thread_starts_no_worker() {
    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::thread::gettid;

    let mine = || getpriority_process(Some(gettid())).unwrap();
    let on_loop = thread::spawn(move || {
        let lp = TestLoop::<Seen<i32>>::new();
        let before = mine();
        if before > 16 {
            return println!("NOT RUN: a nice value of {before} leaves no room for another three");
        }
        setpriority_process(Some(gettid()), before + 3).unwrap();
        for index in 0..64 {
            let call = lp.off.call(mine);
            if index % 2 == 0 { call.cores() } else { call }.then(keep);
        }
        assert!(lp.outcomes(64).into_iter().all(|nice| nice.unwrap() == before));
        assert_eq!(mine(), before + 3);
    });
    on_loop.join().unwrap();
}

#[test]
fn a_worker_is_never_the_submitting_thread() {
    let started = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let starts = started.clone();
    let threads = Threads::new().on_start(move || {
        starts.lock().unwrap().push(thread::current().id());
    });
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
    for _ in 0..100 {
        lp.off.call(|| ()).then(keep);
    }
    lp.outcomes(100);
    assert!(!started.lock().unwrap().contains(&thread::current().id()));
}

#[test]
fn options_that_cannot_work_are_refused_by_build_in_a_sentence() {
    use offloop::{Cores, Offloop, Threads};
    let refused = |builder: offloop::Builder<()>| builder.build().unwrap_err().to_string();
    let builder = || Offloop::<()>::builder().no_waker();
    assert!(Offloop::<()>::builder().build().unwrap_err().is_waker_missing());
    assert!(refused(builder().threads(Threads::new().max(0))).contains("Threads::max is 0"));
    assert!(refused(builder().cores(Cores::new().workers(0))).contains("Cores::workers is 0"));
    assert!(refused(builder().threads(Threads::new().queue(0))).contains("queue of 0"));
    if cfg!(target_os = "linux") {
        assert!(refused(builder().threads(Threads::new().nice(100))).contains("-20 to 19"));
        assert!(refused(builder().cores(Cores::new().pin([]))).contains("names no CPU"));
        let error = builder().cores(Cores::new().pin([100_000])).build().unwrap_err();
        assert!(error.is_system() && error.to_string().contains("100000"), "{error}");
    }
}
