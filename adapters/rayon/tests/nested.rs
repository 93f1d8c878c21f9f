//! Data parallelism inside a call. Invariant: it stays in the pool that runs the call, and what panics in
//! it comes back as the call's outcome.

use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use offloop::{Failure, Offloop, Outcome, Reason};
use offloop_rayon::RayonExecutor;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

struct App<T: 'static> {
    off: Offloop<App<T>>,
    outcomes: Vec<Outcome<T>>,
}

/// Runs calls on the pool, and the loop until all outcomes are there.
fn outcomes<T: Send + 'static>(
    pool: &Arc<ThreadPool>,
    calls: Vec<Box<dyn FnOnce() -> T + Send>>,
) -> Vec<Outcome<T>> {
    let (wake, woken) = mpsc::channel();
    let builder = Offloop::<App<T>>::builder().waker(move || wake.send(()));
    let off = builder.cores_on(RayonExecutor::on(pool)).build().expect("an offloop");
    let (mut app, count) = (App { off, outcomes: Vec::new() }, calls.len());
    for call in calls {
        app.off.call(call).cores().then(|app, outcome| app.outcomes.push(outcome));
    }
    while app.outcomes.len() < count {
        woken.recv_timeout(Duration::from_secs(60)).expect("the loop is woken");
        app.off.clone().deliver(&mut app);
    }
    app.outcomes
}

fn pool(threads: usize) -> Arc<ThreadPool> {
    Arc::new(ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool"))
}

/// The threads of a pool, by themselves.
fn threads_of(pool: &ThreadPool) -> HashSet<ThreadId> {
    pool.broadcast(|_| thread::current().id()).into_iter().collect()
}

#[test]
fn join_and_par_iter_inside_a_call_stay_in_its_pool() {
    let (ours, other) = (pool(2), pool(2));
    let threads = threads_of(&ours);
    let call = || -> Box<dyn FnOnce() -> Vec<(Option<usize>, ThreadId)> + Send> {
        Box::new(|| {
            let here = || (rayon::current_thread_index(), thread::current().id());
            assert_eq!(rayon::current_num_threads(), 2, "the pool's, not the machine's");
            let (one, two) = rayon::join(here, || rayon::join(here, here));
            let many: Vec<_> = (0..1000).into_par_iter().map(|_| here()).collect();
            [one, two.0, two.1].into_iter().chain(many).collect()
        })
    };
    for outcome in outcomes(&ours, (0..20).map(|_| call()).collect()) {
        for (index, thread) in outcome.expect("it neither panics nor waits") {
            assert!(index.is_some_and(|index| index < 2), "outside of a pool");
            assert!(threads.contains(&thread), "in another pool");
        }
    }
    assert!(threads.is_disjoint(&threads_of(&other)));
}

#[test]
fn a_panic_inside_a_join_is_the_outcome_and_the_pool_lives_on() {
    let pool = pool(2);
    let explode = || -> u32 { std::panic::resume_unwind(Box::new("on purpose")) };
    let calls: Vec<Box<dyn FnOnce() -> u32 + Send>> = vec![
        Box::new(explode),
        Box::new(move || rayon::join(|| 1, explode).0),
        Box::new(move || {
            (0..100_u32).into_par_iter().map(|n| if n == 50 { explode() } else { n }).sum()
        }),
    ];
    let seen = outcomes(&pool, calls);
    assert!(seen.iter().all(|outcome| matches!(outcome, Err(Failure::Panicked(_)))), "{seen:?}");
    let sum: Box<dyn FnOnce() -> u32 + Send> = Box::new(|| (0..100_u32).into_par_iter().sum());
    assert!(matches!(outcomes(&pool, vec![sum])[..], [Ok(4950)]));
}

#[test]
fn a_pool_belongs_to_the_program_again_after_a_shutdown() {
    let pool = pool(1);
    let off = Offloop::<Vec<Outcome<u32>>>::builder().no_waker();
    let off = off.cores_on(RayonExecutor::on(&pool)).build().expect("an offloop");
    off.call(|| 1).cores().then(|seen, outcome| seen.push(outcome));
    let report = off.shutdown(Duration::from_secs(60));
    assert!(report.abandoned.is_empty());
    assert_eq!((Arc::strong_count(&pool), pool.install(|| 2)), (1, 2));
    let refused = off.call(|| 1).cores().try_then(|seen, outcome| seen.push(outcome));
    let reason = refused.map(|_| ()).unwrap_err().reason;
    assert!(
        matches!(reason, Failure::Shutdown | Failure::Rejected(Reason::NoWorker)),
        "{reason:?}"
    );
}

#[test]
fn loops_on_several_threads_share_one_pool() {
    let pool = pool(2);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let call = |n: u32| -> Box<dyn FnOnce() -> u32 + Send> { Box::new(move || n) };
                let seen = outcomes(&pool, (0..500).map(call).collect());
                let mut values: Vec<_> =
                    seen.into_iter().map(|one| one.expect("a value")).collect();
                values.sort_unstable();
                assert!(values.into_iter().eq(0..500));
            });
        }
    });
}
