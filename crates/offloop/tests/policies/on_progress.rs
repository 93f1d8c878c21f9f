//! `on_progress`: the newest value of a running function's progress. Invariant: a test that counts
//! values has all of them sent before it delivers, so that nothing depends on the machine's pace.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use offloop::{Failure, Threads, Turn};

use crate::common::probes::Drops;
use crate::common::{Count, Hold, Latch, Seen, TestLoop, explode, keep, wait_until};

crate::rows::rows!(OnProgress);

/// What was heard, in order.
#[derive(Debug, PartialEq)]
enum Heard {
    Progress(u32),
    Outcome(Result<u32, String>),
}

type App = Vec<Heard>;

fn hear(app: &mut App, outcome: offloop::Outcome<u32>) {
    app.push(Heard::Outcome(outcome.map_err(|failure| failure.to_string())));
}

fn note(app: &mut App, value: u32) {
    app.push(Heard::Progress(value));
}

#[test]
fn only_the_newest_value_is_heard_and_before_the_outcome() {
    for from_handle in [false, true] {
        let lp = TestLoop::<App>::new();
        let sends = |cx: &offloop::Context| {
            (0..1000u32).for_each(|n| cx.progress(n));
            7
        };
        let ticket = if from_handle {
            lp.off.handle().call_with(sends).on_progress(note).then(hear)
        } else {
            lp.off.call_with(sends).on_progress(note).then(hear)
        };
        wait_until(|| ticket.is_done());
        let mut app = App::new();
        lp.run_until(&mut app, |app| app.len() == 2);
        assert_eq!(app, [Heard::Progress(999), Heard::Outcome(Ok(7))]);
    }
}

#[test]
fn a_value_wakes_the_loop_while_the_function_runs_on() {
    let lp = TestLoop::<App>::new();
    let latch = Latch::new();
    let gate = latch.clone();
    lp.off
        .call_with(move |cx| {
            cx.progress(1u32);
            gate.pass();
            2
        })
        .on_progress(note)
        .then(hear);
    let mut app = App::new();
    lp.run_until(&mut app, |app| !app.is_empty());
    assert_eq!(app, [Heard::Progress(1)]);
    latch.open();
    lp.run_until(&mut app, |app| app.len() == 2);
}

#[test]
fn a_value_replaced_or_late_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<u32>::new(), Drops::new());
    let (latch, probes) = (Latch::new(), drops.clone());
    let gate = latch.clone();
    let call = lp.off.call_with(move |cx| {
        cx.progress(probes.probe());
        cx.progress(probes.probe());
        gate.pass();
        cx.progress(probes.probe());
    });
    let ticket =
        call.on_progress(|_, _: crate::common::probes::Probe| ()).then(|heard, _| *heard = 1);
    latch.entered.wait(1);
    drops.were_elsewhere(1);
    let scope_like = ticket.clone();
    scope_like.cancel();
    latch.open();
    wait_until(|| drops.threads().len() == 2);
    drops.were_elsewhere(2);
    lp.run_until(&mut 0, |heard| *heard == 1);
    assert_eq!(drops.threads().len(), 3, "what came before the cancel is heard");
}

#[test]
fn a_value_that_no_handler_gets_is_dropped_off_the_loop_thread() {
    let (lp, drops) = (TestLoop::<u32>::new(), Drops::new());
    let scope = lp.off.scope();
    let (probes, latch) = (drops.clone(), Latch::new());
    let gate = latch.clone();
    let call = lp.off.call_with(move |cx| {
        cx.progress(probes.probe());
        gate.pass();
    });
    call.within(&scope).on_each_progress(|_, _: crate::common::probes::Probe| ()).then(|_, _| ());
    latch.entered.wait(1);
    drop(scope);
    drops.were_elsewhere(1);
    latch.open();
}

