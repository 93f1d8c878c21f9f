//! G3: a handler and what it captured end on the loop thread, a job and a discarded result off
//! it. Invariant: every way that a call can go has a test here, each with its own probe.

mod common;

use std::rc::Rc;
use std::time::Duration;

use common::block_on::block_on;
use common::probes::{Bomb, Drops, Probe};
use common::{Count, Hold, Latch, PATIENCE, Seen, TestLoop, keep, overrun, wait_until};
use offloop::{Context, Executor, Failure, Reason, Threads, Work};

fn one_thread<S: 'static>() -> TestLoop<S> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1).queue(4)))
}

/// A handler that owns a probe which can't leave the loop thread.
fn owning<T>(drops: &Drops) -> impl FnOnce(&mut Seen<T>, offloop::Outcome<T>) + 'static {
    let probe = Rc::new(drops.probe());
    move |seen, outcome| {
        probe.touch();
        seen.push(outcome);
    }
}

/// A job that owns a probe.
fn job(drops: &Drops) -> impl FnOnce() + Send + 'static {
    let probe = drops.probe();
    move || probe.touch()
}

#[test]
fn a_handler_that_ran_is_dropped_on_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    lp.off.call(|| ()).then(owning(&drops));
    lp.off.call(|| ()).inline().then(owning(&drops));
    lp.outcomes(2);
    drops.were_here(2);
}

#[test]
fn a_handler_whose_call_failed_is_dropped_on_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).then(owning(&drops)).cancel();
    lp.off.call(|| ()).deadline(Duration::ZERO).then(owning(&drops));
    for _ in 0..4 {
        lp.off.call(|| ()).then(owning(&drops));
    }
    lp.off.call(|| ()).then(owning(&drops));
    lp.off.shutdown(Duration::ZERO);
    lp.off.call(|| ()).then(owning(&drops));
    lp.run_until(&mut Vec::new(), |seen| seen.len() == 8);
    drops.were_here(8);
}

#[test]
fn a_handler_that_no_turn_runs_is_dropped_on_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let done = lp.off.call(|| ()).then(owning(&drops));
    wait_until(|| done.is_done());
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).then(owning(&drops));
    lp.off.call(|| ()).inline().then(owning(&drops));
    drop(lp);
    drop(hold);
    drops.were_here(3);
}

#[test]
fn a_handler_capture_that_panics_at_the_end_is_contained() {
    let (lp, dropped, drops) = (one_thread::<Seen<()>>(), Count::new(), Drops::new());
    let hold = Hold::threads(&lp.off, 1);
    let bomb = Bomb(dropped.clone());
    lp.off.call(|| ()).then(move |_, _| bomb.touch());
    lp.off.call(|| ()).then(owning(&drops));
    drop(lp);
    drop(hold);
    assert_eq!(dropped.get(), 1);
    drops.were_here(1);
}

#[test]
fn a_job_that_ran_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    lp.off.call(job(&drops)).then(keep);
    lp.off.call(job(&drops)).cores().then(keep);
    lp.outcomes(2);
    drops.were_elsewhere(2);
}

#[test]
fn a_job_cancelled_or_timed_out_while_queued_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(job(&drops)).then(keep).cancel();
    lp.off.call(job(&drops)).deadline(Duration::ZERO).then(keep);
    assert!(lp.outcomes(2).iter().all(Result::is_err));
    hold.open();
    drops.were_elsewhere(2);
}

#[test]
fn an_inline_job_that_does_not_run_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    lp.off.call(job(&drops)).inline().then(keep).cancel();
    assert!(lp.outcome().is_err());
    drops.were_elsewhere(1);
}

#[test]
fn a_refused_job_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let _hold = Hold::threads(&lp.off, 1);
    for _ in 0..4 {
        lp.off.call(|| ()).then(|_, _| {});
    }
    lp.off.call(job(&drops)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::QueueFull))));
    assert!(block_on(lp.off.call(job(&drops))).is_err());
    lp.off.call(job(&drops)).detach();
    let handle = lp.off.handle();
    handle.call(job(&drops)).then(keep);
    lp.outcome().unwrap_err();
    drops.were_elsewhere(4);
}

/// An executor of the program's that drops a call instead of taking it, and one that panics with it.
#[test]
fn a_job_that_an_executor_drops_inside_a_submit_is_dropped_off_the_loop_thread() {
    struct Loses(bool);
    impl Executor for Loses {
        fn submit(&self, work: Work) -> Result<(), Work> {
            assert!(self.0, "no room for {work:?}");
            Ok(())
        }
    }

    let drops = Drops::new();
    for (count, quietly) in [(1, true), (2, false)] {
        let lp = TestLoop::<Seen<()>>::with(|builder| builder.threads_on(Loses(quietly)));
        lp.off.call(job(&drops)).then(keep);
        assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
        drops.were_elsewhere(count);
        assert!(lp.off.shutdown(PATIENCE).abandoned.is_empty());
    }
}

