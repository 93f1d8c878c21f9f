//! What serves as a key. Invariant: a key that misbehaves costs its own submit at most; every other
//! key, and the same one afterwards, works.

use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use offloop::{Offloop, WeakOffloop};

use crate::common::alone::alone;
use crate::common::probes::{Drops, Probe};
use crate::common::{Hold, Latch, Seen, TestLoop, explode, keep, wait_until};

/// A call that holds the handlers of its key up until the latch is open, then the second call.
fn two<K>(lp: &TestLoop<Seen<u32>>, first: K, second: impl FnOnce(&Offloop<Seen<u32>>)) -> Latch
where
    K: Hash + Eq + 'static,
{
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).in_order(first).then(keep);
    second(&lp.off);
    latch
}

/// The second call waits for the first one.
#[track_caller]
fn waits<K: Hash + Eq + 'static>(
    lp: &TestLoop<Seen<u32>>,
    first: K,
    second: impl FnOnce(&Offloop<Seen<u32>>),
) {
    let latch = two(lp, first, second);
    let quick = lp.off.call(|| 3).then(keep);
    wait_until(|| quick.is_done());
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| !seen.is_empty());
    thread::sleep(std::time::Duration::from_millis(10));
    lp.turn(&mut seen);
    assert!(matches!(seen[..], [Ok(3)]), "{seen:?}");
    latch.open();
    lp.run_until(&mut seen, |seen| seen.len() == 3);
}

/// The second call does not wait for the first one.
#[track_caller]
fn passes<K: Hash + Eq + 'static>(
    lp: &TestLoop<Seen<u32>>,
    first: K,
    second: impl FnOnce(&Offloop<Seen<u32>>),
) {
    let latch = two(lp, first, second);
    assert!(matches!(lp.outcome(), Ok(2)));
    latch.open();
    assert!(matches!(lp.outcome(), Ok(1)));
}

fn second<K: Hash + Eq + 'static>(key: K) -> impl FnOnce(&Offloop<Seen<u32>>) {
    move |off| drop(off.call(|| 2).in_order(key).then(keep))
}

fn second_of_handle<K: Hash + Eq + Send + 'static>(key: K) -> impl FnOnce(&Offloop<Seen<u32>>) {
    move |off| drop(off.handle().call(|| 2).in_order(key).then(keep))
}

#[test]
fn equal_keys_meet_and_others_do_not() {
    let lp = TestLoop::<Seen<u32>>::new();
    waits(&lp, "key", second("key"));
    passes(&lp, "key", second("other"));
    waits(&lp, (1u8, String::from("a")), second((1u8, String::from("a"))));
}

#[test]
fn keys_of_different_types_never_meet() {
    let lp = TestLoop::<Seen<u32>>::new();
    passes(&lp, 1u32, second(1u64));
    passes(&lp, "key", second(String::from("key")));
}

#[test]
fn keys_of_a_handle_meet_those_of_the_loop() {
    let lp = TestLoop::<Seen<u32>>::new();
    waits(&lp, "key", second_of_handle("key"));
    passes(&lp, "key", second_of_handle("other"));
}

#[test]
fn keys_of_different_policies_never_meet() {
    let lp = TestLoop::<Seen<u32>>::new();
    let serial = |off: &Offloop<Seen<u32>>| drop(off.call(|| 2).serial("key").then(keep));
    let latest = |off: &Offloop<Seen<u32>>| drop(off.call(|| 2).latest("key").then(keep));
    let share = |off: &Offloop<Seen<u32>>| drop(off.call(|| 2).share("key").then(keep));
    passes(&lp, "key", serial);
    passes(&lp, "key", latest);
    passes(&lp, "key", share);
}

/// Equal by its number, wherever it was made; the probe says where it ended. Not `Send`.
#[expect(dead_code, reason = "they are dropped, and not read")]
struct Local(Rc<()>, u32, Probe);

impl Hash for Local {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.1.hash(state);
    }
}

impl PartialEq for Local {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}

impl Eq for Local {}

#[test]
fn keys_that_are_not_send_serve_on_the_loop_and_are_dropped_there() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let (token, key) = (Rc::new(()), |n| (n, drops.probe()));
    let local = |(n, probe): (u32, Probe)| Local(token.clone(), n, probe);
    waits(&lp, local(key(1)), second(local(key(1))));
    // A worker may hold its call a moment longer than the turn that delivered it.
    wait_until(|| {
        lp.turn(&mut Vec::new());
        drops.threads().len() == 2
    });
    drops.were_here(2);
    for n in 0..50 {
        lp.off.call(move || n).serial(local(key(n))).then(keep);
        lp.off.call(move || n).latest(local(key(n))).then(keep);
        lp.off.call(move || n).share(local(key(n))).then(keep);
    }
    lp.outcomes(150);
    lp.off.call(|| 1).in_order(local(key(9))).then(keep);
    let handle = lp.off.handle();
    drop(lp);
    drop(handle);
    drops.were_here(153);
    assert_eq!(Rc::strong_count(&token), 1);
}