#[test]
fn progress_of_a_call_submitted_in_a_turn_waits_for_the_next_one() {
    let lp = TestLoop::<App>::new();
    let off = lp.off.clone();
    lp.off.call(|| 1).then(move |app: &mut App, outcome| {
        let sent = Count::new();
        let count = sent.clone();
        off.call_with(move |cx| {
            cx.progress(5u32);
            count.add();
            6
        })
        .on_progress(note)
        .then(hear);
        // It is there before this turn goes on.
        sent.wait(1);
        hear(app, outcome);
    });
    let mut app = App::new();
    lp.run_until(&mut app, |app| !app.is_empty());
    assert_eq!(app, [Heard::Outcome(Ok(1))]);
    lp.run_until(&mut app, |app| app.len() == 3);
    assert_eq!(app[1..], [Heard::Progress(5), Heard::Outcome(Ok(6))]);
}

#[test]
fn values_of_another_type_are_a_panic_that_names_both() {
    let lp = TestLoop::<Seen<()>>::new();
    lp.off.call_with(|cx| cx.progress("half")).on_progress(|_, _: u32| ()).then(keep);
    let outcome = lp.outcome();
    let Err(Failure::Panicked(panic)) = outcome else { panic!("{outcome:?}") };
    let text = panic.to_string();
    assert!(text.contains("&str") && text.contains("u32"), "{text}");
}

#[test]
fn progress_without_a_handler_does_nothing() {
    let lp = TestLoop::<Seen<u32>>::new();
    lp.off
        .call_with(|cx| {
            (0..1000u32).for_each(|n| cx.progress(n));
            1
        })
        .then(keep);
    assert!(matches!(lp.outcome(), Ok(1)));
}

#[test]
fn a_handler_that_panics_leaves_the_rest_deliverable() {
    let lp = TestLoop::<App>::new();
    let latch = Latch::new();
    let gate = latch.clone();
    let sends = move |cx: &offloop::Context| {
        (0..3u32).for_each(|n| cx.progress(n));
        gate.pass();
        9
    };
    let first = Rc::new(RefCell::new(true));
    lp.off
        .call_with(sends)
        .on_each_progress(move |app: &mut App, n: u32| {
            if first.replace(false) {
                explode("once");
            }
            note(app, n);
        })
        .then(hear);
    let mut app = App::new();
    let turn = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        lp.run_until(&mut app, |_| false);
    }));
    assert_eq!(
        turn.unwrap_err().downcast_ref::<&str>(),
        Some(&"once"),
        "it unwinds out of deliver"
    );
    lp.run_until(&mut app, |app| app.len() == 2);
    latch.open();
    lp.run_until(&mut app, |app| app.len() == 3);
    let rest = [Heard::Progress(1), Heard::Progress(2), Heard::Outcome(Ok(9))];
    assert_eq!(app, rest);
}

#[test]
fn progress_counts_in_the_budget_and_holds_no_outcome_up() {
    let lp = TestLoop::<App>::with(|builder| {
        let turn = Turn { max_calls: 4, max_time: Duration::from_secs(3600) };
        builder.turn(turn).threads(Threads::new().max(2))
    });
    let latch = Latch::new();
    let gate = latch.clone();
    lp.off
        .call_with(move |cx| {
            (0..60u32).for_each(|n| cx.progress(n));
            gate.pass();
            0
        })
        .on_each_progress(note)
        .then(hear);
    latch.entered.wait(1);
    let others: Vec<_> = (0..10).map(|n| lp.off.call(move || n).then(hear)).collect();
    let hold = Hold::threads(&lp.off, 1);
    assert!(others.iter().all(offloop::Ticket::is_done));
    let mut app = App::new();
    for turn in 1..=3 {
        let delivered = lp.turn(&mut app);
        assert_eq!((delivered.count, delivered.more), (4, true));
        assert_eq!(app.len(), 4 * turn);
    }
    let progress = app.iter().filter(|heard| matches!(heard, Heard::Progress(_))).count();
    assert_eq!(progress, 6, "progress and outcomes take turns: {app:?}");
    latch.open();
    hold.open();
    lp.run_until(&mut app, |app| app.len() == 71);
}

#[test]
fn progress_of_a_detached_call_is_heard() {
    let lp = TestLoop::<App>::new();
    lp.off.call_with(|cx| cx.progress(3u32)).on_progress(note).detach();
    let mut app = App::new();
    lp.run_until(&mut app, |app| !app.is_empty());
    assert_eq!(app, [Heard::Progress(3)]);
}
