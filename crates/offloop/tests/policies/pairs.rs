//! Two policies of one call that go together. Invariant: a pair does what both say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use offloop::{By, Failure, Offloop, Outcome, Scope, Threads};

use crate::common::probes::Drops;
use crate::common::{Count, Hold, Latch, PATIENCE, Seen, TestLoop, keep, wait_until};

fn values(seen: Seen<u32>) -> Vec<u32> {
    seen.into_iter().map(Result::unwrap).collect()
}

fn superseded(outcome: &Outcome<u32>) -> bool {
    matches!(outcome, Err(Failure::Cancelled(By::Superseded)))
}

#[test]
fn in_order_and_serial() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (inside, log) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    for n in 0..60 {
        let (inside, log) = (inside.clone(), log.clone());
        let call = lp.off.call(move || {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            log.lock().unwrap().push(n);
            thread::yield_now();
            inside.fetch_sub(1, Ordering::SeqCst);
            n
        });
        call.in_order("order").serial("serial").then(keep);
    }
    assert!(values(lp.outcomes(60)).into_iter().eq(0..60));
    assert!(log.lock().unwrap().iter().copied().eq(0..60));
}

#[test]
fn in_order_and_latest() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(0)).in_order("order").then(keep);
    let rest = [1, 2, 3].map(|n| {
        let call = lp.off.call(move || n).in_order("order").latest("latest");
        call.then(keep)
    });
    wait_until(|| rest[2].is_done());
    latch.open();
    let seen = lp.outcomes(4);
    assert!(matches!(seen[0], Ok(0)) && matches!(seen[3], Ok(3)), "{seen:?}");
    assert!(seen[1..3].iter().all(superseded), "each in its place: {seen:?}");
}

#[test]
fn in_order_and_share() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (first, run) = (Latch::new(), Latch::new());
    lp.off.call(first.holding(1)).in_order("order").then(keep);
    lp.off.call(run.holding(2)).in_order("order").share("share").then(keep);
    lp.off.call(|| 3).in_order("order").then(keep);
    lp.off.call(|| 9).in_order("order").share("share").then(keep);
    run.open();
    wait_until(|| lp.off.stats().finished == 3);
    assert_eq!(lp.turn(&mut Vec::new()).count, 0, "the first one holds them up");
    first.open();
    assert_eq!(values(lp.outcomes(4)), [1, 2, 3, 2]);
}

#[test]
fn in_order_and_within() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let (scope, latch, probe) = (lp.off.scope(), Latch::new(), drops.probe());
    let gone = lp.off.call(latch.holding(1)).in_order("order").within(&scope);
    gone.then(move |_, _| probe.touch());
    lp.off.call(|| 2).in_order("order").then(keep);
    wait_until(|| lp.off.stats().finished == 1);
    drop(scope);
    drops.were_here(1);
    assert_eq!(values(lp.outcomes(1)), [2], "what was in the scope holds nobody up");
    latch.open();
}

#[test]
fn in_order_and_resource() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, latch) = (lp.off.resource(|| 0), Latch::new());
    lp.off.call(latch.holding(1)).in_order("order").then(keep);
    let quick = lp.off.call_on(&resource, |_| 2).in_order("order").then(keep);
    wait_until(|| quick.is_done());
    latch.open();
    assert_eq!(values(lp.outcomes(2)), [1, 2]);
}

#[test]
fn in_order_and_progress() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).in_order("order").then(keep);
    let done = lp.off.call_with(|cx| {
        (10..13u32).for_each(|n| cx.progress(n));
        2
    });
    let done = done.in_order("order").on_each_progress(|seen: &mut Seen<u32>, n| seen.push(Ok(n)));
    let done = done.then(keep);
    wait_until(|| done.is_done());
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.len() == 3);
    assert_eq!(values(seen), [10, 11, 12], "progress does not wait for a place");
    latch.open();
    assert_eq!(values(lp.outcomes(2)), [1, 2]);
}

