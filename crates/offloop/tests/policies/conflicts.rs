//! Two policies of one call that exclude each other. Invariant: such a call is refused whatever its
//! ending, the refusal names both, and nothing of the call stays.

use offloop::{Failure, Offloop, Outcome, Reason};

use crate::common::block_on::block_on;
use crate::common::{Count, Latch, Seen, TestLoop, keep, wait_until};

/// Submits a call in conflict with each ending; it is refused, names both, and never runs.
macro_rules! conflict {
    ($policies:expr, $why:expr, |$off:ident, $ran:ident| $call:expr) => {
        let lp = TestLoop::<Seen<u32>>::new();
        let $off: &Offloop<Seen<u32>> = &lp.off;
        let ran = Count::new();
        let describe = || {
            let $ran = ran.clone();
            $call
        };
        describe().then(keep);
        is_conflict(&lp.outcome(), $policies, $why);
        let refused = describe().try_then(keep).expect_err("it is refused at once");
        is_conflict(&Err(refused.reason), $policies, $why);
        is_conflict(&block_on(describe()), $policies, $why);
        describe().detach();
        wait_until(|| {
            lp.turn(&mut Vec::new());
            lp.off.pending() == 0
        });
        lp.off.call(|| 1).share("key").then(keep);
        assert!(matches!(lp.outcome(), Ok(1)), "the key works as before");
        assert_eq!(ran.get(), 0);
    };
}

#[track_caller]
fn is_conflict(outcome: &Outcome<u32>, policies: [&str; 2], why: &str) {
    let Err(Failure::Rejected(Reason::Conflict(conflict))) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(conflict.policies(), policies);
    let text = outcome.as_ref().unwrap_err().to_string();
    assert!(policies.iter().all(|policy| text.contains(policy)), "{text}");
    assert!(text.contains(why), "{text}");
}

fn counted(ran: Count) -> impl FnOnce() -> u32 + Send + 'static {
    move || {
        ran.add();
        1
    }
}

#[test]
fn latest_against_share() {
    conflict!(["latest", "share"], "supersede", |off, ran| {
        off.call(counted(ran)).latest("key").share("key")
    });
}

#[test]
fn share_against_progress() {
    conflict!(["share", "on_progress"], "one progress", |off, ran| {
        off.call(counted(ran)).share("key").on_progress(|_, _: u32| ())
    });
    conflict!(["share", "on_progress"], "one progress", |off, ran| {
        off.call(counted(ran)).on_each_progress(|_, _: u32| ()).share("key")
    });
}

#[test]
fn serial_against_resource() {
    conflict!(["serial", "call_on"], "one call at a time", |off, ran| {
        let resource = off.resource(|| 1);
        let function = counted(ran);
        off.call_on(&resource, move |_: &mut u32| function()).serial("key")
    });
}

#[test]
fn an_executor_against_resource() {
    let named = ["call_on", "threads, cores or inline"];
    conflict!(named, "its own thread", |off, ran| {
        let resource = off.resource(|| 1);
        let function = counted(ran);
        off.call_on(&resource, move |_: &mut u32| function()).cores()
    });
    conflict!(named, "its own thread", |off, ran| {
        let resource = off.resource(|| 1);
        let function = counted(ran);
        off.handle().call_on(&resource, move |_: &mut u32| function()).inline()
    });
}

#[test]
fn an_await_against_progress_and_an_inline_order() {
    let lp = TestLoop::<Seen<u32>>::new();
    let ran = Count::new();
    let call = lp.off.call(counted(ran.clone())).on_progress(|_, _: u32| ());
    is_conflict(&block_on(call), ["on_progress", ".await"], "delivered in turns");
    let call = lp.off.call(counted(ran.clone())).inline().in_order("key");
    is_conflict(&block_on(call), ["in_order", ".await of an inline call"], "in its place");
    let call = lp.off.handle().call(counted(ran.clone())).in_order("key").inline();
    is_conflict(&block_on(call), ["in_order", ".await of an inline call"], "in its place");
    lp.off.call(|| 1).in_order("key").then(keep);
    assert!(matches!(lp.outcome(), Ok(1)), "no place is left behind");
    assert_eq!(ran.get(), 0);
}

#[test]
fn an_inline_order_against_serial() {
    conflict!(["in_order", "serial of an inline call"], "hold the key", |off, ran| {
        off.call(counted(ran)).in_order("key").serial("key").inline()
    });
}

#[test]
fn a_call_in_conflict_keeps_its_place_in_the_order_and_supersedes_nothing() {
    let lp = TestLoop::<Seen<u32>>::new();
    let latch = Latch::new();
    lp.off.call(latch.holding(1)).in_order("order").then(keep);
    let older = lp.off.call(|| 2).latest("key").in_order("order").then(keep);
    lp.off.call(|| 3).latest("key").share("key").in_order("order").then(keep);
    wait_until(|| older.is_done());
    latch.open();
    let seen = lp.outcomes(3);
    assert!(matches!(seen[..2], [Ok(1), Ok(2)]), "{seen:?}");
    assert!(matches!(seen[2], Err(Failure::Rejected(Reason::Conflict(_)))), "{seen:?}");
}
