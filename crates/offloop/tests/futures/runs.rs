//! Futures at work. Invariant: what a future waits for is opened by its test, so that no pace decides.

use std::cell::Cell;
use std::future::IntoFuture;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use offloop::{AsyncCalls, Failure, Offloop, Outcome, Reason};

use crate::common::block_on::block_on;
use crate::common::{Seen, TestLoop, explode, keep, wait_for};
use crate::runtime::Runtime;
use crate::{Gate, looped, seen_by};

#[test]
fn each_future_runs_once_and_its_value_comes_back() {
    let lp = seen_by::<u32>(2);
    for n in 0..500 {
        lp.off.call_async(async move { n }).then(keep);
    }
    let mut values: Vec<u32> = lp.outcomes(500).into_iter().map(Result::unwrap).collect();
    values.sort_unstable();
    assert!(values.into_iter().eq(0..500));
    let stats = lp.off.stats();
    assert_eq!((stats.submitted, stats.finished, stats.async_calls.running), (500, 500, 0));
}

#[test]
fn a_handler_of_an_async_call_may_hold_what_is_not_send() {
    let lp = seen_by::<u32>(1);
    let widget = Rc::new(Cell::new(0));
    let its = widget.clone();
    lp.off.call_async(async { 7 }).then(move |seen, outcome| {
        its.set(*outcome.as_ref().unwrap());
        keep(seen, outcome);
    });
    assert!(matches!(lp.outcome(), Ok(7)));
    assert_eq!(widget.get(), 7);
}

/// One thread, a thousand calls under way at once.
#[test]
fn a_future_that_waits_holds_no_thread() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    for _ in 0..1000 {
        lp.off.call_async(gate.pass()).then(keep);
    }
    gate.wait_polled(1000);
    let stats = lp.off.stats().async_calls;
    assert_eq!((stats.running, stats.queued, stats.threads), (1000, 0, 1));
    gate.open();
    assert!(lp.outcomes(1000).iter().all(Result::is_ok));
}

#[test]
fn no_future_is_polled_or_dropped_on_the_loop_thread() {
    let lp = seen_by::<()>(2);
    let gate = Gate::default();
    for _ in 0..50 {
        lp.off.call_async(gate.pass()).then(keep);
    }
    gate.wait_polled(50);
    gate.open();
    lp.outcomes(50);
    assert!(!gate.polled().contains(&thread::current().id()));
    gate.wait_dropped(50);
}

#[test]
fn a_context_comes_with_the_call_and_its_maker_runs_off_the_loop() {
    let lp = seen_by::<bool>(1);
    let here = thread::current().id();
    let made = move |cx: offloop::Context| {
        let elsewhere = thread::current().id() != here;
        async move { elsewhere && !cx.is_cancelled() && cx.deadline().is_none() }
    };
    lp.off.call_async_with(made).then(keep);
    assert!(matches!(lp.outcome(), Ok(true)));
}

#[test]
fn a_panic_is_an_outcome_wherever_it_comes_from() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    gate.open();
    let pass = gate.pass();
    lp.off.call_async(async { explode("at once") }).name("first").then(keep);
    lp.off
        .call_async(async move {
            pass.await;
            explode("after an await")
        })
        .then(keep);
    lp.off.call_async_with(|_| -> std::future::Ready<()> { explode("in the maker") }).then(keep);
    let text = |outcome: Outcome<()>| match outcome {
        Err(Failure::Panicked(panic)) => panic.message().to_owned(),
        other => panic!("{other:?}"),
    };
    let texts: Vec<_> = lp.outcomes(3).into_iter().map(text).collect();
    assert_eq!(texts, ["at once", "after an await", "in the maker"]);
    lp.off.call_async(async {}).then(keep);
    assert!(lp.outcome().is_ok(), "the runtime lives on");
}

#[test]
fn a_future_whose_end_panics_keeps_its_outcome() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            explode("in a destructor")
        }
    }
    let lp = seen_by::<u32>(1);
    let gate = Gate::default();
    let (bomb, pass) = (Bomb, gate.pass());
    let call = lp.off.call_async(async move {
        pass.await;
        drop(bomb);
        1
    });
    let ticket = call.then(keep);
    gate.wait_polled(1);
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    gate.wait_dropped(1);
    wait_for("it is counted", || lp.off.stats().destructor_panics == 1);
    lp.off.call_async(async { 2 }).then(keep);
    assert!(matches!(lp.outcome(), Ok(2)));
}

