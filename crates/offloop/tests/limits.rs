//! Options at their ends: what can't work is an error of `build`, and what can, works. Invariant:
//! no value of an option is a panic or a hang.

mod common;

use std::time::Duration;

use common::{Hold, Seen, TestLoop, keep, wait_until};
use offloop::{Cores, Error, Failure, Offloop, Reason, Threads, Turn};

fn error_of(threads: Threads, cores: Cores) -> Error {
    let builder = Offloop::<()>::builder().no_waker().threads(threads).cores(cores);
    builder.build().expect_err("it can't work")
}

#[test]
fn an_option_that_can_not_work_is_an_error_of_build() {
    let missing = Offloop::<()>::builder().build().unwrap_err();
    assert!(missing.is_waker_missing() && !missing.is_system());
    // As a `main` that returns it prints it.
    assert_eq!(format!("{missing:?}"), missing.to_string());
    let errors = [
        missing,
        error_of(Threads::new().max(0), Cores::new()),
        error_of(Threads::new(), Cores::new().workers(0)),
        error_of(Threads::new().queue(0), Cores::new()),
        error_of(Threads::new(), Cores::new().queue(0)),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(!text.contains('\n') && text.len() > 20, "{text}");
    }
}

#[test]
fn a_thread_that_can_not_be_pinned_is_an_error_of_build() {
    let error = error_of(Threads::new().pin([1 << 20]), Cores::new());
    assert!(error.is_system() && error.to_string().contains("1048576"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn nice_pin_and_on_start_are_for_the_workers_alone() {
    use rustix::process::getpriority_process;
    use rustix::thread::{gettid, sched_getaffinity};

    let before = getpriority_process(Some(gettid())).unwrap();
    let cpus = sched_getaffinity(None).unwrap();
    let first = (0..1024).find(|&cpu| cpus.is_set(cpu)).unwrap();
    if before > 17 {
        println!("NOT RUN: a nice value of {before} leaves no room for another two");
    }
    // There is none above 19.
    let nice = (before + 2).min(19);
    let threads = Threads::new().nice(nice).pin([first]).on_start(|| common::explode("start"));
    let lp = TestLoop::<Seen<(i32, u32)>>::with(|builder| builder.threads(threads));
    let look = || {
        let nice = getpriority_process(Some(gettid())).unwrap();
        (nice, sched_getaffinity(None).unwrap().count())
    };
    lp.off.call(look).then(keep);
    assert_eq!(lp.outcome().unwrap(), (nice, 1));
    assert_eq!(look(), (before, cpus.count()), "the loop thread stays as it is");
}

#[test]
fn a_keep_alive_beyond_the_clock_keeps_threads_for_ever() {
    let threads = Threads::new().max(1).keep_alive(Duration::MAX).linger(Duration::ZERO);
    let lp = TestLoop::<Seen<u8>>::with(|builder| builder.threads(threads));
    for value in 0..10 {
        lp.off.call(move || value).then(keep);
        assert_eq!(lp.outcome().unwrap(), value);
        wait_until(|| lp.off.stats().threads.running == 0);
    }
    assert_eq!(lp.off.stats().threads.threads, 1);
    assert!(lp.off.shutdown(common::PATIENCE).abandoned.is_empty());
}

#[test]
fn a_linger_beyond_the_clock_still_ends_with_its_pool() {
    let lp = TestLoop::<Seen<u8>>::with(|builder| {
        builder.threads(Threads::new().max(1).linger(Duration::MAX))
    });
    for value in 0..10 {
        lp.off.call(move || value).then(keep);
        assert_eq!(lp.outcome().unwrap(), value);
    }
    assert!(lp.off.shutdown(common::PATIENCE).abandoned.is_empty());
}

#[test]
fn limits_beyond_any_machine_work() {
    let lp = TestLoop::<Seen<u8>>::with(|builder| {
        let threads = Threads::new().max(usize::MAX).queue(usize::MAX).abandoned(usize::MAX);
        let cores = Cores::new().queue(usize::MAX).abandoned(usize::MAX);
        let turn = Turn { max_calls: usize::MAX, max_time: Duration::MAX };
        builder.threads(threads).cores(cores).turn(turn)
    });
    let hold = Hold::threads(&lp.off, 10);
    lp.off.call(|| 1).then(keep);
    assert_eq!(lp.outcome().unwrap(), 1);
    lp.off.call(|| 2).cores().then(keep);
    assert_eq!(lp.outcome().unwrap(), 2);
    hold.open();
}

#[test]
fn one_thread_one_place_and_no_abandoned_call_are_enough() {
    let threads = Threads::new().max(1).queue(1).abandoned(0).keep_alive(Duration::ZERO);
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(threads));
    for value in 0..8_000 {
        lp.off.call(move || value).then(keep);
        let outcome = lp.outcome();
        assert!(matches!(outcome, Ok(same) if same == value), "{outcome:?}");
        // A little later each time, so that some call comes while the thread retires.
        for _ in 0..value % 500 {
            std::hint::spin_loop();
        }
    }
}

#[test]
fn the_queue_holds_as_many_as_it_says() {
    let threads = Threads::new().max(1).queue(100);
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
    let hold = Hold::threads(&lp.off, 1);
    for _ in 0..100 {
        assert!(lp.off.call(|| ()).try_then(keep).is_ok());
    }
    let refused = lp.off.call(|| ()).try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
    assert_eq!(lp.off.stats().threads.queued, 100);
    hold.open();
    assert!(lp.outcomes(100).iter().all(Result::is_ok));
    assert_eq!(lp.off.stats().threads.queued, 0);
}

#[test]
fn the_inline_queue_is_bounded_too() {
    let lp = TestLoop::<Seen<()>>::new();
    let mut taken = 0;
    while lp.off.call(|| ()).inline().try_then(keep).is_ok() {
        taken += 1;
        assert!(taken < 10_000_000, "there is no bound");
    }
    assert!(lp.outcomes(taken).iter().all(Result::is_ok));
}
