//! What goes wrong around a loop, beside what the loop suite of the testkit asks; the same on each loop here.
//!
//! Invariant: no outcome is lost, none comes twice, and a handler that no turn runs is dropped on the loop's
//! thread and told of.

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use offloop::{Offloop, Unobserved};

/// Beyond this a test counts as hanging.
const HANG: Duration = Duration::from_secs(60);
/// Of one round. A loop that nobody wakes is looked at that often.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) type Values = Vec<u32>;
type GoRound<'a> = dyn FnMut(Duration, &mut dyn FnMut()) + 'a;

/// A loop, as the faults need it.
pub(crate) struct Looped<'a> {
    wake: Arc<dyn Fn() + Send + Sync>,
    go_round: Box<GoRound<'a>>,
}

impl<'a> Looped<'a> {
    /// `wake` wakes it from any thread. `go_round` waits for so long at the most, and calls back where the
    /// loop was woken, and nowhere else.
    pub(crate) fn new<R>(
        wake: impl Fn() -> R + Send + Sync + 'static,
        go_round: impl FnMut(Duration, &mut dyn FnMut()) + 'a,
    ) -> Self {
        let wake = Arc::new(move || {
            wake();
        });
        Self { wake, go_round: Box::new(go_round) }
    }

    /// An offloop that it is woken for.
    pub(crate) fn offloop(&self) -> Offloop<Values> {
        let wake = self.wake.clone();
        Offloop::builder().waker(move || wake()).build().expect("an offloop")
    }

    pub(crate) fn run_until_seen(
        &mut self,
        off: &Offloop<Values>,
        seen: &mut Values,
        count: usize,
    ) {
        let began = Instant::now();
        while seen.len() < count {
            assert!(began.elapsed() < HANG, "nothing wakes the loop; it has seen {seen:?}");
            (self.go_round)(PATIENCE, &mut || _ = off.deliver(seen));
        }
    }
}

pub(crate) fn all(looped: impl Fn() -> Looped<'static>) {
    a_waker_that_panics_costs_no_outcome(looped());
    a_loop_that_never_delivers_is_left_in_peace(looped());
}

/// The first wake is lost with the panic; the second brings both outcomes.
fn a_waker_that_panics_costs_no_outcome(mut looped: Looped<'_>) {
    let (wake, panicked) = (looped.wake.clone(), AtomicBool::new(false));
    let waker = move || {
        if !panicked.swap(true, SeqCst) {
            resume_unwind(Box::new("a waker panics on purpose"));
        }
        wake();
    };
    let off = Offloop::<Values>::builder().waker(waker).build().expect("an offloop");
    // It is complete at once, and so it is this thread that wakes.
    off.call(|| 1).inline().then(|seen, outcome| seen.extend(outcome));
    assert_eq!(off.stats().waker_panics, 1);
    off.call(|| 2).then(|seen, outcome| seen.extend(outcome));
    let mut seen = Values::new();
    looped.run_until_seen(&off, &mut seen, 2);
    seen.sort_unstable();
    assert_eq!((seen.as_slice(), off.stats().waker_panics), ([1, 2].as_slice(), 1));
}

/// One wake for both calls, and no further one: a loop that spun would be asked in every round.
fn a_loop_that_never_delivers_is_left_in_peace(mut looped: Looped<'_>) {
    let (wake, told) = (looped.wake.clone(), Rc::new(RefCell::new(Vec::new())));
    let hook = told.clone();
    let builder = Offloop::<()>::builder().on_unobserved(move |what: &Unobserved| {
        hook.borrow_mut().push((what.handler_dropped, thread::current().id()));
    });
    let off = builder.waker(move || wake()).build().expect("an offloop");
    let tickets = [(); 2].map(|()| off.call(|| ()).then(|(), _| unreachable!("no turn comes")));
    let began = Instant::now();
    while !(tickets.iter().all(|ticket| ticket.is_done()) && off.stats().wakes == 1) {
        assert!(began.elapsed() < HANG, "two calls, and {} wakes", off.stats().wakes);
        thread::sleep(Duration::from_millis(1));
    }
    let asked = [(); 20].map(|()| {
        let mut asked = false;
        (looped.go_round)(Duration::from_millis(10), &mut || asked = true);
        asked
    });
    assert!(asked[..10].contains(&true), "it was never woken");
    assert!(!asked[10..].contains(&true), "it is woken for ever: {asked:?}");
    assert_eq!((off.pending(), off.stats().wakes), (2, 1));
    drop(off);
    assert_eq!(*told.borrow(), [(true, thread::current().id()); 2]);
}

/// Its wake is for nobody, and its outcome is kept. `end` ends the loop.
pub(crate) fn a_loop_may_go_under_a_call(looped: Looped<'_>, end: impl FnOnce()) {
    let off = looped.offloop();
    let (go, gone) = mpsc::channel();
    let call = off.call(move || gone.recv().expect("the loop goes first"));
    call.then(|seen, outcome| seen.extend(outcome));
    drop(looped);
    end();
    go.send(7).expect("the call is under way");
    let (mut seen, began) = (Values::new(), Instant::now());
    while seen.is_empty() {
        assert!(began.elapsed() < HANG, "the outcome is lost with the loop");
        off.deliver(&mut seen);
        thread::yield_now();
    }
    // Then the worker has ended, and its wake with it.
    off.shutdown(HANG);
    assert_eq!((seen.as_slice(), off.stats().waker_panics), ([7].as_slice(), 0));
}