#[test]
fn without_an_executor_it_is_refused_and_a_thread_can_wait_with_it() {
    let lp: TestLoop<Seen<u32>> = TestLoop::new();
    lp.off.call_async(async { 1 }).then(keep);
    let outcome = lp.outcome();
    assert!(matches!(outcome, Err(Failure::Rejected(Reason::NotConfigured))), "{outcome:?}");
    assert!(outcome.unwrap_err().to_string().contains("async_on(..)"), "it says what to do");
    let gate = Gate::default();
    for place in 0..3 {
        let pass = gate.pass();
        let call = lp.off.call_async(async move {
            pass.await;
            place
        });
        match place {
            0 => call.threads().then(keep),
            1 => call.cores().then(keep),
            _ => call.inline().then(keep),
        };
    }
    gate.wait_polled(2);
    gate.open();
    let outcomes = lp.outcomes(3);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

/// What a poll waits for inside may sleep by the thread's own token, as a channel does.
#[test]
fn a_wake_that_comes_while_a_poll_waits_for_something_else_is_not_lost() {
    let lp: TestLoop<Seen<u32>> = TestLoop::new();
    let mut polled = false;
    let future = std::future::poll_fn(move |cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(7);
        }
        cx.waker().wake_by_ref();
        thread::park();
        std::task::Poll::Pending
    });
    lp.off.call_async(future).threads().then(keep);
    assert!(matches!(lp.outcome(), Ok(7)));
}

#[test]
fn a_call_past_the_limit_is_refused_while_the_others_run() {
    let runtime = Runtime::new(1);
    let limits = AsyncCalls::new().max(3);
    let lp: TestLoop<Seen<()>> =
        TestLoop::with(|builder| builder.async_on(runtime).async_calls(limits));
    let gate = Gate::default();
    for _ in 0..3 {
        lp.off.call_async(gate.pass()).then(keep);
    }
    gate.wait_polled(3);
    lp.off.call_async(gate.pass()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::QueueFull))));
    let refused = lp.off.call_async(gate.pass()).try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Rejected(Reason::QueueFull)));
    gate.open();
    assert!(lp.outcomes(3).iter().all(Result::is_ok));
    // There is room again.
    for _ in 0..3 {
        lp.off.call_async(gate.pass()).then(keep);
        assert!(lp.outcome().is_ok());
    }
}

#[test]
fn an_executor_that_takes_nothing_is_an_outcome() {
    let (lp, runtime) = looped::<Seen<u32>>(1);
    runtime.end();
    let gate = Gate::default();
    let pass = gate.pass();
    let call = lp.off.call_async(async move {
        pass.await;
        1
    });
    call.then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(Reason::NoWorker))));
    gate.wait_dropped(1);
    assert_eq!(lp.off.stats().async_calls.queued, 0);
}

#[test]
fn an_async_call_can_be_awaited() {
    let (lp, _runtime) = looped::<()>(1);
    assert!(matches!(block_on(lp.off.call_async(async { 4 }).into_future()), Ok(4)));
    let handle = lp.off.handle();
    let there = thread::spawn(move || block_on(handle.call_async(async { 5 }).into_future()));
    assert!(matches!(there.join().unwrap(), Ok(5)));
}

/// A future that awaits a call of the same offloop: a blocking part, off the runtime's threads.
#[test]
fn a_future_may_await_other_calls() {
    let lp = seen_by::<u32>(1);
    let handle = lp.off.handle();
    lp.off.call_async(async move { handle.call(|| 20).await.unwrap() + 1 }).then(keep);
    assert!(matches!(lp.outcome(), Ok(21)));
}

#[test]
fn a_detached_value_is_dropped_off_the_loop_and_a_failure_is_unobserved() {
    struct Tells(mpsc::Sender<thread::ThreadId>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(thread::current().id()).expect("the test waits");
        }
    }
    let runtime = Runtime::new(1);
    let lp: TestLoop<()> = TestLoop::with(|builder| builder.async_on(runtime));
    let (tell, told) = mpsc::channel();
    lp.off.call_async(async move { Tells(tell) }).detach();
    assert_ne!(told.recv().unwrap(), thread::current().id());
    lp.off.call_async(async { explode("unheard") }).detach();
    wait_for("it is counted", || {
        lp.turn(&mut ());
        lp.off.stats().unobserved == 1
    });
}

#[test]
fn two_offloops_share_one_runtime() {
    let runtime = Runtime::new(1);
    let looped = || -> Offloop<Seen<u32>> {
        let its = runtime.clone();
        Offloop::builder().no_waker().async_on(its).build().unwrap()
    };
    let (one, two) = (looped(), looped());
    one.call_async(async { 1 }).then(keep);
    two.call_async(async { 2 }).then(keep);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    wait_for("both come", || {
        one.deliver(&mut first);
        two.deliver(&mut second);
        first.len() + second.len() == 2
    });
    assert!(matches!((&first[0], &second[0]), (Ok(1), Ok(2))));
}
