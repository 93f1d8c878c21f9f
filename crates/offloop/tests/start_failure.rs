//! G16: a thread that the system does not give is an outcome, never a hang. Invariant: it is the
//! system that refuses, for want of address space or of processes, in a process of its own.

#![cfg(target_os = "linux")]

mod common;

use std::thread;
use std::time::Duration;

use common::alone::alone;
use common::block_on::block_on;
use common::{Hold, Seen, TestLoop, keep, wait_until};
use offloop::{Failure, Offloop, Outcome, Reason, Threads};
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};

/// More than any address space has.
const IMPOSSIBLE_STACK: usize = 1 << 47;

/// A stack that fits, until the limit is lowered.
const LARGE_STACK: usize = 1 << 30;

fn is_no_worker<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Rejected(Reason::NoWorker)))
}

/// Lowers or restores the soft limit of this process.
fn limit(resource: Resource, soft: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    let current = soft.or(maximum);
    setrlimit(resource, Rlimit { current, maximum }).expect("a soft limit can be set");
}

/// Leaves this process room for what it has, and a little.
fn limit_memory() {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("the kernel knows our size");
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    limit(Resource::As, Some((pages << 12) + (LARGE_STACK as u64 / 2)));
}

#[test]
fn a_thread_that_can_not_start_is_an_outcome_for_every_ending() {
    let heard = common::Count::new();
    let hook = heard.clone();
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        let threads = Threads::new().max(4).stack_size(IMPOSSIBLE_STACK);
        builder.threads(threads).on_unobserved(move |what| {
            assert!(matches!(what.failure, Some(Failure::Rejected(Reason::NoWorker))));
            hook.add();
        })
    });
    for _ in 0..20 {
        lp.off.call(|| ()).then(keep);
    }
    assert!(lp.outcomes(20).iter().all(is_no_worker));
    assert!(is_no_worker(&block_on(lp.off.call(|| ()))));
    lp.off.call(|| ()).detach();
    lp.run_until(&mut Vec::new(), |_| heard.get() == 1);
    lp.off.call(|| ()).cores().then(keep);
    assert!(lp.outcome().is_ok(), "the other pool is as it was");
    let stats = lp.off.stats();
    assert!(stats.threads.start_failures > 0 && stats.threads.threads == 0);
    assert_eq!((stats.threads.queued, stats.threads.running), (0, 0));
}

#[test]
fn a_shutdown_does_not_wait_for_a_thread_that_can_not_start() {
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        builder.threads(Threads::new().stack_size(IMPOSSIBLE_STACK))
    });
    for _ in 0..20 {
        lp.off.call(|| ()).then(keep);
    }
    let report = lp.off.shutdown(common::PATIENCE);
    assert!(report.abandoned.is_empty());
    assert!(lp.outcomes(20).iter().all(Result::is_err));
}

#[test]
fn the_pool_recovers_when_the_system_gives_threads_again() {
    alone("the_pool_recovers_when_the_system_gives_threads_again", || {
        let mut holds = Vec::new();
        for _ in 0..3 {
            let threads = Threads::new().stack_size(LARGE_STACK);
            let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
            limit_memory();
            for _ in 0..3 {
                lp.off.call(|| ()).then(keep);
                assert!(is_no_worker(&lp.outcome()));
            }
            limit(Resource::As, None);
            lp.off.call(|| ()).then(keep);
            assert!(lp.outcome().is_ok());
            // Its thread keeps its stack, which the C library would hand to the next round.
            holds.push((Hold::threads(&lp.off, 1), lp));
        }
    });
}

#[test]
fn a_busy_worker_takes_the_calls_of_one_that_can_not_start() {
    alone("a_busy_worker_takes_the_calls_of_one_that_can_not_start", || {
        let threads = Threads::new().max(2).stack_size(LARGE_STACK);
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
        let hold = Hold::threads(&lp.off, 1);
        limit_memory();
        lp.off.call(|| ()).then(keep);
        assert!(is_no_worker(&lp.outcome()), "while the busy one stays busy");
        wait_until(|| lp.off.stats().threads.queued == 0);
        hold.open();
        for _ in 0..10 {
            lp.off.call(|| ()).then(keep);
            assert!(lp.outcome().is_ok(), "the one that lives does the work");
        }
    });
}

#[test]
fn a_call_that_waits_for_a_thread_runs_as_soon_as_there_is_one() {
    alone("a_call_that_waits_for_a_thread_runs_as_soon_as_there_is_one", || {
        let threads = Threads::new().max(2).stack_size(LARGE_STACK);
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
        let _hold = Hold::threads(&lp.off, 1);
        for _ in 0..20 {
            limit_memory();
            let failures = lp.off.stats().threads.start_failures;
            lp.off.call(|| ()).then(keep);
            wait_until(|| lp.off.stats().threads.start_failures > failures);
            limit(Resource::As, None);
            match lp.outcome() {
                Ok(()) => return,
                // The machine was so slow that it was refused before the limit was lifted.
                refused => assert!(is_no_worker(&refused)),
            }
        }
        panic!("no call was taken up");
    });
}

/// Makes this thread one of a user that has no process, or hardly any: the first one that this
/// system knows. `false`: there is none.
fn become_nobody() -> bool {
    let own = 1_900_000_000 + rustix::process::getpid().as_raw_nonzero().get() as u32;
    // In a user namespace there are few numbers, and often just that of the superuser.
    [own, 65_533, 60_001].into_iter().any(|id| {
        let (gid, uid) = (Gid::from_raw(id), Uid::from_raw(id));
        rustix::thread::set_thread_res_gid(gid, gid, gid).is_ok()
            && rustix::thread::set_thread_res_uid(uid, uid, uid).is_ok()
    })
}

/// The limit on processes counts threads, but not those of the superuser: the test becomes a user
/// that nobody else is.
#[test]
fn a_limit_on_processes_is_an_outcome_and_an_error_of_build() {
    alone("a_limit_on_processes_is_an_outcome_and_an_error_of_build", || {
        // On a thread of its own: the identity is the thread's, and its children inherit it.
        let on_loop = thread::spawn(|| {
            if rustix::process::getuid().is_root() && !become_nobody() {
                return println!(
                    "NOT RUN: the superuser, who has no such limit, can be nobody else"
                );
            }
            let threads = Threads::new().keep_alive(Duration::ZERO);
            let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads(threads));
            limit(Resource::Nproc, Some(1));
            lp.off.call(|| ()).then(keep);
            assert!(is_no_worker(&lp.outcome()));
            let error = Offloop::<()>::builder().no_waker().build().unwrap_err();
            assert!(error.is_system() && error.to_string().contains("thread"), "{error}");
            limit(Resource::Nproc, None);
            lp.off.call(|| ()).then(keep);
            let outcome = lp.outcome();
            assert!(outcome.is_ok(), "{outcome:?} {:?}", getrlimit(Resource::Nproc));
        });
        on_loop.join().unwrap();
    });
}
