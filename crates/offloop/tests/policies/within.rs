//! `within`: calls end with their scope. Invariant: a handler that is in a scope and did not run is
//! dropped inside the scope's drop, on the loop thread, once.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use offloop::{By, Failure, Offloop, Scope, Threads};

use crate::common::block_on::block_on;
use crate::common::probes::{Bomb, Drops};
use crate::common::{Count, Hold, Latch, Seen, TestLoop, keep, wait_until};

crate::rows::rows!(Within);

fn one_thread() -> TestLoop<Seen<u32>> {
    TestLoop::with(|builder| builder.threads(Threads::new().max(1)))
}

/// Submits a call whose handler holds a probe.
fn held(off: &Offloop<Seen<u32>>, scope: &Scope, drops: &Drops) -> offloop::Ticket {
    let probe = drops.probe();
    off.call(|| 1).within(scope).then(move |seen: &mut Seen<u32>, outcome| {
        probe.touch();
        seen.push(outcome);
    })
}

#[test]
fn handlers_are_dropped_unrun_once_and_on_the_loop_thread() {
    let (lp, drops, latch) = (TestLoop::<Seen<u32>>::new(), Drops::new(), Latch::new());
    let scope = lp.off.scope();
    for number in 0..4 {
        let (probe, gate) = (drops.probe(), latch.clone());
        // Queued, running, decided and inline ones.
        let call = lp.off.call(move || {
            if number < 2 {
                gate.pass()
            }
        });
        let call = if number == 3 { call.inline() } else { call };
        let ticket = call.within(&scope).then(move |_, _| probe.touch());
        if number == 2 {
            wait_until(|| ticket.is_done());
        }
    }
    assert_eq!((scope.len(), lp.off.pending()), (4, 4));
    drop(scope);
    drops.were_here(4);
    assert_eq!(lp.off.pending(), 0);
    latch.open();
    let mut seen = Vec::new();
    lp.turn(&mut seen);
    assert!(seen.is_empty());
    assert_eq!(lp.off.stats().dropped_handlers, 4);
    drops.were_here(4);
}

#[test]
fn a_call_that_was_heard_is_no_longer_in_its_scope() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let scope = lp.off.scope();
    held(&lp.off, &scope, &drops);
    assert!(matches!(lp.outcome(), Ok(1)));
    assert!(scope.is_empty());
    drops.were_here(1);
    drop(scope);
    drops.were_here(1);
}

#[test]
fn a_scope_dropped_in_a_handler_of_its_own_ends_the_others() {
    let (lp, drops) = (one_thread(), Drops::new());
    let scope = Rc::new(RefCell::new(Some(lp.off.scope())));
    let own = scope.clone();
    let scoped = scope.borrow();
    let first = lp.off.call(|| 0).within(scoped.as_ref().unwrap());
    let first = first.then(move |seen: &mut Seen<u32>, outcome| {
        drop(own.borrow_mut().take());
        seen.push(outcome);
    });
    let rest: Vec<_> = (0..3).map(|_| held(&lp.off, scoped.as_ref().unwrap(), &drops)).collect();
    let _hold = Hold::threads(&lp.off, 1);
    assert!(first.is_done() && rest.iter().all(offloop::Ticket::is_done));
    drop(scoped);
    assert!(matches!(lp.outcome(), Ok(0)));
    drops.were_here(3);
    assert_eq!(lp.off.pending(), 1, "the one that holds the thread");
}

#[test]
fn a_scope_dropped_in_the_handler_of_another_call_ends_its_calls() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let scope = lp.off.scope();
    let ready = held(&lp.off, &scope, &drops);
    held(&lp.off, &scope, &drops);
    wait_until(|| ready.is_done());
    lp.off.call(|| 2).inline().then(keep);
    lp.off.call(|| 4).then(move |seen: &mut Seen<u32>, outcome| {
        drop(scope);
        seen.push(outcome);
    });
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| seen.iter().any(|outcome| matches!(outcome, Ok(4))));
    lp.turn(&mut seen);
    drops.were_here(2);
    assert_eq!(lp.off.pending(), 0);
}

#[test]
fn scopes_that_handlers_hold_end_with_the_handlers() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let (outer, inner, innermost) = (lp.off.scope(), lp.off.scope(), lp.off.scope());
    for _ in 0..2 {
        held(&lp.off, &innermost, &drops);
        held(&lp.off, &inner, &drops);
    }
    lp.off.call(|| 1).within(&inner).then(move |_, _| drop(innermost));
    lp.off.call(|| 1).within(&outer).then(move |_, _| drop(inner));
    held(&lp.off, &outer, &drops);
    assert_eq!(lp.off.pending(), 7);
    drop(outer);
    assert_eq!(lp.off.pending(), 0);
    drops.were_here(5);
}

#[test]
fn a_handler_that_is_dropped_may_submit_into_another_scope() {
    struct Again(Offloop<Seen<u32>>, Rc<RefCell<Option<Scope>>>, Drops);
    impl Drop for Again {
        fn drop(&mut self) {
            if let Some(scope) = &*self.1.borrow() {
                held(&self.0, scope, &self.2);
            }
        }
    }
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let scope = lp.off.scope();
    let other = Rc::new(RefCell::new(Some(lp.off.scope())));
    let again = Again(lp.off.clone(), other.clone(), drops.clone());
    lp.off.call(|| 1).within(&scope).then(move |_, _| drop(again));
    drop(scope);
    assert_eq!(lp.off.pending(), 1, "what the handler's drop submitted");
    drop(other.borrow_mut().take());
    drops.were_here(1);
    assert_eq!(lp.off.pending(), 0);
}