/// Panics in `hash` (1) or in `eq` (2), while it is told to.
struct Faulty(Arc<AtomicU8>);

impl Hash for Faulty {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.0.load(Ordering::SeqCst) == 1 {
            explode("hash");
        }
        1.hash(state);
    }
}

impl PartialEq for Faulty {
    fn eq(&self, _: &Self) -> bool {
        if self.0.load(Ordering::SeqCst) == 2 {
            explode("eq");
        }
        true
    }
}

impl Eq for Faulty {}

#[test]
fn a_key_whose_hash_or_eq_panics_leaves_everything_working() {
    let lp = TestLoop::<Seen<u32>>::new();
    let fault = Arc::new(AtomicU8::new(0));
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).in_order(Faulty(fault.clone())).then(keep);
    for (kind, text) in [(1, "hash"), (2, "eq")] {
        fault.store(kind, Ordering::SeqCst);
        let submit = catch_unwind(AssertUnwindSafe(|| {
            lp.off.call(|| 2).in_order(Faulty(fault.clone())).then(keep)
        }));
        assert_eq!(submit.unwrap_err().downcast_ref::<&str>(), Some(&text));
    }
    fault.store(0, Ordering::SeqCst);
    lp.off.handle().call(|| 3).in_order(Faulty(fault)).then(keep);
    lp.off.call(|| 4).in_order("another").then(keep);
    hold.open();
    assert!(lp.outcomes(3).iter().all(Result::is_ok));
}

/// Submits a call with another key when it is dropped.
struct Busy(WeakOffloop<Seen<u32>>);

impl Hash for Busy {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Busy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Busy {}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(off) = self.0.upgrade() {
            off.call(|| 2).in_order("key").then(keep);
        }
    }
}

#[test]
fn a_key_may_submit_when_it_is_dropped() {
    alone("keys::a_key_may_submit_when_it_is_dropped", || {
        let lp = TestLoop::<Seen<u32>>::new();
        let hold = Hold::threads(&lp.off, 1);
        for _ in 0..3 {
            lp.off.call(|| 1).in_order(Busy(lp.off.downgrade())).then(keep);
        }
        hold.open();
        // Two equal keys are dropped at once, the third one in a turn after its line has ended.
        let mut seen = Vec::new();
        wait_until(|| {
            lp.turn(&mut seen);
            seen.len() == 6
        });
        assert!(seen.iter().all(Result::is_ok), "{seen:?}");
    });
}

/// Panics when it is dropped.
struct Fragile(u32);

impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Fragile {}

impl Drop for Fragile {
    fn drop(&mut self) {
        if !thread::panicking() {
            explode("a key");
        }
    }
}

#[test]
fn a_key_that_panics_when_dropped_harms_no_submit_and_no_turn() {
    let lp = TestLoop::<Seen<u32>>::new();
    for n in [1, 1, 2, 1, 3, 2] {
        lp.off.call(|| 1).in_order(Fragile(n)).then(keep);
    }
    lp.outcomes(6);
    for _ in 0..3 {
        lp.turn(&mut Vec::new());
    }
    lp.off.handle().call(|| 1).in_order(Fragile(4)).then(keep);
    lp.off.call(|| 1).serial(Fragile(4)).then(keep);
    lp.outcomes(2);
}

#[test]
fn a_key_comes_back_after_its_line_has_ended() {
    let lp = TestLoop::<Seen<u32>>::new();
    for round in 0..200 {
        lp.off.call(move || round).in_order(round % 3).serial(round % 5).then(keep);
        assert!(lp.outcome().is_ok());
    }
}

/// Its destructor panics.
#[derive(PartialEq, Eq, Hash)]
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        explode("a key's destructor")
    }
}

#[test]
fn keys_whose_destructors_panic_end_with_their_loop() {
    let lp = TestLoop::<Seen<u32>>::new();
    let hold = Hold::threads(&lp.off, 1);
    for number in 0..3 {
        lp.off.call(move || number).in_order(Bomb(number)).then(keep);
    }
    drop(lp);
    hold.open();
}