#[test]
fn serial_and_latest() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (latch, entered, ran) = (Latch::new(), Count::new(), Count::new());
    for n in 0..5 {
        let (gate, enter, ran) = (latch.clone(), entered.clone(), ran.clone());
        let call = lp.off.call(move || {
            assert_eq!(ran.get(), enter.get(), "one at a time");
            enter.add();
            gate.pass();
            ran.add();
            n
        });
        call.serial("serial").latest("latest").then(keep);
        entered.wait(1);
    }
    let seen = lp.outcomes(4);
    assert!(seen.iter().all(superseded), "at once: {seen:?}");
    assert_eq!(entered.get(), 1, "the newest waits for the first one's function");
    latch.open();
    assert_eq!(values(lp.outcomes(1)), [4]);
    assert_eq!(entered.get(), 2, "those between never ran");
}

#[test]
fn serial_and_share() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (latch, runs) = (Latch::new(), Count::new());
    lp.off.call(latch.holding(1)).serial("serial").then(keep);
    for _ in 0..3 {
        let runs = runs.clone();
        let call = lp.off.call(move || {
            runs.add();
            2
        });
        call.share("share").serial("serial").then(keep);
    }
    thread::sleep(Duration::from_millis(10));
    assert_eq!(runs.get(), 0, "the shared run waits for the serial one");
    latch.open();
    assert_eq!(values(lp.outcomes(4)), [1, 2, 2, 2]);
    assert_eq!(runs.get(), 1);
}

#[test]
fn serial_and_within() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (scope, latch, ran) = (lp.off.scope(), Latch::new(), Count::new());
    lp.off.call(latch.holding(1)).serial("key").then(keep);
    let count = ran.clone();
    lp.off.call(move || count.add()).serial("key").within(&scope).then(|_, _| ());
    lp.off.call(|| 3).serial("key").then(keep);
    drop(scope);
    latch.open();
    assert_eq!(values(lp.outcomes(2)), [1, 3]);
    assert_eq!(ran.get(), 0);
}

#[test]
fn serial_and_progress() {
    let lp = TestLoop::<Seen<u32>>::new();
    let inside = Arc::new(AtomicUsize::new(0));
    for call in 0..3u32 {
        let inside = inside.clone();
        let function = lp.off.call_with(move |cx| {
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
            (0..100u32).for_each(|n| cx.progress(1000 * call + n));
            inside.fetch_sub(1, Ordering::SeqCst);
            1000 * call + 100
        });
        let function = function.serial("key");
        function.on_each_progress(|seen: &mut Seen<u32>, n| seen.push(Ok(n))).then(keep);
    }
    let seen = values(lp.outcomes(303));
    for call in 0..3 {
        let own = seen.iter().copied().filter(|value| value / 1000 == call);
        assert!(own.eq(1000 * call..=1000 * call + 100), "all of it, then the outcome");
    }
}

#[test]
fn latest_and_within() {
    let lp = TestLoop::<Seen<u32>>::new();
    let scope = lp.off.scope();
    let older = lp.off.call(|| 1).latest("key").then(keep);
    wait_until(|| older.is_done());
    lp.off.call(|| 2).latest("key").within(&scope).then(keep);
    drop(scope);
    assert!(superseded(&lp.outcome()), "a call whose scope is closed superseded it before");
    assert_eq!(lp.off.pending(), 0);
}

#[test]
fn latest_and_resource() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, latch) = (lp.off.resource(|| 0), Latch::new());
    for n in 0..10 {
        let function = latch.holding(n);
        lp.off.call_on(&resource, |_| function()).latest("key").then(keep);
        latch.entered.wait(1);
    }
    latch.open();
    let seen = lp.outcomes(10);
    assert!(seen[..9].iter().all(superseded) && matches!(seen[9], Ok(9)), "{seen:?}");
    assert_eq!(latch.entered.get(), 2, "those between never ran");
}

#[test]
fn latest_and_progress() {
    let lp = TestLoop::<Seen<u32>>::new();
    let entered = Count::new();
    for n in 0..2u32 {
        let enter = entered.clone();
        let call = lp.off.call_with(move |cx| {
            cx.progress(10 + n);
            enter.add();
            if n == 0 {
                wait_until(|| cx.is_cancelled());
                cx.progress(99u32);
            }
            n
        });
        call.latest("key").on_each_progress(|seen: &mut Seen<u32>, n| seen.push(Ok(n))).then(keep);
        entered.wait(1);
    }
    let seen = lp.outcomes(4);
    assert!(!seen.iter().any(|outcome| matches!(outcome, Ok(99))), "none after the newer call");
    assert!(matches!(seen[0], Ok(10)) && superseded(&seen[1]), "{seen:?}");
}

