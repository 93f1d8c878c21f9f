//! G13 and G16: threads come when they are needed, go when they are not, and nothing stays.
//! Invariant: the threads and descriptors counted here are the kernel's, in a process that runs
//! one test.

#![cfg(target_os = "linux")]

mod common;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::alone::{alone, count_threads, descriptors, offloop_threads, wait_for_threads};
use common::{Hold, Latch, PATIENCE, Seen, TestLoop, keep, overrun, wait_for, wait_until};
use offloop::{Context, Cores, Offloop, Threads};

#[test]
fn threads_are_started_when_calls_come() {
    alone("threads_are_started_when_calls_come", || {
        let lp = TestLoop::<Seen<()>>::new();
        wait_for_threads("offloop", 1);
        assert_eq!(offloop_threads(), ["offloop-keeper"], "an idle offloop has its keeper only");
        let hold = Hold::threads(&lp.off, 3);
        assert_eq!(count_threads("offloop-t"), 3);
        assert_eq!(count_threads("offloop-c"), 0);
        drop(hold);
    });
}

#[test]
fn idle_threads_retire_and_come_back() {
    alone("idle_threads_retire_and_come_back", || {
        let threads = Threads::new().max(8).keep_alive(Duration::from_millis(20));
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
        for _ in 0..3 {
            let hold = Hold::threads(&lp.off, 8);
            assert_eq!(count_threads("offloop-t"), 8);
            hold.open();
            wait_for_threads("offloop-t", 0);
            wait_until(|| lp.off.stats().threads.threads == 0);
        }
        lp.off.call(|| ()).then(keep);
        assert!(lp.outcome().is_ok());
    });
}

#[test]
fn some_work_now_and_then_keeps_few_threads() {
    alone("some_work_now_and_then_keeps_few_threads", || {
        let threads = Threads::new().max(8).keep_alive(Duration::from_millis(300));
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
        drop(Hold::threads(&lp.off, 8));
        // One call after another: one thread has enough to do, and the others retire.
        wait_for("the others retire", || {
            lp.off.call(|| ()).then(keep);
            assert!(lp.outcome().is_ok());
            count_threads("offloop-t") == 1
        });
    });
}

#[test]
fn a_pool_never_has_more_threads_than_its_maximum() {
    alone("a_pool_never_has_more_threads_than_its_maximum", || {
        let lp = TestLoop::<Seen<()>>::with(|builder| {
            builder.threads(Threads::new().max(3)).cores(Cores::new().workers(2))
        });
        for _ in 0..2_000 {
            lp.off.call(|| ()).then(keep);
            lp.off.call(|| ()).cores().then(keep);
            assert!(count_threads("offloop-t") <= 3 && count_threads("offloop-c") <= 2);
        }
        lp.outcomes(4_000);
    });
}

#[test]
fn an_abandoned_function_costs_one_thread_until_it_returns() {
    alone("an_abandoned_function_costs_one_thread_until_it_returns", || {
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(2)));
        let latch = Latch::new();
        for _ in 0..3 {
            overrun(&lp, false, || {
                let gate = latch.clone();
                move |_: &Context| gate.pass()
            });
        }
        let hold = Hold::threads(&lp.off, 2);
        assert_eq!(count_threads("offloop-t"), 5, "two of the pool, three abandoned");
        latch.open();
        wait_for_threads("offloop-t", 2);
        hold.open();
    });
}

/// Each round needs all of them inside at once; a call that waits behind another is a hang.
fn all_run_at_once(pool: impl Fn(TestLoop<Seen<()>>, usize, usize)) {
    for count in [2, 3, 8] {
        let lp = TestLoop::<Seen<()>>::with(|builder| {
            let threads = Threads::new().max(count).keep_alive(Duration::from_millis(1));
            builder.threads(threads).cores(Cores::new().workers(count))
        });
        pool(lp, count, 150);
    }
}

#[test]
fn a_call_never_waits_behind_a_running_one_while_fewer_than_the_maximum_run() {
    all_run_at_once(|lp, count, rounds| {
        for round in 0..rounds {
            let barrier = Arc::new(Barrier::new(count));
            for _ in 0..count {
                let barrier = barrier.clone();
                let call = lp.off.call(move || {
                    barrier.wait();
                });
                if round % 2 == 0 { call.cores() } else { call }.then(keep);
            }
            assert!(lp.outcomes(count).iter().all(Result::is_ok));
        }
    });
}

