//! G12 and G18: the end comes in time and tells the truth, and a wait for oneself is a panic.
//! Invariant: what a report says is checked against outcomes and functions seen by the test.

mod common;

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::{Count, Hold, Latch, PATIENCE, Seen, TestLoop, keep, wait_until};
use offloop::{Cores, Failure, Offloop, Outcome, Threads, Ticket, WeakOffloop};

fn one_thread<S: 'static>() -> TestLoop<S> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

fn is_shutdown<T>(outcome: &Outcome<T>) -> bool {
    matches!(outcome, Err(Failure::Shutdown))
}

#[test]
fn close_refuses_new_calls_ends_queued_ones_and_lets_running_ones_finish() {
    let lp = one_thread::<Seen<u8>>();
    let latch = Latch::new();
    let gate = latch.clone();
    let running = lp.off.call_with(move |cx| {
        gate.pass();
        u8::from(cx.is_cancelled())
    });
    running.then(keep);
    latch.entered.wait(1);
    lp.off.call(|| 1).then(keep);
    lp.off.call(|| 2).inline().then(keep);
    assert!(!lp.off.is_closed());
    lp.off.close();
    lp.off.call(|| 3).then(keep);
    assert!(lp.outcomes(3).iter().all(is_shutdown));
    assert!(!lp.off.is_closed(), "one still runs");
    latch.open();
    assert_eq!(lp.outcome().unwrap(), 0, "close asks nobody to stop");
    assert!(lp.off.is_closed());
}

#[test]
fn a_closing_loop_is_woken_for_the_last_call_that_a_task_awaits() {
    use std::future::{Future, IntoFuture};
    use std::pin::pin;
    use std::task::{Context, Waker};

    let lp = one_thread::<()>();
    let latch = Latch::new();
    let mut future = pin!(lp.off.call(latch.holding(())).into_future());
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    wait_until(|| lp.off.stats().threads.running == 1);
    lp.off.close();
    assert!(!lp.off.is_closed());
    latch.open();
    // A loop that waits for its wakes, and looks whether it is closed after each turn.
    while !lp.off.is_closed() {
        lp.woken_turn(&mut ());
    }
}

#[test]
fn shutdown_waits_for_running_calls_and_counts_them() {
    let lp = one_thread::<Seen<bool>>();
    let entered = Count::new();
    let enter = entered.clone();
    let running = lp.off.call_with(move |cx| {
        enter.add();
        wait_until(|| cx.is_cancelled());
        true
    });
    running.then(keep);
    entered.wait(1);
    let queued: Vec<Ticket> = (0..5).map(|_| lp.off.call(|| false).then(keep)).collect();
    lp.off.call(|| false).inline().then(keep);
    let report = lp.off.shutdown(PATIENCE);
    assert_eq!((report.finished, report.never_started), (1, 6));
    assert!(report.abandoned.is_empty());
    assert!(queued.iter().all(Ticket::is_done), "decided when it returns");
    let outcomes = lp.outcomes(7);
    assert_eq!(outcomes.iter().filter(|one| matches!(one, Ok(true))).count(), 1);
    assert_eq!(outcomes.iter().filter(|one| is_shutdown(one)).count(), 6);
    assert!(lp.off.is_closed());
}

#[test]
fn shutdown_of_an_idle_offloop_is_empty_and_refuses_what_comes_after() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call(|| ()).then(keep);
    assert!(lp.outcome().is_ok());
    let report = lp.off.shutdown(Duration::MAX);
    assert_eq!((report.finished, report.never_started, report.abandoned.len()), (0, 0, 0));
    lp.off.call(|| ()).then(keep);
    lp.off.call(|| ()).inline().then(keep);
    assert!(lp.outcomes(2).iter().all(is_shutdown));
    assert!(is_shutdown(&common::block_on::block_on(lp.off.call(|| ()))));
}