#[test]
fn share_and_within() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (scope, latch) = (lp.off.scope(), Latch::new());
    let join = |scope: Option<&Scope>| {
        let call = lp.off.call(latch.holding(5)).share("key");
        match scope {
            Some(scope) => call.within(scope).then(|_, _| panic!("its scope is closed")),
            None => call.then(keep),
        }
    };
    join(Some(&scope));
    latch.entered.wait(1);
    join(None);
    drop(scope);
    latch.open();
    assert_eq!(values(lp.outcomes(1)), [5], "the leader's window is closed, the others wait on");
    assert_eq!(latch.entered.get(), 1);
}

#[test]
fn share_and_resource() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, latch, runs) = (lp.off.resource(|| 4), Latch::new(), Count::new());
    let held = latch.holding(());
    lp.off.call_on(&resource, |_| held()).detach();
    for _ in 0..3 {
        let runs = runs.clone();
        let call = lp.off.call_on(&resource, move |value| {
            runs.add();
            *value
        });
        call.share("key").then(keep);
    }
    drop(resource);
    latch.open();
    assert_eq!(values(lp.outcomes(3)), [4, 4, 4]);
    assert_eq!(runs.get(), 1);
}

#[test]
fn within_and_resource() {
    let lp = TestLoop::<Seen<u32>>::new();
    let (resource, scope, latch) = (lp.off.resource(|| 0), lp.off.scope(), Latch::new());
    let (held, ran) = (latch.holding(()), Count::new());
    lp.off.call_on(&resource, |_| held()).within(&scope).then(|_, _| ());
    let count = ran.clone();
    lp.off.call_on(&resource, move |_| count.add()).within(&scope).then(|_, _| ());
    // The thread is inside the first one while the second one is cancelled.
    latch.entered.wait(1);
    drop(scope);
    latch.open();
    lp.off.call_on(&resource, |_| 7).then(keep);
    assert_eq!(values(lp.outcomes(1)), [7]);
    assert_eq!(ran.get(), 0);
}

#[test]
fn share_with_a_deadline_of_each() {
    let lp = TestLoop::<Seen<u32>>::with(|builder| builder.threads(Threads::new().max(1)));
    let hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| 1).share("key").deadline(Duration::from_millis(10)).then(keep);
    lp.off.call(|| 1).share("key").then(keep);
    assert!(matches!(lp.outcome(), Err(Failure::TimedOut)));
    hold.open();
    assert_eq!(values(lp.outcomes(1)), [1], "the run has no deadline while one has none");
}

/// The keeper is woken for the deadline, and wakes the loop: the submit itself wakes one thread.
#[test]
fn an_inline_call_with_a_deadline_leaves_the_wake_of_the_loop_to_the_keeper() {
    for ordered in [false, true] {
        let (tell, told) = mpsc::channel();
        let builder = Offloop::<Seen<u32>>::builder();
        let off = builder.waker(move || tell.send(thread::current().id())).build().unwrap();
        let call = off.call(|| 1).inline().deadline(Duration::from_secs(3600));
        let call = if ordered { call.in_order("order") } else { call };
        call.then(keep);
        let waker = told.recv_timeout(PATIENCE).expect("the loop is woken");
        assert_ne!(waker, thread::current().id(), "in order: {ordered}");
        let mut seen = Vec::new();
        off.deliver(&mut seen);
        assert_eq!(values(seen), [1]);
    }
}

#[test]
fn a_submit_with_keys_wakes_the_loop_at_most_once() {
    let lp = TestLoop::<Seen<u32>>::new();
    let hold = Hold::threads(&lp.off, 1);
    let handle = lp.off.handle();
    let mut waiting = 0;
    for round in 0..4 {
        for inline in [false, true] {
            let before = lp.wakes();
            let call = lp.off.call(move || round).in_order("order").latest("latest");
            let call = if inline { call.inline() } else { call };
            match round {
                0 => call.then(keep),
                1 => call.serial("serial").then(keep),
                2 => call.deadline(Duration::from_secs(3600)).then(keep),
                _ => call.detach(),
            };
            handle.call(|| 1).inline().share("share").then(keep);
            waiting += usize::from(round != 3) + 1;
            assert!(lp.wakes() <= before + 1, "no turn has answered the first wake");
        }
    }
    hold.open();
    lp.outcomes(waiting);
}
