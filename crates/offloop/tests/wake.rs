//! G10: after the last completion the loop is woken, and a burst costs about one wake. Invariant:
//! the loop of these tests delivers when woken and at no other time.

mod common;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{Count, Hold, Latch, PATIENCE, Seen, TestLoop, explode, keep, wait_until};
use offloop::{Failure, LoopWaker, Offloop, Threads, Ticket};

#[test]
fn the_last_completion_wakes_the_loop() {
    let lp = TestLoop::<Seen<usize>>::new();
    for round in 0..3_000 {
        let call = lp.off.call(move || round);
        if round % 2 == 0 { call.cores() } else { call }.then(keep);
        assert_eq!(lp.outcome().unwrap(), round);
    }
}

/// A completion that comes in while the turn lowers the flag and takes what is there.
#[test]
fn no_wake_is_lost_between_clear_and_take() {
    const CALLS: usize = 20_000;
    let lp = TestLoop::<usize>::new();
    let submitters: Vec<_> = (0..2)
        .map(|_| {
            let handle = lp.off.handle();
            thread::spawn(move || {
                for _ in 0..CALLS / 2 {
                    handle.call(|| ()).inline().then(|seen, _| *seen += 1);
                }
            })
        })
        .collect();
    let mut seen = 0;
    lp.run_until(&mut seen, |&seen| seen == CALLS);
    submitters.into_iter().for_each(|submitter| submitter.join().unwrap());
}

/// The last of a few completions meets the turn of the first, over and over; after it comes no
/// other that would make a lost wake good.
#[test]
fn no_wake_is_lost_at_the_end_of_a_burst() {
    const ROUNDS: usize = 20_000;
    let lp = TestLoop::<usize>::new();
    let (handle, round) = (lp.off.handle(), Arc::new(AtomicUsize::new(0)));
    let begun = round.clone();
    let submitter = thread::spawn(move || {
        for wanted in 1..=ROUNDS {
            while begun.load(Ordering::Acquire) < wanted {
                thread::yield_now();
            }
            handle.call(|| ()).inline().then(|seen, _| *seen += 1);
            // A little later each time, so that some round hits any moment of the turn.
            for _ in 0..wanted % 1_000 {
                std::hint::spin_loop();
            }
            handle.call(|| ()).inline().then(|seen, _| *seen += 1);
        }
    });
    let mut seen = 0;
    for wanted in 1..=ROUNDS {
        round.store(wanted, Ordering::Release);
        lp.run_until(&mut seen, |&seen| seen == 2 * wanted);
    }
    submitter.join().unwrap();
}

/// A modal loop inside a handler takes the wake of what completes meanwhile, and its turn is put off.
#[test]
fn a_wake_that_a_nested_turn_used_up_comes_again() {
    let lp = Rc::new(TestLoop::<Seen<u32>>::new());
    let modal = lp.clone();
    lp.off.call(|| 1).then(move |seen, outcome| {
        keep(seen, outcome);
        modal.off.call(|| 2).then(keep);
        let nested = modal.woken_turn(seen);
        assert_eq!((nested.count, nested.more), (0, true));
    });
    let mut seen = Seen::new();
    lp.run_until(&mut seen, |seen| seen.len() == 2);
}

#[test]
fn a_burst_costs_one_wake_until_the_turn_that_answers_it() {
    const CALLS: usize = 2_000;
    let lp = TestLoop::<Seen<()>>::new();
    let tickets: Vec<Ticket> = (0..CALLS).map(|_| lp.off.call(|| ()).cores().then(keep)).collect();
    wait_until(|| tickets.iter().all(Ticket::is_done) && lp.off.stats().cores.running == 0);
    wait_until(|| lp.wakes() > 0);
    assert_eq!(lp.wakes(), 1, "nobody has answered the first wake");
    let (mut seen, mut turns) = (Vec::new(), 0);
    while seen.len() < CALLS {
        lp.woken_turn(&mut seen);
        turns += 1;
    }
    assert!(lp.wakes() <= turns + 1, "{} wakes for {turns} turns", lp.wakes());
    assert_eq!(lp.off.stats().wakes as usize, lp.wakes());
}