#[test]
fn calls_of_many_handles_run_at_once_too() {
    all_run_at_once(|lp, count, rounds| {
        for _ in 0..rounds {
            let barrier = Arc::new(Barrier::new(count));
            let submitters: Vec<_> = (0..count)
                .map(|_| {
                    let (handle, barrier) = (lp.off.handle(), barrier.clone());
                    thread::spawn(move || {
                        let call = handle.call(move || {
                            barrier.wait();
                        });
                        call.then(keep);
                    })
                })
                .collect();
            assert!(lp.outcomes(count).iter().all(Result::is_ok));
            submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
        }
    });
}

#[test]
fn calls_that_running_calls_submit_and_wait_for_run_too() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(4)));
    for _ in 0..200 {
        let handle = lp.off.handle();
        let nested = move || {
            let inner = handle.clone();
            let middle = move || common::block_on::block_on(inner.call(|| 1)).unwrap() + 1;
            common::block_on::block_on(handle.call(middle)).unwrap() + 1
        };
        lp.off.call(nested).then(keep);
        assert_eq!(lp.outcome().unwrap(), 3);
    }
}

#[test]
fn a_thread_that_retires_strands_no_call() {
    for keep_alive in [Duration::ZERO, Duration::from_micros(20)] {
        let threads = Threads::new().max(1).keep_alive(keep_alive).linger(Duration::ZERO);
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
        for round in 0..8_000 {
            lp.off.call(|| ()).then(keep);
            assert!(lp.outcome().is_ok());
            // A little later each time, so that some round hits any moment of the retirement.
            for _ in 0..round % 800 {
                std::hint::spin_loop();
            }
        }
    }
}

#[test]
fn nothing_is_left_after_a_shutdown() {
    alone("nothing_is_left_after_a_shutdown", || {
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(Threads::new().max(8)));
        let hold = Hold::threads(&lp.off, 8);
        for _ in 0..100 {
            lp.off.call(|| ()).cores().deadline(PATIENCE).then(keep);
            lp.off.call(|| ()).then(|_, _| {}).cancel();
        }
        lp.outcomes(100);
        hold.open();
        let report = lp.off.shutdown(PATIENCE);
        assert!(report.abandoned.is_empty());
        wait_for_threads("offloop", 0);
        lp.off.call(|| ()).then(keep);
        assert!(lp.outcome().is_err());
        assert!(offloop_threads().is_empty(), "a refused call starts none");
    });
}

#[test]
fn nothing_is_left_after_the_last_drop() {
    alone("nothing_is_left_after_the_last_drop", || {
        let before = descriptors();
        for _ in 0..20 {
            let off = Offloop::<Seen<()>>::builder().fd_waker().build().unwrap();
            // An eventfd, or the two ends of a pipe.
            assert!((1..=2).contains(&(descriptors().len() - before.len())));
            for _ in 0..10 {
                off.call(|| ()).then(keep);
                off.call(|| ()).cores().then(keep);
            }
            wait_until(|| off.stats().finished == 20);
            drop(off);
            wait_for_threads("offloop", 0);
            assert_eq!(descriptors(), before);
        }
    });
}

#[test]
fn tickets_and_handles_keep_no_descriptor_and_no_thread() {
    alone("tickets_and_handles_keep_no_descriptor_and_no_thread", || {
        let before = descriptors();
        let off = Offloop::<Seen<()>>::builder().fd_waker().build().unwrap();
        let (handle, ticket) = (off.handle(), off.call(|| ()).then(keep));
        drop(off);
        wait_for_threads("offloop", 0);
        assert_eq!(descriptors(), before);
        assert!(ticket.is_done() && handle.call(|| ()).then(keep).is_done());
        assert!(offloop_threads().is_empty());
    });
}

#[test]
fn a_thread_inside_an_abandoned_function_ends_when_that_returns() {
    alone("a_thread_inside_an_abandoned_function_ends_when_that_returns", || {
        let lp = TestLoop::<Seen<()>>::new();
        let latch = Latch::new();
        for index in 0..2 {
            let call = lp.off.call(latch.holding(()));
            if index == 0 { call.cores() } else { call }.name("stuck").then(keep);
        }
        latch.entered.wait(2);
        let report = lp.off.shutdown(Duration::from_millis(10));
        assert_eq!(report.abandoned.len(), 2);
        // Only the threads that the report names are left.
        wait_for_threads("offloop", 2);
        drop(lp);
        assert_eq!(count_threads("offloop"), 2);
        latch.open();
        wait_for_threads("offloop", 0);
    });
}
