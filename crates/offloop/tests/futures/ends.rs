//! How an async call ends before its future does. Invariant: the outcome is decided at once, and the
//! future is dropped where it is polled, though nothing that it waits for ever comes.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{AsyncExecutor, By, Failure, Task};

use crate::common::{PATIENCE, Seen, TestLoop, keep, wait_for};
use crate::{Gate, looped, seen_by};

#[test]
fn a_cancel_drops_the_future() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    let ticket = lp.off.call_async(gate.pass()).then(keep);
    gate.wait_polled(1);
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(By::Caller))));
    gate.wait_dropped(1);
    wait_for("it runs no more", || lp.off.stats().async_calls.running == 0);
}

#[test]
fn a_deadline_drops_the_future() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    lp.off.call_async(gate.pass()).deadline(Duration::from_millis(20)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    gate.wait_dropped(1);
    let stats = lp.off.stats();
    assert_eq!((stats.timed_out, stats.async_calls.abandoned), (1, 0));
}

#[test]
fn a_guard_a_scope_a_newer_call_and_a_dropped_future_drop_it_too() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    let guard = lp.off.call_async(gate.pass()).then(keep).guard();
    gate.wait_polled(1);
    drop(guard);
    gate.wait_dropped(1);
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(By::Caller))));

    let scope = lp.off.scope();
    lp.off.call_async(gate.pass()).within(&scope).then(keep);
    gate.wait_polled(2);
    drop(scope);
    gate.wait_dropped(2);

    lp.off.call_async(gate.pass()).latest("key").then(keep);
    gate.wait_polled(3);
    lp.off.call_async(async {}).latest("key").then(keep);
    gate.wait_dropped(3);
    let outcomes = lp.outcomes(2);
    assert!(matches!(outcomes[..], [Err(Failure::Cancelled(By::Superseded)), Ok(())]));

    let mut awaited =
        Box::pin(std::future::IntoFuture::into_future(lp.off.call_async(gate.pass())));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(awaited.as_mut().poll(&mut cx).is_pending());
    gate.wait_polled(4);
    drop(awaited);
    gate.wait_dropped(4);
}

#[test]
fn a_call_that_is_decided_before_its_first_poll_is_not_polled() {
    // A runtime without threads.
    let (lp, runtime) = looped::<Seen<()>>(0);
    let gate = Gate::default();
    let ticket = lp.off.call_async(gate.pass()).then(keep);
    lp.off.call_async(gate.pass()).deadline(Duration::ZERO).then(keep);
    ticket.cancel();
    assert!(lp.outcomes(2).iter().all(Result::is_err));
    std::thread::spawn(move || runtime.end()).join().unwrap();
    gate.wait_dropped(2);
    assert!(gate.polled().is_empty());
}

/// A runtime that ends on the loop thread, and one that panics instead of taking the task.
#[test]
fn a_future_that_was_never_polled_is_dropped_off_the_loop_whoever_ends_its_task() {
    struct Panics;
    impl AsyncExecutor for Panics {
        fn spawn(&self, _: Task) -> Result<(), Task> {
            panic!("no room");
        }
    }

    let (lp, runtime) = looped::<Seen<()>>(0);
    let gate = Gate::default();
    lp.off.call_async(gate.pass()).then(keep);
    runtime.end();
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    gate.wait_dropped(1);

    let lp = TestLoop::<Seen<()>>::with(|builder| builder.async_on(Panics));
    lp.off.call_async(gate.pass()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    gate.wait_dropped(2);
    assert!(gate.polled().is_empty());
    assert_eq!(lp.off.stats().async_calls.queued, 0);
}

/// A3: the calls of a runtime that ends under them come to an outcome.
#[test]
fn a_runtime_that_ends_before_its_calls_is_an_outcome() {
    let (lp, runtime) = looped::<Seen<()>>(1);
    let gate = Gate::default();
    for _ in 0..3 {
        lp.off.call_async(gate.pass()).then(keep);
    }
    gate.wait_polled(3);
    std::thread::spawn(move || runtime.end()).join().unwrap();
    let outcomes = lp.outcomes(3);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Failure::Shutdown))));
    gate.wait_dropped(3);
    assert_eq!(lp.off.stats().async_calls.running, 0);
    lp.off.call_async(gate.pass()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(_))));
}

#[test]
fn close_lets_what_runs_finish_and_refuses_the_rest() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    lp.off.call_async(gate.pass()).then(keep);
    gate.wait_polled(1);
    lp.off.close();
    lp.off.call_async(gate.pass()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    assert!(!lp.off.is_closed());
    gate.open();
    assert!(lp.outcome().is_ok());
    assert!(lp.off.is_closed());
}

#[test]
fn a_shutdown_waits_for_futures() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    let (pass, (begin, begun)) = (gate.pass(), mpsc::channel());
    let call = lp.off.call_async_with(move |cx| {
        begin.send(cx).unwrap();
        pass
    });
    call.then(keep);
    gate.wait_polled(1);
    let cx = begun.recv().unwrap();
    let opener = thread::spawn(move || {
        wait_for("the shutdown has begun", || cx.is_cancelled());
        // One that waits for nothing has its report by then, as a rule.
        thread::sleep(Duration::from_millis(10));
        gate.open();
    });
    let report = lp.off.shutdown(PATIENCE);
    opener.join().unwrap();
    assert_eq!((report.finished, report.abandoned.len()), (1, 0));
    assert!(lp.outcome().is_ok());
}

/// A runtime may keep what is ready, as in a list that it clears now and then.
#[test]
fn a_shutdown_does_not_wait_for_a_task_that_is_ready_and_was_kept() {
    #[derive(Clone, Default)]
    struct Keeps(Arc<Mutex<Vec<Task>>>);
    impl AsyncExecutor for Keeps {
        fn spawn(&self, task: Task) -> Result<(), Task> {
            self.0.lock().unwrap().push(task);
            Ok(())
        }
    }
    let keeps = Keeps::default();
    let its = keeps.clone();
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.async_on(its));
    lp.off.call_async(async { 7 }).then(keep);
    let poll = || {
        let mut tasks = keeps.0.lock().unwrap();
        assert!(pin!(&mut tasks[0]).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    };
    thread::scope(|scope| scope.spawn(poll).join().unwrap());
    assert!(matches!(lp.outcome(), Ok(7)));
    let began = Instant::now();
    lp.off.shutdown(PATIENCE);
    assert!(began.elapsed() < PATIENCE, "nothing runs");
}

#[test]
fn a_shutdown_drops_what_does_not_end_and_names_it() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    lp.off.call_async(gate.pass()).name("waits").then(keep);
    gate.wait_polled(1);
    let report = lp.off.shutdown(Duration::ZERO);
    let names: Vec<_> = report.abandoned.iter().map(|call| call.name.as_deref()).collect();
    assert_eq!(names, [Some("waits")]);
    assert!(matches!(lp.outcome(), Err(Failure::Shutdown)));
    gate.wait_dropped(1);
    assert_eq!(lp.off.stats().async_calls.threads, 0);
}

#[test]
fn a_shutdown_names_each_of_very_many_futures_once() {
    const MANY: usize = 10_000;
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    for _ in 0..MANY {
        lp.off.call_async(gate.pass()).then(keep);
    }
    gate.wait_polled(MANY);
    let report = lp.off.shutdown(Duration::ZERO);
    assert_eq!((report.abandoned.len(), report.finished), (MANY, 0));
}