#[test]
fn refusals_cancels_timeouts_and_detached_failures_wake_the_loop() {
    let heard = Count::new();
    let hook = heard.clone();
    let lp = TestLoop::<Seen<()>>::with(|builder| {
        builder.threads(Threads::new().max(1).queue(1)).on_unobserved(move |_| hook.add())
    });
    let _hold = Hold::threads(&lp.off, 1);
    let ticket = lp.off.call(|| ()).then(keep);
    lp.off.call(|| ()).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::Rejected(_))));
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    lp.off.call(|| ()).deadline(Duration::from_millis(1)).then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    lp.off.call(|| common::explode("nobody hears")).cores().detach();
    lp.run_until(&mut Vec::new(), |_| heard.get() == 1);
    lp.off.call(|| ()).inline().then(keep);
    assert!(lp.outcome().is_ok());
}

#[test]
fn a_waker_that_panics_is_contained() {
    let calls = Count::new();
    let counted = calls.clone();
    let off = Offloop::<Seen<u8>>::builder()
        .waker(move || {
            counted.add();
            common::explode("the waker");
        })
        .build()
        .unwrap();
    let mut seen = Vec::new();
    for value in 0..10 {
        off.call(move || value).then(keep);
        calls.wait(usize::from(value) + 1);
        wait_until(|| off.deliver(&mut seen).count == 1);
    }
    assert_eq!(seen.len(), 10);
    wait_until(|| off.stats().waker_panics == 10);
}

struct Flag(AtomicUsize);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_task_waker_and_a_newtype_serve_as_wakers() {
    struct Mine(Count);
    impl LoopWaker for Mine {
        fn wake(&self) {
            self.0.add();
        }
    }
    let flag = Arc::new(Flag(AtomicUsize::new(0)));
    let off = Offloop::<Seen<()>>::builder().waker(Waker::from(flag.clone())).build().unwrap();
    off.call(|| ()).then(keep);
    wait_until(|| flag.0.load(Ordering::SeqCst) == 1);
    let count = Count::new();
    let off = Offloop::<Seen<()>>::builder().waker(Mine(count.clone())).build().unwrap();
    off.call(|| ()).then(keep);
    count.wait(1);
}

/// The last `Waker` may be dropped by a worker right after its wake.
#[test]
fn a_waker_lives_as_long_as_anybody_may_wake_it() {
    for _ in 0..200 {
        let flag = Arc::new(Flag(AtomicUsize::new(0)));
        let off = Offloop::<Seen<()>>::builder().waker(Waker::from(flag.clone())).build().unwrap();
        off.call(|| ()).then(keep);
        let handle = off.handle();
        let other = thread::spawn(move || drop(handle.call(|| ()).cores().then(keep)));
        drop(off);
        other.join().unwrap();
        wait_until(|| Arc::strong_count(&flag) == 1);
    }
}

#[test]
fn nothing_wakes_a_loop_that_is_gone() {
    let (wakes, latch) = (Count::new(), Latch::new());
    let counted = wakes.clone();
    let off = Offloop::<Seen<()>>::builder().waker(move || counted.add()).build().unwrap();
    let handle = off.handle();
    let ticket = off.call(latch.holding(())).then(keep);
    latch.entered.wait(1);
    drop(off);
    assert_eq!(wakes.get(), 0);
    ticket.cancel();
    handle.call(|| ()).then(keep);
    handle.call(|| ()).inline().then(keep);
    latch.open();
    wait_until(|| handle.call(|| ()).then(keep).is_done());
    assert_eq!(wakes.get(), 0);
}

