//! The promises about running futures: each once, off the loop, and again whenever it is woken.
//! Invariant: what a check holds back, it lets go whatever its verdict is.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

use super::bench::promise;
use super::door::{Door, yield_once};
use super::rig::AsyncSuite;
use crate::promise::broken;
use crate::small_loop::keep;
use crate::sync::{Count, Gate, block_on};

/// F1: each future runs once, and its value comes back.
pub fn each_future_runs_once(suite: &AsyncSuite) {
    let promise = promise(
        "each_future_runs_once",
        "F1, G1",
        "every task is polled to its end once, and the value of its future comes back",
    );
    promise.on_runtime(suite, |bench| {
        const CALLS: u32 = 500;
        let runs = Count::default();
        for value in 0..CALLS {
            let runs = runs.clone();
            bench.submit(async move {
                runs.add();
                value
            });
        }
        bench.run_until_handled(CALLS as usize);
        if bench.values() != (0..CALLS).collect::<Vec<_>>() || runs.get() != CALLS as usize {
            broken!("of {CALLS} calls {} futures ran", runs.get());
        }
    });
}

thread_local! {
    static SUBMITS: Cell<bool> = const { Cell::new(false) };
}

/// F2: no future is polled before its submit returns, on that thread.
pub fn nothing_is_polled_inside_a_spawn(suite: &AsyncSuite) {
    let promise = promise(
        "nothing_is_polled_inside_a_spawn",
        "F2, G4",
        "spawn takes the task and polls nothing",
    );
    promise.on_runtime(suite, |bench| {
        for _ in 0..10 {
            let handle = bench.off.handle();
            let submitter = thread::spawn(move || {
                SUBMITS.set(true);
                handle.call_async(async { u32::from(SUBMITS.get()) }).then(keep);
                SUBMITS.set(false);
            });
            SUBMITS.set(true);
            bench.submit(async { u32::from(SUBMITS.get()) });
            SUBMITS.set(false);
            submitter.join().expect("the submitter ends");
        }
        bench.run_until_handled(20);
        let inside = bench.values().iter().sum::<u32>();
        if inside > 0 {
            broken!("{inside} of 20 futures were polled inside the submit");
        }
    });
}

/// F3: no future is polled on the thread that submits, nor on the loop's.
pub fn nothing_is_polled_on_the_submitting_thread(suite: &AsyncSuite) {
    let promise = promise(
        "nothing_is_polled_on_the_submitting_thread",
        "F3, G4",
        "futures are polled on threads of the runtime's, never on the one that submits",
    );
    promise.on_runtime(suite, |bench| {
        let (loop_thread, patience) = (thread::current().id(), bench.patience());
        for value in 0..10u32 {
            let handle = bench.off.handle();
            let own = thread::spawn(move || {
                let here = thread::current().id();
                let (sender, polled_on) = mpsc::channel();
                let future = async move {
                    // The submitter may have given up.
                    let _late = sender.send(thread::current().id());
                    yield_once().await;
                    let _late = sender.send(thread::current().id());
                    value
                };
                handle.call_async(future).then(keep);
                let polls = [polled_on.recv_timeout(patience), polled_on.recv_timeout(patience)];
                polls.map(|poll| poll.map(|there| (there == here, there == loop_thread)))
            });
            bench.submit(async move { u32::from(thread::current().id() == loop_thread) });
            for poll in own.join().expect("the submitter ends") {
                match poll {
                    Ok((false, false)) => {}
                    Ok((true, _)) => broken!("a future was polled on the thread that submitted it"),
                    Ok((_, true)) => broken!("a future was polled on the loop thread"),
                    Err(_) => broken!("a future was not polled within {patience:?}"),
                }
            }
        }
        bench.run_until_handled(20);
        if bench.values().iter().filter(|value| **value == 1).count() > 1 {
            broken!("a future was polled on the loop thread, which submitted it");
        }
    });
}

/// F4: a submit returns while every thread is inside a poll.
pub fn a_spawn_never_waits(suite: &AsyncSuite) {
    let promise = promise(
        "a_spawn_never_waits",
        "F4, G4",
        "a submit returns at once, whatever the runtime's threads do",
    );
    promise.on_runtime(suite, |bench| {
        let gate = Gate::default();
        let held = bench.hold(&gate, "with nothing else to do");
        // A submit that waits for a thread waits for the gate, which opens when all have returned;
        // then this check does not come back.
        for value in 0..1_000 {
            bench.submit(async move { value });
        }
        gate.open();
        bench.run_until_handled(held + 1_000);
    });
}

/// F5: futures that wait hold no thread.
pub fn many_futures_wait_at_once(suite: &AsyncSuite) {
    let promise = promise(
        "many_futures_wait_at_once",
        "F5",
        "two thousand futures wait together, whatever the number of threads",
    );
    promise.on_runtime(suite, |bench| {
        const CALLS: u32 = 2_000;
        let door = Door::default();
        for value in 0..CALLS {
            bench.submit(door.passage(value));
        }
        door.wait_polled(CALLS as usize, bench.patience());
        door.open();
        bench.run_until_handled(CALLS as usize);
        if bench.values() != (0..CALLS).collect::<Vec<_>>() {
            broken!("other values came back than those that were submitted");
        }
    });
}

