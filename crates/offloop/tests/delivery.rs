//! G2 and G11: handlers run inside `deliver` alone, on the loop thread, and a turn is bounded.
//! Invariant: what has to be ready at a turn is inline, and so is ready at its submit.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{Hold, Seen, TestLoop, explode, keep, wait_until};
use offloop::{Cores, Delivered, Offloop, Threads, Ticket, Turn, WeakOffloop};

const UNBOUNDED: Turn = Turn { max_calls: usize::MAX, max_time: Duration::MAX };

/// A state whose handlers can submit.
struct App {
    off: WeakOffloop<App>,
    log: Vec<&'static str>,
    late: Option<Delivered>,
    hold: Option<Hold>,
}

impl App {
    fn of(lp: &TestLoop<App>) -> Self {
        Self { off: lp.off.downgrade(), log: Vec::new(), late: None, hold: None }
    }

    fn off(&self) -> Offloop<App> {
        self.off.upgrade().expect("the loop lives")
    }
}

#[test]
fn handlers_run_only_inside_deliver_on_the_loop_thread() {
    let lp = TestLoop::<Vec<thread::ThreadId>>::with(|builder| builder.turn(UNBOUNDED));
    let not_send = Rc::new(());
    let tickets: Vec<Ticket> = (0..100)
        .map(|_| {
            let captured = not_send.clone();
            lp.off.call(|| ()).then(move |seen: &mut Vec<_>, _| {
                drop(captured);
                seen.push(thread::current().id());
            })
        })
        .collect();
    wait_until(|| tickets.iter().all(Ticket::is_done));
    assert_eq!(Rc::strong_count(&not_send), 101, "no handler ran outside a turn");
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() == 100);
    assert!(seen.iter().all(|&id| id == thread::current().id()));
}

/// A call that is complete before the handler that submitted it has returned.
fn submitted_in_a_handler(submit: fn(&App) -> Ticket) {
    let lp = TestLoop::<App>::with(|builder| {
        let (threads, cores) = (Threads::new().max(1), Cores::new().workers(1));
        builder.turn(UNBOUNDED).threads(threads).cores(cores)
    });
    let mut app = App::of(&lp);
    lp.off.call(|| ()).inline().then(move |app: &mut App, _| {
        app.log.push("first");
        let ticket = submit(app);
        app.hold = Some(Hold::pools(&app.off()));
        assert!(ticket.is_done());
        app.log.push("first is over");
    });
    let first = lp.woken_turn(&mut app);
    assert_eq!(app.log, ["first", "first is over"]);
    assert_eq!((first.count, first.more), (1, true));
    lp.run_until(&mut app, |app| app.log.len() == 3);
    assert_eq!(app.log[2], "second");
}

#[test]
fn a_call_submitted_in_a_handler_waits_for_the_next_turn() {
    submitted_in_a_handler(|app| app.off().call(|| ()).then(|app, _| app.log.push("second")));
}

#[test]
fn a_call_submitted_in_a_handler_through_a_handle_waits_for_the_next_turn() {
    submitted_in_a_handler(|app| {
        let handle = app.off().handle();
        handle.call(|| ()).cores().then(|app, _| app.log.push("second"))
    });
}

#[test]
fn a_call_refused_or_cancelled_in_a_handler_waits_for_the_next_turn() {
    submitted_in_a_handler(|app| {
        let ticket = app.off().call(|| ()).inline().then(|app, _| app.log.push("second"));
        ticket.cancel();
        ticket
    });
}

#[test]
fn an_inline_call_submitted_in_a_handler_waits_for_the_next_turn() {
    let lp = TestLoop::<App>::with(|builder| builder.turn(UNBOUNDED));
    let mut app = App::of(&lp);
    fn again(app: &mut App) {
        app.log.push("again");
        app.off().call(|| ()).inline().then(|app, _| again(app));
    }
    again(&mut app);
    for turn in 1..50 {
        let delivered = lp.woken_turn(&mut app);
        assert_eq!((delivered.count, delivered.more), (1, true), "one link of the chain a turn");
        assert_eq!(app.log.len(), turn + 1);
    }
}

#[test]
fn a_turn_that_stops_at_a_newer_call_leaves_no_older_one_behind() {
    let lp = TestLoop::<App>::with(|builder| builder.turn(UNBOUNDED));
    let mut app = App::of(&lp);
    lp.off.call(|| ()).inline().then(|app: &mut App, _| {
        app.log.push("old 1");
        app.off().call(|| ()).inline().then(|app, _| app.log.push("new"));
    });
    lp.off.call(|| ()).inline().then(|app, _| app.log.push("old 2"));
    let ticket = lp.off.call(|| ()).then(|app, _| app.log.push("old 3"));
    wait_until(|| ticket.is_done());
    lp.run_until(&mut app, |app| app.log.len() == 4);
    app.log.sort_unstable();
    assert_eq!(app.log, ["new", "old 1", "old 2", "old 3"]);
}

