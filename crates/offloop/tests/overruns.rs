//! Turns that take longer than they may: how many, the longest, and whose handler it was.
//! Invariant: a sleep is a lower bound, and a turn with time enough never overruns.

mod common;

use std::panic::Location;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{TestLoop, wait_until};
use offloop::{Offloop, Turn};

const STEP: Duration = Duration::from_millis(5);

/// Long enough to tell it from a short one on a machine that stands still now and then.
const LONG: Duration = Duration::from_millis(500);

fn with_time<S>(max_time: Duration) -> TestLoop<S> {
    let turn = Turn { max_calls: usize::MAX, max_time };
    TestLoop::with(|builder| builder.turn(turn))
}

fn strict<S>() -> TestLoop<S> {
    with_time(Duration::from_millis(1))
}

/// Submits a call whose handler takes `time`; says at which line.
#[track_caller]
fn slow_handler(off: &Offloop<()>, time: Duration) -> u32 {
    off.call(|| ()).inline().then(move |(), _| thread::sleep(time));
    Location::caller().line()
}

/// Submits an inline call whose function takes `time`; says at which line.
#[track_caller]
fn slow_function(off: &Offloop<()>, time: Duration) -> u32 {
    off.call(move || thread::sleep(time)).inline().detach();
    Location::caller().line()
}

fn deliver_all(lp: &TestLoop<()>, count: u64) {
    wait_until(|| {
        lp.turn(&mut ());
        lp.off.stats().delivered == count
    });
}

#[track_caller]
fn assert_worst(lp: &TestLoop<()>, overruns: u64, line: u32) {
    let stats = lp.off.stats();
    assert_eq!(stats.turn_overruns, overruns);
    assert!(stats.longest_turn >= LONG, "{:?}", stats.longest_turn);
    let place = stats.longest_turn_place.expect("a turn overran");
    assert!(place.file().ends_with("overruns.rs"));
    assert_eq!(place.line(), line);
}

#[test]
fn every_overrun_counts_and_the_longest_names_its_handler() {
    let lp = strict();
    slow_handler(&lp.off, STEP);
    let worst = slow_handler(&lp.off, LONG);
    slow_handler(&lp.off, STEP);
    deliver_all(&lp, 3);
    assert_worst(&lp, 3, worst);
}

#[test]
fn an_inline_function_counts_as_its_handler() {
    let lp = strict();
    slow_handler(&lp.off, STEP);
    let worst = slow_function(&lp.off, LONG);
    deliver_all(&lp, 2);
    assert_worst(&lp, 2, worst);
}

#[test]
fn a_loop_inside_a_handler_counts_as_that_handler_once() {
    let lp = strict::<()>();
    let off = Rc::new(lp.off.clone());
    let inner = off.clone();
    let modal = move |state: &mut (), _| {
        slow_handler(&inner, Duration::ZERO);
        for _ in 0..5 {
            let delivered = inner.deliver(state);
            assert_eq!((delivered.count, delivered.more), (0, true));
            thread::sleep(LONG / 5);
        }
    };
    let worst = line!() + 1;
    off.call(|| ()).inline().then(modal);
    wait_until(|| {
        lp.turn(&mut ());
        lp.off.stats().delivered == 2
    });
    let stats = lp.off.stats();
    assert_eq!(stats.turns, 2, "the nested ones were none");
    assert_eq!(stats.longest_turn_place.map(Location::line), Some(worst));
    assert!(stats.longest_turn >= LONG && stats.turn_overruns >= 1);
}

#[test]
fn a_turn_that_keeps_its_time_is_no_overrun() {
    let lp = with_time(Duration::MAX);
    slow_handler(&lp.off, STEP);
    slow_function(&lp.off, STEP);
    deliver_all(&lp, 2);
    let stats = lp.off.stats();
    assert_eq!((stats.turn_overruns, stats.longest_turn), (0, Duration::ZERO));
    assert_eq!((stats.turns, stats.longest_turn_place), (1, None));
}
