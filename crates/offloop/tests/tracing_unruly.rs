//! A subscriber is code that is not ours: it may panic, and it may use offloop itself. Neither
//! changes what a call comes to.

mod common;
#[path = "common/recorder.rs"]
mod recorder;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::block_on::block_on;
use common::{Hold, Latch, TestLoop, explode, overrun, wait_until};
use offloop::{Failure, Handle, Offloop, Outcome, Threads};
use recorder::Recorder;
use tracing::info_span;

type Seen = Vec<Outcome<()>>;

/// The subscriber is one for the process, so the tests take turns.
static TURN: Mutex<()> = Mutex::new(());
static PANICS: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);
static MEDDLES: AtomicBool = AtomicBool::new(false);
static MEDDLED: AtomicUsize = AtomicUsize::new(0);
static LOCKED: AtomicUsize = AtomicUsize::new(0);
static HANDLE: Mutex<Option<Handle<Seen>>> = Mutex::new(None);

thread_local! {
    static OFF: RefCell<Option<Offloop<Seen>>> = const { RefCell::new(None) };
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs inside every call of the subscriber.
fn misbehave(what: &'static str) {
    // One that fails all the time is left after its first failure; this one fails in every place.
    if PANICS.load(Ordering::SeqCst) {
        let number = CALLS.fetch_add(1, Ordering::SeqCst) as u32;
        if number.wrapping_mul(0x9E37_79B9) >> 31 == 0 {
            explode(what);
        }
    }
    if !MEDDLES.load(Ordering::SeqCst) || INSIDE.replace(true) {
        return;
    }
    // Its own calls call the subscriber again, so that there is no end to it without one.
    if MEDDLED.fetch_add(1, Ordering::SeqCst) >= 1000 {
        INSIDE.set(false);
        return;
    }
    let tried = catch_unwind(AssertUnwindSafe(|| {
        // These look at all that the loop and the executors have.
        let handle = HANDLE.lock().unwrap().clone();
        handle.unwrap().call(|| ()).cores().detach();
        if let Ok(Some(off)) = OFF.try_with(|off| off.borrow().clone()) {
            off.call(|| ()).cores().detach();
            let _all = (off.pending(), off.stats());
        }
    }));
    if tried.is_err() {
        LOCKED.fetch_add(1, Ordering::SeqCst);
    }
    INSIDE.set(false);
}

/// A call of each kind, in a span; each way in which one ends.
fn calls_of_all_kinds(lp: &TestLoop<Seen>) {
    let hold = Hold::threads(&lp.off, 1);
    let within = |submit: &dyn Fn()| {
        let span = info_span!("call");
        let entered = catch_unwind(AssertUnwindSafe(|| span.enter()));
        submit();
        // What the test's own use of its span comes to is no matter here.
        let _own = catch_unwind(AssertUnwindSafe(|| drop(entered)));
        let _own = catch_unwind(AssertUnwindSafe(|| drop(span)));
    };
    within(&|| drop(lp.off.call(|| ()).then(keep)));
    within(&|| drop(lp.off.call(|| ()).then(keep)));
    within(&|| drop(lp.off.call(|| ()).cores().then(keep)));
    within(&|| drop(lp.off.call(|| ()).inline().then(keep)));
    within(&|| drop(lp.off.handle().call(|| ()).cores().then(keep)));
    within(&|| lp.off.call(|| ()).cores().then(keep).cancel());
    within(&|| assert!(lp.off.call(|| ()).try_then(keep).is_err()));
    within(&|| drop(lp.off.call(|| explode("unheard")).cores().detach()));
    within(&|| block_on(lp.off.call(|| ()).cores()).unwrap());
    within(&|| assert!(block_on(lp.off.call(|| ())).is_err()));
    hold.open();
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| {
        seen.len() == 6 && lp.off.pending() == 0 && lp.off.stats().panicked > 0
    });
    let refused = |outcome: &&Outcome<()>| matches!(outcome, Err(Failure::Rejected(_)));
    let cancelled = |outcome: &&Outcome<()>| matches!(outcome, Err(Failure::Cancelled(_)));
    assert_eq!(seen.iter().filter(refused).count(), 1);
    assert!(seen.iter().filter(cancelled).count() <= 1);
    assert!(seen.iter().filter(|outcome| outcome.is_ok()).count() >= 4);
}

fn keep(seen: &mut Seen, outcome: Outcome<()>) {
    seen.push(outcome);
}

fn one_thread() -> TestLoop<Seen> {
    Recorder::install(misbehave);
    TestLoop::with(|builder| builder.threads(Threads::new().max(1).queue(1)))
}

fn abandon_one(lp: &TestLoop<Seen>) {
    let latch = Latch::new();
    overrun(lp, true, || {
        let latch = latch.clone();
        move |_| latch.pass()
    });
    latch.open();
    wait_until(|| lp.off.stats().cores.abandoned == 0);
}

#[test]
fn a_subscriber_that_panics_changes_no_outcome() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let lp = one_thread();
    PANICS.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        calls_of_all_kinds(&lp);
        abandon_one(&lp);
    }
    drop(lp);
    PANICS.store(false, Ordering::SeqCst);
}

#[test]
fn a_subscriber_may_use_offloop_because_nothing_is_borrowed_or_locked() {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let lp = one_thread();
    *HANDLE.lock().unwrap() = Some(lp.off.handle());
    OFF.set(Some(lp.off.clone()));
    MEDDLES.store(true, Ordering::SeqCst);
    calls_of_all_kinds(&lp);
    abandon_one(&lp);
    OFF.set(None);
    drop(lp);
    MEDDLES.store(false, Ordering::SeqCst);
    assert!(MEDDLED.load(Ordering::SeqCst) > 20);
    assert_eq!(LOCKED.load(Ordering::SeqCst), 0);
}