#[test]
fn a_turn_ends_after_max_calls_and_wakes_the_loop_for_the_rest() {
    let turn = Turn { max_calls: 4, max_time: Duration::MAX };
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.turn(turn));
    for _ in 0..10 {
        lp.off.call(|| ()).inline().then(keep);
    }
    let mut seen = Vec::new();
    for (count, more) in [(4, true), (4, true), (2, false)] {
        let delivered = lp.woken_turn(&mut seen);
        assert_eq!((delivered.count, delivered.more), (count, more));
    }
    assert!(!lp.take_wake(), "nothing is left to wake for");
}

#[test]
fn a_turn_ends_after_the_handler_that_used_up_its_time() {
    let turn = Turn { max_calls: usize::MAX, max_time: Duration::from_millis(1) };
    let lp = TestLoop::<u32>::with(|builder| builder.turn(turn));
    let first = line!();
    for _ in 0..3 {
        lp.off.call(|| ()).inline().then(|seen: &mut u32, _| {
            *seen += 1;
            thread::sleep(Duration::from_millis(3));
        });
    }
    let last = line!();
    let mut seen = 0;
    for expected in 1..=3 {
        let delivered = lp.woken_turn(&mut seen);
        assert_eq!((delivered.count, delivered.more, seen), (1, expected < 3, expected));
    }
    let stats = lp.off.stats();
    assert_eq!(stats.turn_overruns, 3);
    assert!(stats.longest_turn >= Duration::from_millis(3));
    let place = stats.longest_turn_place.expect("an overrun has a place");
    assert!(place.file().ends_with("delivery.rs") && (first..=last).contains(&place.line()));
}

#[test]
fn a_turn_without_any_budget_still_gets_on() {
    let turn = Turn { max_calls: 0, max_time: Duration::ZERO };
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.turn(turn));
    for _ in 0..3 {
        lp.off.call(|| ()).inline().then(keep);
    }
    let mut seen = Vec::new();
    for count in 1..=3 {
        lp.woken_turn(&mut seen);
        assert_eq!(seen.len(), count);
    }
}

#[test]
fn a_storm_of_completions_cannot_hold_the_loop() {
    const CALLS: usize = 5_000;
    let turn = Turn { max_calls: 64, max_time: Duration::MAX };
    let lp = TestLoop::<Seen<()>>::with(|builder| builder.turn(turn));
    let handle = lp.off.handle();
    let storm = thread::spawn(move || {
        for _ in 0..CALLS {
            handle.call(|| ()).cores().then(keep);
        }
    });
    let (mut seen, mut turns) = (Vec::new(), 0);
    while seen.len() < CALLS {
        let before = seen.len();
        let delivered = lp.woken_turn(&mut seen);
        assert_eq!(seen.len() - before, delivered.count);
        assert!(delivered.count <= 64, "a turn keeps to its budget");
        turns += 1;
    }
    storm.join().unwrap();
    assert!(turns >= CALLS / 64);
}

#[test]
fn a_nested_deliver_runs_nothing_and_the_outer_one_wakes_the_loop() {
    let lp = TestLoop::<App>::with(|builder| builder.turn(UNBOUNDED));
    let mut app = App::of(&lp);
    lp.off.call(|| ()).inline().then(|app: &mut App, _| {
        let off = app.off();
        app.late = Some(off.deliver(app));
        app.log.push("outer");
    });
    lp.off.call(|| ()).inline().then(|app, _| app.log.push("other"));
    lp.woken_turn(&mut app);
    let nested = app.late.expect("the nested turn was tried");
    assert_eq!((nested.count, nested.more), (0, true));
    assert_eq!(app.log, ["outer", "other"], "in their order, by the outer turn");
    let after = lp.woken_turn(&mut app);
    assert_eq!((after.count, after.more), (0, false));
}

#[test]
fn a_handler_that_panics_counts_as_delivered_and_the_others_stay_ready() {
    let lp = TestLoop::<u32>::with(|builder| builder.turn(UNBOUNDED));
    for index in 0..3 {
        lp.off.call(move || index).inline().then(|seen: &mut u32, outcome| {
            *seen += 1;
            if outcome.unwrap() == 1 {
                explode("the second handler");
            }
        });
    }
    let mut seen = 0;
    let unwound = catch_unwind(AssertUnwindSafe(|| lp.woken_turn(&mut seen)));
    assert_eq!(*unwound.unwrap_err().downcast::<&str>().unwrap(), "the second handler");
    assert_eq!((seen, lp.off.stats().delivered), (2, 2));
    let delivered = lp.woken_turn(&mut seen);
    assert_eq!((delivered.count, delivered.more, seen), (1, false, 3));
}

#[test]
fn a_turn_with_nothing_ready_does_nothing() {
    let lp = TestLoop::<Seen<()>>::new();
    let mut seen = Vec::new();
    for _ in 0..1000 {
        let delivered = lp.turn(&mut seen);
        assert_eq!((delivered.count, delivered.more), (0, false));
    }
    assert_eq!((lp.off.stats().turns, lp.wakes()), (0, 0));
}

#[test]
fn a_loop_that_polls_needs_no_waker() {
    let off = Offloop::<Seen<u8>>::builder().no_waker().build().unwrap();
    off.call(|| 9).then(keep);
    let mut seen = Vec::new();
    wait_until(|| off.deliver(&mut seen).count == 1);
    assert!(matches!(seen[..], [Ok(9)]));
}
