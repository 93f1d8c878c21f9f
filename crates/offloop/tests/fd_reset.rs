//! The descriptor of a loop at rest is not readable, whenever `deliver` was called: a
//! level-triggered loop would spin on it (G10).
#![cfg(unix)]

use std::thread;
use std::time::{Duration, Instant};

use offloop::Offloop;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

#[test]
fn a_turn_ahead_of_the_wake_leaves_no_readable_descriptor() {
    let off = Offloop::<u32>::builder().fd_waker().build().expect("an offloop");
    // With one CPU a round takes a time slice, because the loop does not wait.
    let alone = thread::available_parallelism().is_ok_and(|cpus| cpus.get() == 1);
    let least = if alone { 1_000 } else { 20_000 };
    let enough = Instant::now() + Duration::from_secs(20);
    for round in 1..=300_000 {
        if round > least && Instant::now() > enough {
            break;
        }
        off.call(|| ()).then(|done, _| *done += 1);
        // A loop that also delivers unasked may take the outcome before the wake is written.
        let mut done = 0;
        let hang = Instant::now() + Duration::from_secs(30);
        while done == 0 {
            assert!(Instant::now() < hang, "no outcome, in round {round}");
            off.deliver(&mut done);
        }
        let hang = Instant::now() + Duration::from_secs(10);
        while is_readable(&off) {
            assert!(Instant::now() < hang, "still readable at rest, in round {round}");
            thread::yield_now();
            off.deliver(&mut done);
        }
    }
}

/// A loop that a handler runs is not kept busy by turns that are put off.
#[test]
fn a_nested_turn_resets_the_descriptor_and_the_end_of_the_outer_one_sets_it() {
    let off = Offloop::<u32>::builder().fd_waker().build().expect("an offloop");
    let modal = off.clone();
    off.call(|| ()).then(move |done, _| {
        *done += 1;
        modal.call(|| ()).then(|done, _| *done += 1);
        wait_readable(&modal);
        assert!(modal.deliver(done).more);
        assert!(!is_readable(&modal));
    });
    let mut done = 0;
    for count in 1..=2 {
        wait_readable(&off);
        off.deliver(&mut done);
        assert_eq!(done, count);
    }
}

fn wait_readable(off: &Offloop<u32>) {
    let hang = Instant::now() + Duration::from_secs(10);
    while !is_readable(off) {
        assert!(Instant::now() < hang, "it does not become readable");
        thread::yield_now();
    }
}

fn is_readable(off: &Offloop<u32>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(off.as_fd().expect("fd_waker"), PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).expect("poll") == 1
}