#[test]
fn a_job_refused_by_a_closed_offloop_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    lp.off.close();
    lp.off.call(job(&drops)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    drops.were_elsewhere(1);
}

#[test]
fn a_job_that_a_close_or_a_shutdown_finds_queued_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(job(&drops)).then(keep);
    lp.off.close();
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    drops.were_elsewhere(1);
    drop(hold);

    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(job(&drops)).then(keep);
    lp.off.call(job(&drops)).inline().then(keep);
    lp.off.shutdown(Duration::ZERO);
    lp.outcomes(2);
    drops.were_elsewhere(2);
}

#[test]
fn a_job_that_never_runs_because_the_loop_ends_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(job(&drops)).then(keep);
    lp.off.call(job(&drops)).inline().then(keep);
    drop(lp);
    drop(hold);
    drops.were_elsewhere(2);
}

#[test]
fn a_job_refused_after_a_shutdown_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<()>>(), Drops::new());
    lp.off.shutdown(Duration::ZERO);
    lp.off.call(job(&drops)).then(keep);
    lp.off.call(job(&drops)).inline().then(keep);
    lp.off.call(job(&drops)).detach();
    assert!(block_on(lp.off.call(job(&drops))).is_err());
    lp.outcomes(2);
    drop(lp);
    drops.were_elsewhere(4);
}

/// A call of a function that gives a probe once the latch is open.
fn running(lp: &TestLoop<Seen<Probe>>, drops: &Drops, latch: &Latch) -> offloop::Ticket {
    let call = lp.off.call(latch.holding(drops.probe()));
    let ticket = call.deadline(Duration::from_secs(3600)).then(keep);
    latch.entered.wait(1);
    ticket
}

#[test]
fn a_result_that_comes_after_a_cancel_is_dropped_off_the_loop_thread() {
    let (lp, drops, latch) = (one_thread::<Seen<Probe>>(), Drops::new(), Latch::new());
    running(&lp, &drops, &latch).cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    latch.open();
    drops.were_elsewhere(1);
}

#[test]
fn a_result_that_comes_after_its_deadline_is_dropped_off_the_loop_thread() {
    let (lp, drops, latch) = (one_thread::<Seen<Probe>>(), Drops::new(), Latch::new());
    let in_vain = overrun(&lp, false, || {
        let (gate, probe) = (latch.clone(), drops.probe());
        move |_: &Context| {
            gate.pass();
            probe
        }
    });
    latch.open();
    drops.were_elsewhere(in_vain + 1);
}

#[test]
fn a_result_that_comes_after_the_end_is_dropped_off_the_loop_thread() {
    let (lp, drops, latch) = (one_thread::<Seen<Probe>>(), Drops::new(), Latch::new());
    let ticket = running(&lp, &drops, &latch);
    drop(lp);
    assert!(ticket.is_done());
    latch.open();
    drops.were_elsewhere(1);
}

#[test]
fn a_result_whose_future_is_gone_is_dropped_off_the_loop_thread() {
    use std::future::{Future, IntoFuture};
    use std::pin::pin;
    use std::task::{Context, Waker};

    let (lp, drops) = (one_thread::<Seen<Probe>>(), Drops::new());
    let probe = drops.probe();
    {
        let mut future = pin!(lp.off.call(move || probe).into_future());
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        wait_until(|| lp.off.stats().finished == 1);
    }
    drops.were_elsewhere(1);
}

#[test]
fn a_result_of_a_detached_call_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (one_thread::<Seen<Probe>>(), Drops::new());
    let probe = drops.probe();
    lp.off.call(move || probe).detach();
    drops.were_elsewhere(1);
}

#[test]
fn a_result_that_no_turn_delivers_is_dropped_off_the_loop_thread() {
    let (lp, drops, latch) = (one_thread::<Seen<Probe>>(), Drops::new(), Latch::new());
    latch.open();
    let ticket = running(&lp, &drops, &latch);
    wait_until(|| ticket.is_done());
    drop(lp);
    drops.were_elsewhere(1);
}

#[test]
fn a_result_that_no_turn_delivers_after_a_shutdown_is_dropped_off_the_loop_thread() {
    let (lp, drops, latch) = (one_thread::<Seen<Probe>>(), Drops::new(), Latch::new());
    latch.open();
    let ticket = running(&lp, &drops, &latch);
    wait_until(|| ticket.is_done());
    lp.off.shutdown(Duration::from_secs(30));
    drop(lp);
    drops.were_elsewhere(1);
}