#[cfg(unix)]
mod descriptor {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    fn is_readable<S>(off: &Offloop<S>, within: Duration) -> bool {
        let fd = off.as_fd().expect("it was built with one");
        let mut fds = [PollFd::new(&fd, PollFlags::IN)];
        let within = Timespec::try_from(within).unwrap();
        poll(&mut fds, Some(&within)).expect("a poll of one descriptor") == 1
    }

    #[test]
    fn the_descriptor_is_readable_while_a_turn_is_asked_for() {
        let off = Offloop::<Seen<u8>>::builder().fd_waker().build().unwrap();
        let mut seen = Vec::new();
        for value in 0..200 {
            off.call(move || value).then(keep);
            assert!(is_readable(&off, crate::common::PATIENCE), "the completion wakes");
            assert_eq!(off.deliver(&mut seen).count, 1);
            assert!(!is_readable(&off, Duration::ZERO), "the turn resets it");
        }
        assert!(seen.into_iter().map(Result::unwrap).eq(0..200));
    }

    #[test]
    fn the_descriptor_stays_readable_while_more_is_ready() {
        let turn = offloop::Turn { max_calls: 1, max_time: Duration::MAX };
        let off = Offloop::<Seen<()>>::builder().fd_waker().turn(turn).build().unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            off.call(|| ()).inline().then(keep);
        }
        for left in [2, 1, 0] {
            assert!(is_readable(&off, Duration::ZERO));
            assert_eq!(off.deliver(&mut seen).more, left > 0);
        }
        assert!(!is_readable(&off, Duration::ZERO));
    }

    #[test]
    fn without_fd_waker_there_is_no_descriptor() {
        assert!(TestLoop::<()>::new().off.as_fd().is_none());
    }
}

#[test]
fn a_waker_that_panicked_is_called_again_by_the_next_completion() {
    let (events, queue) = std::sync::mpsc::channel();
    let mut wakes = 0;
    let waker = std::sync::Mutex::new(move || {
        wakes += 1;
        if wakes == 1 {
            explode("a waker that is not ready yet");
        }
        let _gone = events.send(());
    });
    let waker = move || (waker.lock().unwrap_or_else(std::sync::PoisonError::into_inner))();
    let off = offloop::Offloop::<u32>::builder().waker(waker).build().unwrap();
    let mut sum = 0;
    off.call(|| 1).inline().then(|sum, one| *sum += one.unwrap());
    assert_eq!(off.stats().waker_panics, 1);
    off.call(|| 1).inline().then(|sum, one| *sum += one.unwrap());
    // On a slow machine the first handler uses the turn's time up.
    while sum < 2 {
        queue.recv_timeout(PATIENCE).expect("woken");
        off.deliver(&mut sum);
    }
    assert_eq!((sum, off.stats().waker_panics), (2, 1));
}

/// The waker panics only after another call has completed, which found a turn asked for.
#[test]
fn a_completion_beside_a_waker_that_panics_wakes_too() {
    let (events, queue) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let first = std::sync::Mutex::new(Some(released));
    let waker = move || {
        let first = first.lock().unwrap().take();
        if let Some(released) = first {
            released.recv_timeout(PATIENCE).expect("the other call completes");
            explode("a waker whose loop is not ready yet");
        }
        events.send(())
    };
    let threads = Threads::new().max(2);
    let off = Offloop::<u32>::builder().waker(waker).threads(threads).build().unwrap();
    off.call(|| 1).then(|sum, one| *sum += one.unwrap());
    wait_until(|| off.stats().wakes == 1);
    // One thread is in the waker, so the other one begins this only when it has completed that.
    off.call(|| 1).then(|sum, one| *sum += one.unwrap());
    off.call(move || release.send(())).detach();
    let mut sum = 0;
    while sum < 2 {
        queue.recv_timeout(PATIENCE).expect("woken");
        off.deliver(&mut sum);
    }
    assert_eq!(off.stats().waker_panics, 1);
}
