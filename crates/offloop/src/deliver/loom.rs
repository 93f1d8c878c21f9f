//! Models of the hand-over: run with `--cfg loom`.

use loom::thread;

use super::notify::{LoopWake, LoopWaker, Notify};
use super::queue::{Parcel, queue};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Unpark(thread::Thread);

/// Panics at its first wake, and counts.
struct NotReady(Arc<AtomicUsize>);

impl LoopWaker for NotReady {
    fn wake(&self) {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            resume_unwind(Box::new("not ready"));
        }
    }
}

impl LoopWaker for Unpark {
    fn wake(&self) {
        self.0.unpark();
    }
}

/// Two completions race a loop that sleeps between its turns. A wake that is lost is a loop that
/// sleeps for ever, which loom reports as a deadlock.
#[test]
fn no_wake_is_lost() {
    loom::model(|| {
        let waker = LoopWake::Custom(Box::new(Unpark(thread::current())));
        let notify = Arc::new(Notify::new(waker));
        let (push, mut pop) = queue::<Box<Parcel<u32>>>();
        let push = Arc::new(push);
        for number in 0..2 {
            let (push, notify) = (push.clone(), notify.clone());
            thread::spawn(move || {
                push.push(Parcel::new(number));
                notify.raise();
            });
        }
        let mut seen = 0;
        while seen < 2 {
            thread::park();
            notify.lower();
            while pop.pop().is_some() {
                seen += 1;
            }
        }
    });
}

/// Two completions, and a waker that panics at the first: whichever comes first or beside it, the loop is
/// woken for the other.
#[test]
fn a_wake_that_panics_takes_no_other_with_it() {
    loom::model(|| {
        let wakes = Arc::new(AtomicUsize::new(0));
        let waker = LoopWake::Custom(Box::new(NotReady(wakes.clone())));
        let notify = Arc::new(Notify::new(waker));
        let other = {
            let notify = notify.clone();
            thread::spawn(move || notify.raise())
        };
        notify.raise();
        other.join().expect("it ends");
        assert_eq!(wakes.load(Ordering::Relaxed), 2);
        assert!(notify.is_raised(None));
    });
}

/// What one thread pushes comes out once, in its order, and what is left is dropped.
#[test]
fn the_queue_keeps_each_pushers_order() {
    loom::model(|| {
        let (push, mut pop) = queue::<Box<Parcel<(u32, Arc<()>)>>>();
        let alive = Arc::new(());
        let push = Arc::new(push);
        let other = {
            let (push, alive) = (push.clone(), alive.clone());
            thread::spawn(move || push.push(Parcel::new((10, alive))))
        };
        push.push(Parcel::new((1, alive.clone())));
        push.push(Parcel::new((2, alive.clone())));
        let early: Vec<u32> = std::iter::from_fn(|| pop.pop()).map(|p| p.value.0).collect();
        other.join().expect("the pusher ends");
        let late: Vec<u32> = std::iter::from_fn(|| pop.pop()).map(|p| p.value.0).collect();
        let all: Vec<u32> = early.into_iter().chain(late).collect();
        let own: Vec<u32> = all.iter().copied().filter(|&number| number < 10).collect();
        assert_eq!(own, [1, 2]);
        assert_eq!(all.len(), 3);
        push.push(Parcel::new((3, alive.clone())));
        drop((push, pop));
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

/// A push that races the end of the loop: the item is dropped, by the popper or by its pusher.
#[test]
fn a_closed_queue_keeps_nothing() {
    loom::model(|| {
        let (push, pop) = queue::<Box<Parcel<Arc<()>>>>();
        let alive = Arc::new(());
        let push = Arc::new(push);
        let pushers: Vec<_> = (0..2)
            .map(|_| {
                let (push, alive) = (push.clone(), alive.clone());
                thread::spawn(move || push.push(Parcel::new(alive)))
            })
            .collect();
        drop(pop);
        for pusher in pushers {
            pusher.join().expect("the pusher ends");
        }
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}