#[test]
fn a_call_that_is_ended_after_its_scope_is_dropped_with_it() {
    let (lp, drops, ran) = (TestLoop::<Seen<u32>>::new(), Drops::new(), Count::new());
    let scope = lp.off.scope();
    let describe = |ran: &Count| {
        let ran = ran.clone();
        let call = lp.off.call(move || {
            ran.add();
            1
        });
        call.inline().within(&scope)
    };
    let (with_handler, detached) = (describe(&ran), describe(&ran));
    let (given_back, awaited) = (describe(&ran), describe(&ran));
    drop(scope);
    let probe = drops.probe();
    with_handler.then(move |_, _| probe.touch());
    drops.were_here(1);
    let probe = drops.probe();
    let ticket = given_back.try_then(move |_, _| probe.touch()).expect("there is room");
    drops.were_here(2);
    assert!(ticket.is_done());
    detached.detach();
    let outcome = block_on(awaited);
    assert!(matches!(outcome, Err(Failure::Cancelled(By::Scope))), "{outcome:?}");
    for _ in 0..3 {
        lp.turn(&mut Vec::new());
    }
    assert_eq!((lp.off.pending(), ran.get()), (0, 0));
}

#[test]
fn results_that_come_late_are_dropped_off_the_loop_thread() {
    let lp = TestLoop::<Vec<()>>::new();
    let (drops, latch, entered) = (Drops::new(), Latch::new(), Count::new());
    let scope = lp.off.scope();
    let (probe, gate, enter) = (drops.probe(), latch.clone(), entered.clone());
    let late = lp.off.call(move || {
        enter.add();
        gate.pass();
        probe
    });
    late.within(&scope).then(|_, _| ());
    let probe = drops.probe();
    let ready = lp.off.call(move || probe).within(&scope).then(|_, _| ());
    entered.wait(1);
    wait_until(|| ready.is_done());
    drop(scope);
    latch.open();
    drops.were_elsewhere(2);
}

#[test]
fn jobs_of_calls_that_wait_are_dropped_off_the_loop_thread() {
    let lp = one_thread();
    let hold = Hold::threads(&lp.off, 1);
    let (scope, drops) = (lp.off.scope(), Drops::new());
    for inline in [false, true] {
        let probe = drops.probe();
        let call = lp.off.call(move || {
            probe.touch();
            1
        });
        let call = if inline { call.inline() } else { call };
        call.within(&scope).then(keep);
    }
    drop(scope);
    hold.open();
    drops.were_elsewhere(2);
}

#[test]
fn a_handler_capture_that_panics_leaves_the_others_ended() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let scope = lp.off.scope();
    held(&lp.off, &scope, &drops);
    let bomb = Bomb(Count::new());
    lp.off.call(|| 1).within(&scope).then(move |_, _| bomb.touch());
    held(&lp.off, &scope, &drops);
    drop(scope);
    drops.were_here(2);
    assert_eq!(lp.off.pending(), 0);
}

#[test]
fn a_scope_that_outlives_its_offloop_does_nothing() {
    let (lp, drops) = (TestLoop::<Seen<u32>>::new(), Drops::new());
    let scope = lp.off.scope();
    held(&lp.off, &scope, &drops);
    drop(lp);
    drops.were_here(1);
    assert!(scope.is_empty());
    drop(scope);
    drops.were_here(1);
}

#[test]
fn a_scope_of_another_offloop_is_told_so() {
    let (one, other) = (TestLoop::<Seen<u32>>::new(), TestLoop::<Seen<u32>>::new());
    let scope = one.off.scope();
    let stray = catch_unwind(AssertUnwindSafe(|| other.off.call(|| 1).within(&scope).then(keep)));
    let payload = stray.expect_err("its handler would wait in another table");
    assert!(payload.downcast_ref::<&str>().is_some_and(|text| text.contains("another offloop")));
}

#[test]
fn a_scope_dropped_in_a_progress_handler_of_its_own_ends_the_call() {
    let lp = TestLoop::<Seen<u32>>::new();
    let scope = Rc::new(RefCell::new(Some(lp.off.scope())));
    let (own, heard, latch) = (scope.clone(), Rc::new(RefCell::new(Vec::new())), Latch::new());
    let (told, gate) = (heard.clone(), latch.clone());
    let scoped = scope.borrow();
    let call = lp.off.call_with(move |cx| {
        (0..3u32).for_each(|n| cx.progress(n));
        gate.pass();
        9
    });
    call.within(scoped.as_ref().unwrap())
        .on_each_progress(move |_: &mut Seen<u32>, n: u32| {
            told.borrow_mut().push(n);
            drop(own.borrow_mut().take());
        })
        .then(keep);
    drop(scoped);
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |_| !heard.borrow().is_empty());
    latch.open();
    wait_until(|| lp.off.stats().threads.running == 0);
    lp.turn(&mut seen);
    assert_eq!(*heard.borrow(), [0], "no handler of it runs after the scope's end");
    assert!(seen.is_empty() && lp.off.pending() == 0);
}
