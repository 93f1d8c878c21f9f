//! Faults that were there once. Invariant: each test fails without its cure.

mod common;

use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::probes::{Drops, Probe};
use common::{Count, Latch, Seen, TestLoop, keep, wait_until};
use offloop::Failure;

struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

/// A call's timer may outlive its task by hours; it must not keep the task's memory.
#[test]
fn a_future_that_has_its_outcome_keeps_no_waker() {
    let lp = TestLoop::<()>::new();
    let idle = Arc::new(Idle);
    let waker = Waker::from(idle.clone());
    let mut cx = Context::from_waker(&waker);
    let latch = Latch::new();
    let call = lp.off.call(latch.holding(())).deadline(Duration::from_secs(3600));
    let mut future = call.into_future();
    assert!(Pin::new(&mut future).poll(&mut cx).is_pending());
    latch.open();
    wait_until(|| lp.off.stats().finished == 1);
    let mut outcome = Poll::Pending;
    wait_until(|| {
        // The worker takes the first poll's waker; this one's is put after that.
        if Arc::strong_count(&idle) == 2 && outcome.is_pending() {
            outcome = Pin::new(&mut future).poll(&mut cx);
        }
        outcome.is_ready()
    });
    drop(future);
    assert_eq!(Arc::strong_count(&idle), 2, "ours and the test's waker");
}

/// A turn ends while handles go on submitting. One that takes in all that comes would end when they
/// do, here at their last call.
#[test]
fn a_storm_of_handles_does_not_hold_a_turn_up() {
    const THREADS: usize = 4;
    // More than they come to while a loop that gets little time does a few turns.
    const CALLS: usize = 1_000_000;
    let lp = TestLoop::<u64>::new();
    let (sent, stop) = (Count::new(), Arc::new(AtomicBool::new(false)));
    let storm = [(); THREADS].map(|()| {
        let (handle, sent, stop) = (lp.off.handle(), sent.clone(), stop.clone());
        thread::spawn(move || {
            for _ in 0..CALLS {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                handle.call(|| ()).inline().then(|handled, _| *handled += 1);
                sent.add();
            }
        })
    });
    sent.wait(20_000);
    let mut handled = 0;
    for _ in 0..4 {
        lp.turn(&mut handled);
    }
    let at_the_end = sent.get();
    stop.store(true, Ordering::Relaxed);
    for thread in storm {
        thread.join().unwrap();
    }
    assert!(at_the_end < THREADS * CALLS, "a turn went on for as long as the storm");
    lp.run_until(&mut handled, |&handled| handled == sent.get() as u64);
    assert_eq!(lp.off.pending(), 0);
}

/// Its job waits on the loop thread, and is not dropped there.
#[test]
fn an_inline_job_that_a_close_finds_waiting_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<Seen<()>>::new(), Drops::new());
    let probe = drops.probe();
    lp.off.call(move || probe.touch()).inline().then(keep);
    lp.off.close();
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    drops.were_elsewhere(1);
}

#[test]
fn an_inline_result_that_comes_after_its_deadline_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<Seen<Probe>>::new(), Drops::new());
    let probe = drops.probe();
    let call = lp.off.call_with(move |cx| {
        wait_until(|| cx.is_cancelled());
        probe
    });
    call.inline().deadline(Duration::from_millis(20)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    drops.were_elsewhere(1);
}

/// The keeper may come late, and a worker be there first.
#[test]
fn a_call_whose_deadline_has_passed_is_not_run() {
    let lp = TestLoop::<Seen<()>>::new();
    let runs = Count::new();
    for _ in 0..2000 {
        let run = runs.clone();
        lp.off.call(move || run.add()).deadline(Duration::ZERO).then(keep);
    }
    let outcomes = lp.outcomes(2000);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Failure::TimedOut))));
    assert_eq!(runs.get(), 0);
}