/// F6: a wake from any thread has the future polled.
pub fn a_future_that_another_thread_wakes_is_polled_again(suite: &AsyncSuite) {
    let promise = promise(
        "a_future_that_another_thread_wakes_is_polled_again",
        "F6",
        "a wake from any thread, however soon after the poll, has the future polled again",
    );
    promise.on_runtime(suite, |bench| {
        const FUTURES: u32 = 20;
        const HOPS: u32 = 50;
        let (wakers, waiting) = mpsc::channel::<Waker>();
        let waking = thread::spawn(move || waiting.into_iter().for_each(Waker::wake));
        for value in 0..FUTURES {
            let wakers = wakers.clone();
            let mut polls = 0;
            bench.submit(poll_fn(move |cx| {
                polls += 1;
                if polls > HOPS {
                    return Poll::Ready(value);
                }
                // Nobody wakes any more when the check is over.
                let _over = wakers.send(cx.waker().clone());
                Poll::Pending
            }));
        }
        drop(wakers);
        bench.run_until_handled(FUTURES as usize);
        bench.values();
        waking.join().expect("all who sent have ended");
    });
}

/// What spawned code holds, and wakes by value.
fn owned(waker: &Waker) -> Waker {
    waker.clone()
}

/// F7: a wake that comes while the future is polled is not lost.
pub fn a_wake_inside_a_poll_counts(suite: &AsyncSuite) {
    let promise = promise(
        "a_wake_inside_a_poll_counts",
        "F7",
        "a future that is woken inside its own poll, by itself or by another thread, is polled again",
    );
    promise.on_runtime(suite, |bench| {
        for value in 0..20u32 {
            let mut polls = 0;
            bench.submit(poll_fn(move |cx| {
                polls += 1;
                match polls {
                    1 => cx.waker().wake_by_ref(),
                    2 => owned(cx.waker()).wake(),
                    3 => {
                        let waker = cx.waker();
                        thread::scope(|scope| {
                            scope.spawn(|| waker.wake_by_ref());
                        });
                    }
                    4..100 => cx.waker().wake_by_ref(),
                    _ => return Poll::Ready(value),
                }
                Poll::Pending
            }));
        }
        bench.run_until_handled(20);
        bench.values();
    });
}

/// F8: wakes that are too many or too late change nothing.
pub fn late_and_repeated_wakes_do_no_harm(suite: &AsyncSuite) {
    let promise = promise(
        "late_and_repeated_wakes_do_no_harm",
        "F8",
        "a waker may be used often, after the end of its future and after that of its runtime",
    );
    promise.on_runtime(suite, |bench| {
        let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
        let all = |wakers: &Mutex<Vec<Waker>>| {
            wakers.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        for value in 0..50u32 {
            let wakers = wakers.clone();
            let mut polls = 0;
            bench.submit(poll_fn(move |cx| {
                polls += 1;
                wakers.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
                if polls < 5 {
                    (0..3).for_each(|_| cx.waker().wake_by_ref());
                    return Poll::Pending;
                }
                Poll::Ready(value)
            }));
        }
        bench.run_until_handled(50);
        bench.values();
        all(&wakers).iter().for_each(Waker::wake_by_ref);
        bench.expect_all_threads_alive("after late wakes");
        bench.off.shutdown(bench.patience());
        all(&wakers).iter().for_each(Waker::wake_by_ref);
        wakers.lock().unwrap_or_else(PoisonError::into_inner).drain(..).for_each(Waker::wake);
    });
}

/// F9: futures that are always ready to go on let others be polled.
pub fn a_future_that_always_wakes_itself_starves_no_other(suite: &AsyncSuite) {
    let promise = promise(
        "a_future_that_always_wakes_itself_starves_no_other",
        "F9",
        "as many futures as there are threads wake themselves in every poll, and others still run",
    );
    promise.on_runtime(suite, |bench| {
        let (enough, spinning, spinners) =
            (Arc::new(AtomicBool::new(false)), Count::default(), bench.threads());
        // Whatever the verdict, they end.
        struct Ends(Arc<AtomicBool>);
        impl Drop for Ends {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let end = Ends(enough.clone());
        for _ in 0..spinners {
            let (enough, spinning) = (enough.clone(), spinning.clone());
            bench.submit(async move {
                spinning.add();
                while !enough.load(Ordering::SeqCst) {
                    yield_once().await;
                }
                0
            });
        }
        for value in 0..20 {
            bench.submit(async move { value });
        }
        bench.run_until_handled(20);
        drop(end);
        bench.run_until_handled(20 + spinners);
        bench.values();
    });
}

/// F10: a future submits others through a handle, and awaits them.
pub fn a_future_may_submit_and_await(suite: &AsyncSuite) {
    let promise = promise(
        "a_future_may_submit_and_await",
        "F10, G1",
        "a future may await other calls of its offloop, on the same runtime and on threads",
    );
    promise.on_runtime(suite, |bench| {
        for value in 0..20u32 {
            let handle = bench.off.handle();
            bench.submit(async move {
                let inner = handle.clone();
                let nested = handle.call_async(async move {
                    yield_once().await;
                    inner.call_async(async move { value }).await.unwrap_or(u32::MAX)
                });
                let (one, two) = (nested.await, handle.call(|| 100).threads().await);
                one.unwrap_or(u32::MAX).saturating_add(two.unwrap_or(u32::MAX))
            });
        }
        bench.run_until_handled(20);
        if bench.values() != (100..120).collect::<Vec<_>>() {
            broken!("the values {:?} came back", bench.values());
        }
    });
}

/// F17: an awaited call completes without `deliver`.
pub fn an_awaited_future_needs_no_turn(suite: &AsyncSuite) {
    let promise = promise(
        "an_awaited_future_needs_no_turn",
        "F17, G10",
        "an awaited async call wakes its task from the runtime, without deliver",
    );
    promise.on_runtime(suite, |bench| {
        for value in 0..50u32 {
            let call = bench.off.call_async(async move {
                yield_once().await;
                value
            });
            match block_on(call, bench.patience()) {
                Some(Ok(got)) if got == value => {}
                Some(other) => broken!("it came to {other:?} instead of {value}"),
                None => broken!("its task was not woken within {:?}", bench.patience()),
            }
        }
    });
}
