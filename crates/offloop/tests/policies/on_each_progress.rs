//! `on_each_progress`: every value, with back-pressure. Invariant: a function that waits for room is
//! seen to wait by what it has counted, and let go by exactly one thing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Context, Failure, Ticket, Turn};

use crate::common::probes::Drops;
use crate::common::{Count, PATIENCE, TestLoop, overrun_by, wait_for, wait_until};

crate::rows::rows!(OnEachProgress);

/// How many values wait for the loop before the function does.
const ROOM: usize = 64;

type App = Vec<u32>;
type Function = Box<dyn FnOnce(&Context) + Send>;

/// A function that sends 200 values, for a loop that does not deliver.
struct Blocked {
    sent: Count,
    returned: Arc<AtomicBool>,
    ticket: Ticket,
}

impl Blocked {
    fn submit(lp: &TestLoop<App>, from_handle: bool) -> Self {
        Self::begun(|function| {
            if from_handle {
                let call = lp.off.handle().call_with(function);
                return call.on_each_progress(App::push).then(|_, _| ());
            }
            lp.off.call_with(function).on_each_progress(App::push).then(|_, _| ())
        })
    }

    /// Waits until the function that `submit` sends on its way has no room.
    fn begun(submit: impl FnOnce(Function) -> Ticket) -> Self {
        let (sent, returned) = (Count::new(), Arc::new(AtomicBool::new(false)));
        let (count, back) = (sent.clone(), returned.clone());
        let ticket = submit(Box::new(move |cx| {
            for n in 0..200u32 {
                cx.progress(n);
                count.add();
            }
            back.store(true, Ordering::SeqCst);
        }));
        let blocked = Self { sent, returned, ticket };
        blocked.sent.wait(ROOM);
        thread::sleep(Duration::from_millis(10));
        blocked
    }

    /// It has sent as many as there is room for, and no more.
    #[track_caller]
    fn is_blocked(&self, room: usize) {
        assert_eq!(self.sent.get(), room);
        assert!(!self.returned.load(Ordering::SeqCst));
    }

    #[track_caller]
    fn is_let_go(&self) {
        wait_for("the function is let go", || self.returned.load(Ordering::SeqCst));
    }
}

#[test]
fn every_value_comes_in_order_and_the_function_waits_for_room() {
    for from_handle in [false, true] {
        let lp = TestLoop::<App>::with(|builder| {
            builder.turn(Turn { max_calls: 10, max_time: Duration::from_secs(3600) })
        });
        let blocked = Blocked::submit(&lp, from_handle);
        blocked.is_blocked(ROOM);
        let mut app = App::new();
        lp.woken_turn(&mut app);
        assert_eq!(app.len(), 10);
        blocked.sent.wait(ROOM + 10);
        thread::sleep(Duration::from_millis(10));
        blocked.is_blocked(ROOM + 10);
        lp.run_until(&mut app, |app| app.len() == 200);
        assert!(app.iter().copied().eq(0..200));
        blocked.is_let_go();
    }
}

#[test]
fn a_cancel_lets_it_go_and_what_was_sent_before_is_heard() {
    let lp = TestLoop::<App>::new();
    let blocked = Blocked::submit(&lp, false);
    blocked.is_blocked(ROOM);
    blocked.ticket.cancel();
    blocked.is_let_go();
    let mut app = App::new();
    wait_until(|| {
        lp.turn(&mut app);
        lp.off.pending() == 0
    });
    assert!(app.iter().copied().eq(0..ROOM as u32), "and nothing later: {app:?}");
}

#[test]
fn a_deadline_lets_it_go() {
    let lp = TestLoop::<App>::new();
    let returned = Count::new();
    overrun_by(|entry, time| {
        let back = returned.clone();
        let call = lp.off.call_with(move |cx| {
            entry.enter();
            (0..200u32).for_each(|n| cx.progress(n));
            back.add();
        });
        let ticket = call.on_each_progress(App::push).deadline(time).then(|_, _| ());
        wait_until(|| ticket.is_done());
    });
    returned.wait(1);
}

#[test]
fn a_closed_scope_lets_it_go() {
    let lp = TestLoop::<App>::new();
    let scope = lp.off.scope();
    let blocked = Blocked::begun(|function| {
        let call = lp.off.call_with(function).within(&scope);
        call.on_each_progress(App::push).then(|_, _| ())
    });
    drop(scope);
    blocked.is_let_go();
}

