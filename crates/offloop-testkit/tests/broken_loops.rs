//! The loop suite against loops that are broken on purpose. Invariant: of each, exactly the listed
//! promises fail, whatever the machine does; those that luck decides are named as such.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Builder, LoopWaker};
use offloop_testkit::{LoopRig, LoopState, LoopSuite, Round, loops};

use common::broken_promises;

/// A loop on a queue, with its waker and its round in the test's hand.
fn queue_loop(
    builder: Builder<LoopState>,
    waker: impl Fn(Sender<u8>) -> Box<dyn LoopWaker>,
    mut go_round: impl FnMut(&mut Round<'_>, &Receiver<u8>, Duration) + 'static,
) -> LoopRig {
    let (events, queue) = mpsc::channel();
    let (own, another) = (events.clone(), waker(events.clone()));
    let (first, another) = (waker(events), move || another.wake());
    let off = builder.waker(move || first.wake()).build().expect("an offloop");
    LoopRig::new(off, move |round, patience| go_round(round, &queue, patience))
        .own_events(move || own.send(b'o'))
        .second(move |builder| builder.waker(another).build().expect("an offloop"))
}

fn wakes(events: Sender<u8>) -> Box<dyn LoopWaker> {
    Box::new(move || events.send(b'w'))
}

fn dispatch(round: &mut Round<'_>, event: u8) {
    match event {
        b'w' => {
            round.deliver();
        }
        _ => round.own_event(),
    }
}

fn goes_round(round: &mut Round<'_>, queue: &Receiver<u8>, patience: Duration) {
    if let Ok(event) = queue.recv_timeout(patience) {
        dispatch(round, event);
    }
}

/// `make`'s loop breaks the `expected` promises, and no other; luck decides on those of `by_luck`.
#[track_caller]
fn breaks(
    make: impl Fn(Builder<LoopState>) -> LoopRig + Send + Sync + 'static,
    expected: &[&str],
    by_luck: &[&str],
) {
    let suite = LoopSuite::new(make);
    let check = |wanted, patience| {
        let (_, check) = loops::PROMISES.iter().find(|(name, _)| *name == wanted).expect("known");
        check(&suite.clone().patience(patience));
    };
    let names = loops::PROMISES.iter().map(|(name, _)| *name);
    broken_promises("loop", names, check, expected, by_luck);
}

#[test]
fn a_sound_loop_breaks_nothing() {
    breaks(|builder| queue_loop(builder, wakes, goes_round), &[], &[]);
}

#[test]
fn a_loop_that_forgets_what_came_before_it_waits() {
    let forgets = |round: &mut Round<'_>, queue: &Receiver<u8>, patience| {
        let own = queue.try_iter().filter(|event| *event != b'w').count();
        (0..own).for_each(|_| round.own_event());
        if own == 0 {
            goes_round(round, queue, patience);
        }
    };
    breaks(
        move |builder| queue_loop(builder, wakes, forgets),
        &[
            "a_wake_before_the_loop_waits_is_not_lost",
            "coalesced_wakes_lose_nothing",
            "an_inline_call_wakes_it",
            "a_failure_wakes_it",
            "a_turn_that_leaves_more_wakes_it_again",
            "a_handler_may_submit",
            "a_nested_deliver_is_put_off",
            "a_panicking_handler_leaves_the_rest_ready",
            "close_is_delivered_until_is_closed",
            "a_shutdown_is_delivered_afterwards",
            "the_last_wake_outlives_its_waker",
            "a_shutdown_inside_a_handler_is_delivered",
        ],
        &[
            "a_completion_wakes_a_sleeping_loop",
            "many_threads_may_wake_it",
            "two_offloops_share_it",
            "handlers_run_on_the_loop_thread",
            "own_events_go_on_in_a_storm",
        ],
    );
}

#[test]
fn a_waker_that_works_on_the_loop_thread_alone() {
    let waker = |events: Sender<u8>| {
        let home = thread::current().id();
        let waker = move || {
            if thread::current().id() == home {
                let _gone = events.send(b'w');
            }
        };
        Box::new(waker) as Box<dyn LoopWaker>
    };
    breaks(
        move |builder| queue_loop(builder, waker, goes_round),
        &[
            "a_completion_wakes_a_sleeping_loop",
            "a_wake_before_the_loop_waits_is_not_lost",
            "coalesced_wakes_lose_nothing",
            "many_threads_may_wake_it",
            "an_inline_call_wakes_it",
            "a_failure_wakes_it",
            "handlers_run_on_the_loop_thread",
            "a_turn_that_leaves_more_wakes_it_again",
            "a_nested_deliver_is_put_off",
            "a_handler_may_submit",
            "two_offloops_share_it",
            "close_is_delivered_until_is_closed",
            "the_last_wake_outlives_its_waker",
        ],
        &["a_shutdown_is_delivered_afterwards"],
    );
}

#[test]
fn a_loop_that_swallows_panics() {
    let swallows = |round: &mut Round<'_>, queue: &Receiver<u8>, patience| {
        let _swallowed = catch_unwind(AssertUnwindSafe(|| goes_round(round, queue, patience)));
    };
    breaks(
        move |builder| queue_loop(builder, wakes, swallows),
        &["a_panicking_handler_leaves_the_rest_ready"],
        &[],
    );
}

