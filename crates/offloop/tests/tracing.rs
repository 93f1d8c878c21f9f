//! Spans go with the function and with the handler, and what went wrong is an event.

mod common;
#[path = "common/recorder.rs"]
mod recorder;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context as TaskContext, Waker};
use std::thread;

use common::block_on::block_on;
use common::{Hold, Latch, Seen, TestLoop, explode, keep, overrun, wait_until};
use offloop::{Cores, Failure, Offloop, Outcome, Threads};
use recorder::{Recorder, Told, current, is_alive, told};
use tracing::{Level, Span, info_span};

fn recorded<S>() -> TestLoop<S> {
    Recorder::install(|_| {});
    TestLoop::with(|builder| {
        builder.threads(Threads::new().max(1).queue(1)).cores(Cores::new().workers(1))
    })
}

fn id(span: &Span) -> u64 {
    span.id().expect("the recorder enables all").into_u64()
}

/// The spans in which a function and its handler ran.
type Where = (Option<u64>, Option<u64>);

fn look(seen: &mut Vec<Where>, function: Outcome<Option<u64>>) {
    seen.push((function.unwrap(), current()));
}

#[test]
fn function_and_handler_run_in_the_span_of_the_submit() {
    type Submit = fn(&Offloop<Vec<Where>>);
    let submits: [Submit; 5] = [
        |off| drop(off.call(current).then(look)),
        |off| drop(off.call(current).cores().then(look)),
        |off| drop(off.call_with(|_| current()).inline().then(look)),
        |off| drop(off.call(current).try_then(look).unwrap()),
        |off| drop(off.handle().call(current).then(look)),
    ];
    for submit in submits {
        let lp = recorded::<Vec<Where>>();
        let span = info_span!("submit");
        let inside = id(&span);
        span.in_scope(|| submit(&lp.off));
        assert_eq!(current(), None);
        let mut seen = Vec::new();
        info_span!("turn").in_scope(|| lp.run_until(&mut seen, |seen| !seen.is_empty()));
        assert_eq!(seen, [(Some(inside), Some(inside))]);
        drop(span);
        wait_until(|| !is_alive(inside));
    }
}

#[test]
fn a_call_of_a_function_or_of_a_handler_goes_on_in_its_span() {
    let lp = recorded::<Vec<Where>>();
    let span = info_span!("first");
    let handle = lp.off.handle();
    span.in_scope(|| lp.off.call(move || drop(handle.call(current).cores().then(look))).detach());
    let mut seen = Vec::new();
    lp.run_until(&mut seen, |seen| !seen.is_empty());
    assert_eq!(seen, [(Some(id(&span)), Some(id(&span)))]);
}

#[test]
fn a_call_outside_of_any_span_runs_in_none() {
    let lp = recorded::<Vec<Where>>();
    lp.off.call(current).then(look);
    let mut seen = Vec::new();
    info_span!("turn").in_scope(|| {
        let turn = current();
        lp.run_until(&mut seen, |seen| !seen.is_empty());
        assert_eq!(seen, [(None, turn)], "the handler runs where the turn does");
    });
}

#[test]
fn an_awaited_call_runs_in_the_span_of_its_first_poll() {
    let lp = recorded::<()>();
    let (made, polled) = (info_span!("made"), info_span!("polled"));
    let future = made.in_scope(|| lp.off.call(current).into_future());
    assert_eq!(polled.in_scope(|| block_on(future)).unwrap(), Some(id(&polled)));
}

#[test]
fn a_span_ends_with_a_call_that_never_runs() {
    let lp = recorded::<Seen<()>>();
    let hold = Hold::threads(&lp.off, 1);
    let span = info_span!("cancelled");
    let ticket = span.in_scope(|| lp.off.call(|| ()).then(keep));
    ticket.cancel();
    assert!(matches!(lp.outcome(), Err(Failure::Cancelled(_))));
    hold.open();
    let (alive, _span) = (id(&span), drop(span));
    wait_until(|| !is_alive(alive));
}

