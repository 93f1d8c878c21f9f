//! Real mio loops on both ways. Invariant of every test: the loop delivers when an event came and
//! at no other time, so a wake that is missing makes it hang, which the limit of `poll` reports.

mod conformance;
mod harness;
#[cfg(unix)]
mod source;
mod waker;

use std::thread;
use std::time::{Duration, Instant};

use harness::{HANG, Line, both, turn_of};

/// G10: complete before the loop looks, a burst costs one wake per turn.
#[test]
fn a_burst_wakes_the_loop_once_per_turn() {
    const CALLS: u32 = 10_000;
    both(|way| {
        let mut line = Line::new(way, |builder| builder.turn(turn_of(1024)));
        for value in 0..CALLS {
            line.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
        }
        let hang = Instant::now() + HANG;
        while line.off.stats().finished < u64::from(CALLS) {
            assert!(Instant::now() < hang, "the calls do not finish");
            thread::sleep(Duration::from_millis(1));
        }
        line.run_until(|app| app.values.len() == CALLS as usize);
        line.app.values.sort_unstable();
        assert!(line.app.values.iter().copied().eq(0..CALLS), "each call once");
        let wakes = line.off.stats().wakes;
        assert!((10..=100).contains(&wakes), "{wakes} wakes for {CALLS} calls, 1024 a turn");
    });
}

/// G10: while calls complete under a running loop, no wake is lost, and there is at most one more
/// than there are turns.
#[test]
fn a_burst_under_a_running_loop_loses_nothing() {
    const CALLS: u32 = 10_000;
    both(|way| {
        let mut line = Line::new(way, |builder| builder.turn(turn_of(1024)));
        for value in 0..CALLS {
            line.off.call(move || value).then(|app, outcome| app.values.extend(outcome));
        }
        line.run_until(|app| app.values.len() == CALLS as usize);
        let wakes = line.off.stats().wakes;
        assert!(wakes <= line.turns + 1, "{wakes} wakes for {} turns", line.turns);
    });
}