#[test]
fn a_newer_call_lets_it_go() {
    let lp = TestLoop::<App>::new();
    let blocked = Blocked::begun(|function| {
        let call = lp.off.call_with(function).latest("key");
        call.on_each_progress(App::push).then(|_, _| ())
    });
    lp.off.call(|| ()).latest("key").detach();
    blocked.is_let_go();
}

#[test]
fn a_shutdown_lets_it_go_at_its_beginning() {
    let lp = TestLoop::<App>::new();
    let blocked = Blocked::submit(&lp, false);
    blocked.is_blocked(ROOM);
    let report = lp.off.shutdown(2 * PATIENCE);
    assert_eq!((report.finished, report.abandoned.len()), (1, 0), "{report:?}");
    blocked.is_let_go();
}

#[test]
fn the_last_drop_lets_it_go() {
    let lp = TestLoop::<App>::new();
    let blocked = Blocked::submit(&lp, false);
    blocked.is_blocked(ROOM);
    drop(lp);
    blocked.is_let_go();
}

#[test]
fn a_close_does_not_let_it_go_because_the_loop_delivers_on() {
    let lp = TestLoop::<App>::new();
    let blocked = Blocked::submit(&lp, false);
    lp.off.close();
    thread::sleep(Duration::from_millis(10));
    blocked.is_blocked(ROOM);
    let mut app = App::new();
    lp.run_until(&mut app, |app| app.len() == 200);
}

#[test]
fn threads_of_one_function_wait_and_are_let_go_together() {
    let lp = TestLoop::<App>::with(|builder| {
        builder.turn(Turn { max_calls: 1, max_time: Duration::from_secs(3600) })
    });
    let sent = Count::new();
    let count = sent.clone();
    let call = lp.off.call_with(move |cx| {
        (0..ROOM as u32).for_each(|n| cx.progress(n));
        thread::scope(|scope| {
            for n in 0..2u32 {
                let (cx, count) = (cx.clone(), count.clone());
                scope.spawn(move || {
                    cx.progress(n);
                    count.add();
                });
            }
        });
    });
    call.on_each_progress(App::push).detach();
    // Both wait by then, on any machine that is not very slow; else the test only shows less.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(sent.get(), 0);
    lp.woken_turn(&mut App::new());
    sent.wait(1);
    thread::sleep(Duration::from_millis(10));
    assert_eq!(sent.get(), 1, "there was room for one");
    let began = Instant::now();
    let report = lp.off.shutdown(2 * PATIENCE);
    assert!(report.abandoned.is_empty() && began.elapsed() < PATIENCE, "{report:?}");
}

#[test]
fn an_inline_call_never_waits_for_itself() {
    let lp = TestLoop::<App>::new();
    lp.off
        .call_with(|cx| (0..200u32).for_each(|n| cx.progress(n)))
        .inline()
        .on_each_progress(App::push)
        .then(|app, _| app.push(1000));
    let mut app = App::new();
    lp.run_until(&mut app, |app| app.len() == 201);
    assert!(app[..200].iter().copied().eq(0..200), "all of it before the outcome");
    assert_eq!(app[200], 1000);
}

#[test]
fn values_that_a_function_sends_too_late_are_dropped_where_it_runs() {
    let (lp, drops) = (TestLoop::<u32>::new(), Drops::new());
    let (probes, entered) = (drops.clone(), Count::new());
    let enter = entered.clone();
    let call = lp.off.call_with(move |cx| {
        enter.add();
        wait_until(|| cx.is_cancelled());
        (0..100).for_each(|_| cx.progress(probes.probe()));
    });
    let ticket = call
        .on_each_progress(|heard: &mut u32, _: crate::common::probes::Probe| *heard += 1)
        .then(|heard, outcome| {
            assert!(matches!(outcome, Err(Failure::Cancelled(_))));
            *heard += 1000;
        });
    entered.wait(1);
    ticket.cancel();
    let mut heard = 0;
    lp.run_until(&mut heard, |heard| *heard >= 1000);
    drops.were_elsewhere(100);
    lp.turn(&mut heard);
    assert_eq!(heard, 1000, "none of them is heard");
}