#[test]
fn a_loop_that_delivers_until_nothing_is_left() {
    let greedy = |round: &mut Round<'_>, queue: &Receiver<u8>, patience| {
        // For ever in a storm; the test ends it when the verdict is long there.
        let end = Instant::now() + Duration::from_secs(10);
        match queue.recv_timeout(patience) {
            Ok(b'w') => while round.deliver().more && Instant::now() < end {},
            Ok(_) => round.own_event(),
            Err(_) => {}
        }
    };
    breaks(
        move |builder| queue_loop(builder, wakes, greedy),
        &["own_events_go_on_in_a_storm"],
        &[],
    );
}

#[test]
fn a_waker_that_panics_when_the_loop_is_gone() {
    let waker = |events: Sender<u8>| {
        let waker = move || {
            if events.send(b'w').is_err() {
                std::panic::resume_unwind(Box::new("the loop is gone"));
            }
        };
        Box::new(waker) as Box<dyn LoopWaker>
    };
    breaks(
        move |builder| queue_loop(builder, waker, goes_round),
        &["a_wake_after_the_loop_is_gone_does_nothing"],
        &[],
    );
}

#[test]
fn a_loop_that_ends_with_its_waker() {
    struct EndsIt(Sender<u8>);
    impl LoopWaker for EndsIt {
        fn wake(&self) {
            let _gone = self.0.send(b'w');
        }
    }
    impl Drop for EndsIt {
        fn drop(&mut self) {
            let _gone = self.0.send(b'e');
        }
    }
    let make = |builder| {
        let mut ended = false;
        let waker = |events| Box::new(EndsIt(events)) as Box<dyn LoopWaker>;
        queue_loop(builder, waker, move |round, queue, patience| {
            match queue.recv_timeout(if ended { Duration::ZERO } else { patience }) {
                Ok(b'e') => ended = true,
                Ok(event) if !ended => dispatch(round, event),
                _ => {}
            }
        })
    };
    breaks(make, &["a_dropped_offloop_leaves_the_loop_whole", "two_offloops_share_it"], &[]);
}

#[test]
fn a_loop_with_room_for_one_offloop() {
    let make = |builder| {
        let mut rig = queue_loop(builder, wakes, goes_round);
        rig = rig.second(|builder| {
            let (events, nobody_listens) = mpsc::channel();
            drop(nobody_listens);
            builder.waker(move || events.send(b'w')).build().expect("an offloop")
        });
        rig
    };
    breaks(make, &["two_offloops_share_it"], &[]);
}

#[test]
fn a_loop_that_is_never_woken_and_looks_when_it_has_slept() {
    let looks = |round: &mut Round<'_>, queue: &Receiver<u8>, patience| {
        if let Ok(b'o') = queue.recv_timeout(patience) {
            round.own_event();
        }
        round.deliver();
    };
    let never = |_: Sender<u8>| Box::new(|| {}) as Box<dyn LoopWaker>;
    breaks(
        move |builder| queue_loop(builder, never, looks),
        &[
            "a_completion_wakes_a_sleeping_loop",
            "a_wake_before_the_loop_waits_is_not_lost",
            "coalesced_wakes_lose_nothing",
            "many_threads_may_wake_it",
            "an_inline_call_wakes_it",
            "a_failure_wakes_it",
            "handlers_run_on_the_loop_thread",
            "a_turn_that_leaves_more_wakes_it_again",
            "a_handler_may_submit",
            "a_nested_deliver_is_put_off",
            "a_panicking_handler_leaves_the_rest_ready",
            "two_offloops_share_it",
            "close_is_delivered_until_is_closed",
            "a_shutdown_is_delivered_afterwards",
            "the_last_wake_outlives_its_waker",
            "a_shutdown_inside_a_handler_is_delivered",
        ],
        &[],
    );
}

/// A loop that is asked for a second wake while one is under way takes it for the same.
#[test]
fn a_waker_that_wakes_no_second_time() {
    let waker = |events: Sender<u8>| {
        let sent = Arc::new(AtomicUsize::new(0));
        let waker = move || {
            if sent.fetch_add(1, Ordering::SeqCst) == 0 {
                let _gone = events.send(b'w');
            }
        };
        Box::new(waker) as Box<dyn LoopWaker>
    };
    breaks(
        move |builder| queue_loop(builder, waker, goes_round),
        &[
            "a_completion_wakes_a_sleeping_loop",
            "a_wake_before_the_loop_waits_is_not_lost",
            "coalesced_wakes_lose_nothing",
            "an_inline_call_wakes_it",
            "a_failure_wakes_it",
            "a_turn_that_leaves_more_wakes_it_again",
            "a_handler_may_submit",
            "a_nested_deliver_is_put_off",
            "a_panicking_handler_leaves_the_rest_ready",
            "two_offloops_share_it",
            "close_is_delivered_until_is_closed",
            "a_shutdown_inside_a_handler_is_delivered",
        ],
        &["many_threads_may_wake_it", "handlers_run_on_the_loop_thread"],
    );
}