#[test]
fn shutdown_names_a_function_that_never_returns_and_a_second_one_says_the_same() {
    let lp = TestLoop::<Seen<()>>::new();
    let latch = Latch::new();
    let first = line!();
    for cores in [false, true] {
        let call = lp.off.call(latch.holding(()));
        let call = if cores { call.cores().name("stuck on a core") } else { call.name("stuck") };
        call.then(keep);
    }
    let last = line!();
    latch.entered.wait(2);
    let began = Instant::now();
    let report = lp.off.shutdown(Duration::from_millis(30));
    assert!(began.elapsed() >= Duration::from_millis(30) && began.elapsed() < PATIENCE);
    assert_eq!((report.finished, report.never_started), (0, 0));
    let mut names: Vec<&str> =
        report.abandoned.iter().filter_map(|call| call.name.as_deref()).collect();
    names.sort_unstable();
    assert_eq!(names, ["stuck", "stuck on a core"]);
    for call in &report.abandoned {
        assert!(call.place.file().ends_with("shutdown.rs"));
        assert!((first..=last).contains(&call.place.line()));
    }
    assert!(lp.outcomes(2).iter().all(is_shutdown));
    latch.open();
    assert_eq!(lp.off.shutdown(PATIENCE), report);
}

/// Functions that end at the very moment of the shutdown: each call is in one of its counts.
#[test]
fn shutdown_calls_nothing_abandoned_that_finished() {
    const CALLS: usize = 6;
    for round in 0..1_000_u32 {
        let lp = TestLoop::<HashMap<usize, bool>>::with(|builder| {
            builder.threads(Threads::new().max(2)).cores(Cores::new().workers(1))
        });
        let entered = Count::new();
        for index in 0..CALLS {
            let enter = entered.clone();
            let call = lp.off.call_with(move |cx| {
                enter.add();
                while !cx.is_cancelled() {
                    std::thread::yield_now();
                }
                for _ in 0..round % 100 * 8 {
                    std::hint::spin_loop();
                }
            });
            let call = if index % 2 == 0 { call.cores() } else { call };
            call.name(index.to_string()).then(move |seen: &mut HashMap<_, _>, outcome| {
                assert!(outcome.is_ok() || is_shutdown(&outcome));
                seen.insert(index, outcome.is_ok());
            });
        }
        entered.wait(3);
        let report = lp.off.shutdown(Duration::ZERO);
        let mut seen = HashMap::new();
        lp.run_until(&mut seen, |seen| seen.len() == CALLS);
        for call in &report.abandoned {
            let index: usize = call.name.as_deref().unwrap().parse().unwrap();
            assert!(!seen[&index], "call {index} finished and is reported as abandoned");
        }
        let finished = seen.values().filter(|&&is_ok| is_ok).count();
        assert_eq!((report.finished, report.never_started), (finished, 3), "{report:?}");
        assert_eq!(report.abandoned.len(), 3 - finished, "{report:?}");
    }
}

/// The keeper turns queued calls away while the shutdown counts them.
#[test]
fn shutdown_right_after_close_counts_every_call_that_never_started() {
    for _ in 0..100 {
        let lp = one_thread::<usize>();
        let hold = Hold::threads(&lp.off, 1);
        for _ in 0..200 {
            lp.off.call(|| ()).then(|seen: &mut usize, _| *seen += 1);
        }
        lp.off.close();
        let report = lp.off.shutdown(Duration::ZERO);
        assert_eq!(report.never_started, 200);
        drop(hold);
        lp.run_until(&mut 0, |&seen| seen == 200);
    }
}