#[test]
fn a_panic_leaves_no_span_entered() {
    let lp = recorded::<Seen<()>>();
    info_span!("panics").in_scope(|| lp.off.call(|| explode("inside")).inline().then(keep));
    assert!(matches!(lp.outcome(), Err(Failure::Panicked(_))));
    assert_eq!(current(), None);
    info_span!("panics").in_scope(|| lp.off.call(|| ()).then(|_, _| explode("in the handler")));
    wait_until(|| {
        let turn = std::panic::AssertUnwindSafe(|| lp.turn(&mut Vec::new()));
        std::panic::catch_unwind(turn).is_err()
    });
    assert_eq!(current(), None);
}

/// The one event of the call with this name: level, message and reason; it has a place, too.
#[track_caller]
fn one(name: &str) -> (Level, String, String) {
    let told = told(name);
    let [Told { level, fields }] = &told[..] else { panic!("told of {name}: {told:?}") };
    assert!(fields["place"].contains(".rs:"), "{fields:?}");
    (*level, fields["message"].clone(), fields["reason"].clone())
}

#[test]
fn a_refusal_is_an_event_with_name_place_and_reason() {
    let lp = recorded::<Seen<()>>();
    let _hold = Hold::threads(&lp.off, 1);
    lp.off.call(|| ()).detach();
    lp.off.call(|| ()).name("refused").then(keep);
    thread::scope(|scope| {
        let handle = lp.off.handle();
        scope.spawn(move || handle.call(|| ()).name("refused by handle").detach());
    });
    assert!(block_on(lp.off.call(|| ()).name("refused awaited")).is_err());
    assert!(lp.off.call(|| ()).name("given back").try_then(keep).is_err());
    for name in ["refused", "refused by handle", "refused awaited"] {
        let reason = "the executor's queue is full".to_owned();
        assert_eq!(one(name), (Level::WARN, "call refused".to_owned(), reason));
    }
    assert_eq!(told("given back"), [], "its caller knows");
}

#[test]
fn a_function_given_up_is_an_event_and_its_return_another() {
    let lp = recorded::<Seen<()>>();
    let latch = Latch::new();
    overrun(&lp, false, || {
        let latch = latch.clone();
        move |_| latch.pass()
    });
    // The keeper tells after it has decided.
    wait_until(|| !told("overrun").is_empty());
    let reason = "the call's deadline passed before its result".to_owned();
    assert_eq!(one("overrun"), (Level::WARN, "call abandoned".to_owned(), reason));
    latch.open();
    wait_until(|| told("overrun").len() == 2);
    let Told { level, fields } = &told("overrun")[1];
    assert_eq!((*level, &*fields["message"]), (Level::DEBUG, "abandoned call came back"));
}

#[test]
fn a_failure_nobody_saw_is_an_event() {
    let lp = recorded::<()>();
    lp.off.call(|| explode("unheard")).name("detached").detach();
    lp.run_until(&mut (), |()| !told("detached").is_empty());
    let (level, message, reason) = one("detached");
    assert_eq!((level, &*message), (Level::WARN, "failure unobserved"));
    assert!(reason.ends_with("panicked: unheard"), "{reason}");

    lp.off.call(|| ()).inline().name("never delivered").then(|_, _| {});
    drop(lp);
    let (level, _, reason) = one("never delivered");
    assert_eq!(level, Level::WARN);
    assert_eq!(reason, "offloop was closed or shut down before the call finished");
}

#[test]
fn dropping_a_future_ends_its_span() {
    let lp = recorded::<()>();
    let span = info_span!("awaited");
    let mut future = Box::pin(lp.off.call(current).into_future());
    let mut cx = TaskContext::from_waker(Waker::noop());
    span.in_scope(|| Future::poll(Pin::as_mut(&mut future), &mut cx).is_pending());
    drop(future);
    let (alive, _span) = (id(&span), drop(span));
    wait_until(|| !is_alive(alive));
}
