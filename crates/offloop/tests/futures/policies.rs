//! The policies, on futures. Invariant: a policy holds for an async call as for any other.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{self, Wake};

use offloop::{Context, Failure};

use crate::common::{PATIENCE, Seen, TestLoop, keep, wait_for};
use crate::{Gate, looped, seen_by};

#[test]
fn in_order_keeps_the_order_of_submits() {
    let lp = seen_by::<u32>(2);
    let gate = Gate::default();
    let pass = gate.pass();
    let first = lp.off.call_async(async move {
        pass.await;
        1
    });
    first.in_order("key").then(keep);
    lp.off.call_async(async { 2 }).in_order("key").then(keep);
    wait_for("the second is done", || lp.off.stats().finished == 1);
    gate.open();
    let values: Vec<_> = lp.outcomes(2).into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [1, 2]);
}

#[test]
fn serial_futures_never_overlap() {
    let lp = seen_by::<()>(2);
    let (inside, log) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    for n in 0..20 {
        let (inside, log) = (inside.clone(), log.clone());
        let call = lp.off.call_async(async move {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            yield_once().await;
            log.lock().unwrap().push(n);
            inside.fetch_sub(1, Ordering::SeqCst);
        });
        call.serial("key").then(keep);
    }
    assert!(lp.outcomes(20).iter().all(Result::is_ok));
    assert!(log.lock().unwrap().iter().copied().eq(0..20));
}

/// Other than a thread's function, a future that timed out holds nobody up.
#[test]
fn a_serial_future_past_its_deadline_lets_the_next_one_go() {
    let lp = seen_by::<u32>(1);
    let gate = Gate::default();
    let pass = gate.pass();
    let first = lp.off.call_async(async move {
        pass.await;
        1
    });
    first.serial("key").deadline(std::time::Duration::from_millis(10)).then(keep);
    lp.off.call_async(async { 2 }).serial("key").then(keep);
    let outcomes = lp.outcomes(2);
    assert!(matches!(outcomes[..], [Err(Failure::TimedOut), Ok(2)]), "{outcomes:?}");
    gate.wait_dropped(1);
}

#[test]
fn a_shared_future_runs_once_and_is_dropped_when_nobody_waits() {
    let lp = seen_by::<u32>(2);
    let (gate, runs) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
    let share = || {
        let (pass, runs) = (gate.pass(), runs.clone());
        let call = lp.off.call_async(async move {
            runs.fetch_add(1, Ordering::SeqCst);
            pass.await;
            7
        });
        call.share("key").then(keep)
    };
    let first = [share(), share(), share()];
    gate.wait_polled(1);
    first.iter().for_each(offloop::Ticket::cancel);
    assert!(lp.outcomes(3).iter().all(Result::is_err));
    // One future that ran, and two that did not.
    gate.wait_dropped(3);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let _again = [share(), share()];
    gate.wait_polled(2);
    gate.open();
    assert!(lp.outcomes(2).iter().all(|outcome| matches!(outcome, Ok(7))));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[test]
fn the_newest_progress_is_heard() {
    let (lp, _runtime) = looped::<(Vec<u32>, bool)>(1);
    let call = lp.off.call_async_with(|cx: Context| async move {
        for n in 0..1000u32 {
            cx.progress(n);
        }
    });
    let call = call.on_progress(|state: &mut (Vec<u32>, bool), n: u32| state.0.push(n));
    call.then(|state, _| state.1 = true);
    let mut state = (Vec::new(), false);
    lp.run_until(&mut state, |state| state.1);
    assert_eq!(state.0.last(), Some(&999));
    assert!(state.0.is_sorted());
}

/// The future waits and its thread does not: another call on the one thread gets on meanwhile.
#[test]
fn each_progress_is_heard_and_the_future_waits_for_room() {
    #[derive(Default)]
    struct App {
        heard: Vec<u32>,
        other: bool,
        done: bool,
    }
    let (lp, _runtime) = looped::<App>(1);
    let sent = Arc::new(AtomicUsize::new(0));
    let its = sent.clone();
    let call = lp.off.call_async_with(|cx: Context| async move {
        for n in 0..1000u32 {
            cx.progress_async(n).await;
            its.fetch_add(1, Ordering::SeqCst);
        }
    });
    let call = call.on_each_progress(|app: &mut App, n: u32| app.heard.push(n));
    call.then(|app, outcome| app.done = outcome.is_ok());
    wait_for("it has filled the box", || sent.load(Ordering::SeqCst) == 64);
    lp.off.call_async(async {}).then(|app, _| app.other = true);
    wait_for("the other one is done", || lp.off.stats().finished == 1);
    assert_eq!(sent.load(Ordering::SeqCst), 64);
    let mut app = App::default();
    lp.run_until(&mut app, |app| app.done && app.other);
    assert!(app.heard.into_iter().eq(0..1000));
}

/// A future may do more than wait for room, and is polled for all of it.
#[test]
fn a_task_that_is_polled_while_it_waits_for_room_leaves_one_waker() {
    struct Idle;
    impl Wake for Idle {
        fn wake(self: Arc<Self>) {}
    }
    let (lp, _runtime) = looped::<bool>(1);
    let (send, receive) = mpsc::channel();
    let call = lp.off.call_async_with(move |cx: Context| async move {
        for n in 0..64u32 {
            cx.progress(n);
        }
        let idle = Arc::new(Idle);
        let waker = idle.clone().into();
        let mut put = pin!(cx.progress_async(64u32));
        for _ in 0..1000 {
            assert!(put.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
        }
        drop(waker);
        send.send(Arc::strong_count(&idle)).unwrap();
        put.await;
    });
    call.on_each_progress(|_, _: u32| {}).then(|done, outcome| *done = outcome.is_ok());
    assert_eq!(receive.recv_timeout(PATIENCE), Ok(2), "its own, and the one left");
    lp.run_until(&mut false, |done| *done);
}

/// The loop that makes the room is the thread that would wait for it.
#[test]
fn an_inline_future_does_not_wait_for_room() {
    let lp = TestLoop::<(Vec<u32>, bool)>::new();
    let call = lp.off.call_async_with(|cx: Context| async move {
        for n in 0..1000u32 {
            cx.progress_async(n).await;
        }
    });
    let call = call.inline().on_each_progress(|state: &mut (Vec<u32>, bool), n: u32| {
        state.0.push(n);
    });
    call.then(|state, outcome| state.1 = outcome.is_ok());
    let mut state = (Vec::new(), false);
    lp.run_until(&mut state, |state| state.1);
    assert!(state.0.into_iter().eq(0..1000));
}

#[test]
fn a_future_that_waits_for_room_ends_with_its_call_and_with_a_shutdown() {
    let lp = seen_by::<()>(1);
    let gate = Gate::default();
    let endless = || {
        let pass = gate.pass();
        let call = lp.off.call_async_with(|cx: Context| async move {
            let _held = pass;
            loop {
                cx.progress_async(0u32).await;
                if cx.is_cancelled() {
                    return;
                }
            }
        });
        call.on_each_progress(|_: &mut Seen<()>, _: u32| {}).then(keep)
    };
    let ticket = endless();
    wait_for("it runs", || lp.off.stats().async_calls.running == 1);
    ticket.cancel();
    gate.wait_dropped(1);
    endless();
    wait_for("it runs", || lp.off.stats().async_calls.running == 1);
    let report = lp.off.shutdown(std::time::Duration::from_secs(20));
    assert!(report.abandoned.is_empty(), "it was told: {report:?}");
    gate.wait_dropped(2);
}

/// Pending once, woken at once.
async fn yield_once() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
