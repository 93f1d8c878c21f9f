//! The gate's decisions, the priorities and the linger, alone.

use std::time::Duration;

use super::gate::{Gate, Step};
use super::line::order;
use super::linger::Linger;

const BUSY: fn() -> bool = || true;
const EMPTY: fn() -> bool = || false;

/// A worker that was started and has taken a call.
fn working(gate: &Gate) {
    assert!(gate.try_grow());
    assert_eq!(gate.leave_search(EMPTY), Step::Nothing);
}

#[test]
fn nobody_is_there_so_one_is_started_and_others_wait_for_it() {
    let gate = Gate::new(4, 8);
    assert_eq!(gate.step(BUSY), Step::Start);
    assert_eq!(gate.step(BUSY), Step::Nothing, "one is searching already");
    assert!(gate.try_grow());
    assert_eq!(gate.leave_search(BUSY), Step::Start, "the searcher passes the search on");
}

#[test]
fn an_idle_worker_is_woken_before_one_is_started_and_the_lowest_first() {
    let gate = Gate::new(4, 80);
    for index in [70, 2] {
        assert!(gate.try_grow());
        gate.search();
        assert!(gate.go_idle(index, EMPTY));
    }
    assert_eq!(gate.step(BUSY), Step::Wake(2));
    assert_eq!(gate.leave_search(BUSY), Step::Wake(70));
    assert!(!gate.is_idle(70));
}

#[test]
fn at_the_maximum_nobody_is_started() {
    let gate = Gate::new(1, 2);
    assert_eq!(gate.step(BUSY), Step::Start);
    working(&gate);
    assert_eq!(gate.step(BUSY), Step::Nothing);
    gate.shrink(); // the worker was abandoned
    assert_eq!(gate.step(BUSY), Step::Start);
}

#[test]
fn a_worker_that_sees_a_call_does_not_go_idle_nor_retire() {
    let gate = Gate::new(1, 1);
    assert_eq!(gate.step(BUSY), Step::Start);
    assert!(gate.try_grow());
    assert!(!gate.go_idle(0, BUSY));
    assert!(gate.go_idle(0, EMPTY));
    assert!(gate.cancel_idle(0));
    assert!(!gate.retire(BUSY), "a call came in that counted on it");
    assert!(gate.go_idle(0, EMPTY));
    assert!(gate.cancel_idle(0));
    assert!(gate.retire(EMPTY));
    assert_eq!(gate.live(), 0);
    assert_eq!(gate.step(BUSY), Step::Start);
}

#[test]
fn no_priority_starves() {
    let firsts: Vec<usize> = (0..16).map(|take| order(take)[0]).collect();
    let share = |line| firsts.iter().filter(|&&first| first == line).count();
    assert_eq!([share(0), share(1), share(2)], [12, 3, 1]);
    for take in 0..16 {
        let mut lines = order(take);
        lines.sort_unstable();
        assert_eq!(lines, [0, 1, 2], "every take looks at every line");
    }
}

#[test]
fn a_linger_that_finds_nothing_turns_itself_off_and_tries_again_later() {
    if std::thread::available_parallelism().map_or(1, |cpus| cpus.get()) == 1 {
        return; // it is off from the start there
    }
    let linger = Linger::new(Duration::from_micros(1));
    let mut looks = 0;
    while !linger.is_off() {
        assert!(!linger.look(|| false, || false));
        looks += 1;
        assert!(looks < 100);
    }
    let sleeps = (0..1000).take_while(|_| !linger.look(|| true, || false)).count();
    assert!((1..1000).contains(&sleeps), "off for a while, then tried again: {sleeps}");
    assert!(!linger.is_off(), "a hit turns it on again");
    assert!(Linger::new(Duration::ZERO).is_off());
}
