//! What the source is on a loop: its data, its leaving, its coming back.

use std::time::Duration;

use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, LoopHandle, RegistrationToken};
use offloop::{Offloop, Turn};

use crate::faults::{HANG, wait_until};

struct App {
    off: Offloop<App>,
    handle: LoopHandle<'static, App>,
    source: Option<RegistrationToken>,
    values: Vec<u32>,
    turns: usize,
    ticked: bool,
}

fn set_up(turn: Turn) -> (EventLoop<'static, App>, App) {
    let event_loop = EventLoop::<App>::try_new().expect("a loop");
    let (off, source) = offloop_calloop::source(Offloop::builder().turn(turn)).expect("an offloop");
    let handle = event_loop.handle();
    let deliver = |(), off: &mut Offloop<App>, app: &mut App| {
        app.turns += 1;
        off.deliver(app);
    };
    let source = Some(handle.insert_source(source, deliver).expect("inserted"));
    (event_loop, App { off, handle, source, values: Vec::new(), turns: 0, ticked: false })
}

fn run_until(event_loop: &mut EventLoop<'static, App>, app: &mut App, done: impl Fn(&App) -> bool) {
    while !done(app) {
        let turns = app.turns;
        event_loop.dispatch(HANG, app).expect("dispatched");
        assert!(app.turns > turns || app.ticked, "nothing woke the loop");
    }
}

#[test]
fn a_turn_that_leaves_more_is_the_next_event() {
    const CALLS: u32 = 1000;
    let (mut event_loop, mut app) = set_up(Turn { max_calls: 100, max_time: HANG });
    for value in 0..CALLS {
        app.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
    }
    run_until(&mut event_loop, &mut app, |app| app.values.len() == CALLS as usize);
    app.values.sort_unstable();
    assert!(app.values.iter().copied().eq(0..CALLS), "each call once");
    assert!(app.turns >= 10, "{} turns for {CALLS} calls, 100 a turn", app.turns);
}

#[test]
fn a_handler_inserts_a_source_of_its_own() {
    let (mut event_loop, mut app) = set_up(Turn::default());
    app.off.call(|| ()).then(|app, _| {
        let timer = Timer::from_duration(Duration::from_millis(1));
        let tick = |_, _: &mut (), app: &mut App| {
            app.ticked = true;
            TimeoutAction::Drop
        };
        app.handle.insert_source(timer, tick).expect("inserted");
    });
    run_until(&mut event_loop, &mut app, |app| app.ticked);
}

#[test]
fn a_handler_removes_the_source_and_outcomes_wait() {
    let (mut event_loop, mut app) = set_up(Turn::default());
    app.off.call(|| 1).then(|app, outcome| {
        app.values.extend(outcome);
        let source = app.source.take().expect("it is there");
        app.handle.remove(source);
    });
    run_until(&mut event_loop, &mut app, |app| app.values == [1]);
    let ticket = app.off.call(|| 2).then(|app, outcome| app.values.extend(outcome));
    wait_until("the second call completes", || ticket.is_done());
    event_loop.dispatch(Duration::ZERO, &mut app).expect("dispatched");
    assert_eq!(app.values, [1]);
    // A call is complete somewhat before a turn finds it.
    wait_until("a turn by hand brings the outcome", || {
        event_loop.dispatch(Duration::ZERO, &mut app).expect("dispatched");
        app.off.clone().deliver(&mut app);
        app.values == [1, 2]
    });
    event_loop.dispatch(Duration::ZERO, &mut app).expect("dispatched");
    assert_eq!(app.turns, 1, "nobody is asked");
}

#[test]
fn a_disabled_source_asks_when_it_is_enabled_again() {
    let (mut event_loop, mut app) = set_up(Turn::default());
    let source = app.source.take().expect("it is there");
    app.handle.disable(&source).expect("disabled");
    let ticket = app.off.call(|| 1).then(|app, outcome| app.values.extend(outcome));
    wait_until("the call completes", || ticket.is_done() && app.off.stats().wakes == 1);
    event_loop.dispatch(Duration::ZERO, &mut app).expect("dispatched");
    assert_eq!(app.turns, 0);
    app.handle.enable(&source).expect("enabled");
    run_until(&mut event_loop, &mut app, |app| app.values == [1]);
}