#[test]
fn dropping_the_last_clone_reports_handlers_that_no_turn_ran() {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hook = heard.clone();
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        builder.threads(Threads::new().max(1)).on_unobserved(move |what| {
            let name = what.name.clone().unwrap_or_default().into_owned();
            hook.borrow_mut().push((name, what.failure.is_some(), what.handler_dropped));
        })
    });
    let done = lp.off.call(|| ()).name("done").then(keep);
    wait_until(|| done.is_done());
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).name("queued").then(keep);
    lp.off.call(|| ()).name("inline").inline().then(keep);
    let clone = lp.off.clone();
    drop(lp);
    assert!(heard.borrow().is_empty(), "a clone is left");
    drop(clone);
    drop(hold);
    let mut heard = heard.take();
    heard.sort();
    let entry = |name: &str, failed, dropped| (name.to_owned(), failed, dropped);
    let expected = [
        entry("done", false, true),
        entry("held", true, false),
        entry("inline", true, true),
        entry("queued", true, true),
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_handle_that_outlives_the_loop_hears_of_the_shutdown() {
    let lp = TestLoop::<Seen<()>>::new();
    let handle = lp.off.handle();
    drop(lp);
    assert!(handle.call(|| ()).then(keep).is_done());
    assert!(handle.call(|| ()).inline().detach().is_done());
    assert!(is_shutdown(&common::block_on::block_on(handle.call(|| ()))));
    let refused = handle.call(|| ()).try_then(keep).unwrap_err();
    assert!(matches!(refused.reason, Failure::Shutdown));
}

/// A handle submits while the loop's own handle is dropped: every call is decided all the same.
#[test]
fn every_call_that_races_with_the_last_drop_is_decided() {
    for round in 0..300_usize {
        let lp = TestLoop::<Seen<()>>::new();
        let (handle, running) = (lp.off.handle(), Count::new());
        let begun = running.clone();
        let submitter = std::thread::spawn(move || {
            let mut tickets = Vec::new();
            for index in 0..200 {
                let call = handle.call(|| ());
                let call = match index % 3 {
                    0 => call.inline(),
                    1 => call.cores(),
                    _ => call,
                };
                tickets.push(call.then(keep));
                begun.add();
            }
            (tickets, handle)
        });
        running.wait(1 + round % 50);
        drop(lp);
        let (tickets, _handle) = submitter.join().unwrap();
        wait_until(|| tickets.iter().all(Ticket::is_done));
    }
}

/// A state whose handlers can end their own loop.
struct App {
    off: WeakOffloop<App>,
    handled: u32,
}

impl App {
    fn off(&self) -> Offloop<App> {
        self.off.upgrade().expect("the loop lives")
    }
}

#[test]
fn a_blocking_shutdown_inside_a_handler_panics_with_the_reason() {
    let lp = TestLoop::<App>::new();
    let mut app = App { off: lp.off.downgrade(), handled: 0 };
    lp.off.call(|| ()).inline().then(|app: &mut App, _| {
        app.off().shutdown(Duration::from_millis(1));
    });
    let unwound = catch_unwind(AssertUnwindSafe(|| lp.woken_turn(&mut app))).unwrap_err();
    let reason = unwound.downcast_ref::<&str>().expect("a sentence");
    assert!(reason.contains("shutdown inside a handler"), "{reason}");
    lp.off.call(|| ()).inline().then(|app, _| app.handled += 1);
    lp.run_until(&mut app, |app| app.handled == 1);
}

#[test]
fn a_blocking_shutdown_inside_the_unobserved_hook_panics_with_the_reason() {
    let slot: Rc<RefCell<Option<WeakOffloop<()>>>> = Rc::default();
    let inner = slot.clone();
    let lp = TestLoop::<()>::with(|builder| {
        builder.on_unobserved(move |_| {
            let off = inner.borrow().as_ref().and_then(WeakOffloop::upgrade);
            if let Some(off) = off {
                off.shutdown(Duration::from_millis(1));
            }
        })
    });
    *slot.borrow_mut() = Some(lp.off.downgrade());
    lp.off.call(|| common::explode("unheard")).inline().detach();
    let unwound = catch_unwind(AssertUnwindSafe(|| lp.woken_turn(&mut ()))).unwrap_err();
    assert!(unwound.downcast_ref::<&str>().unwrap().contains("shutdown inside a handler"));
}

#[test]
fn a_handler_may_close_and_may_shut_down_without_waiting() {
    let lp = one_thread::<App>();
    let mut app = App { off: lp.off.downgrade(), handled: 0 };
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).inline().then(|app: &mut App, _| {
        app.off().close();
        let report = app.off().shutdown(Duration::ZERO);
        assert_eq!((report.never_started, report.abandoned.len()), (2, 1));
        app.handled += 1;
    });
    lp.off.call(|| ()).then(|app, _| app.handled += 1);
    lp.off.call(|| ()).inline().then(|app, outcome| {
        assert!(is_shutdown(&outcome));
        app.handled += 1;
    });
    lp.run_until(&mut app, |app| app.handled == 3);
    drop(hold);
}
