//! What goes wrong around a loop. Invariant: no outcome is lost, and none comes twice.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use calloop::{EventLoop, LoopHandle};
use offloop::{Failure, Offloop, Unobserved};

/// Beyond this a test counts as hanging.
pub(crate) const HANG: Duration = Duration::from_secs(60);

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < HANG, "not so: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

type Values = Vec<u32>;

/// An offloop whose handlers change the loop's data, on a loop.
fn add(handle: &LoopHandle<'_, Values>) -> Offloop<Values> {
    let (off, source) = offloop_calloop::source(Offloop::builder()).expect("an offloop");
    let deliver = |(), off: &mut Offloop<Values>, values: &mut Values| {
        off.deliver(values);
    };
    handle.insert_source(source, deliver).expect("inserted");
    off
}

fn dispatch(event_loop: &mut EventLoop<'_, Values>, values: &mut Values) {
    let (before, began) = (values.len(), Instant::now());
    // An earlier turn may have taken already what a wake was for.
    while values.len() == before {
        assert!(began.elapsed() < HANG, "nothing woke the loop");
        event_loop.dispatch(HANG, values).expect("dispatched");
    }
}

#[test]
fn a_loop_destroyed_while_a_call_is_in_flight_loses_no_outcome() {
    let event_loop = EventLoop::<Values>::try_new().expect("a loop");
    let off = add(&event_loop.handle());
    let (go, gate) = mpsc::channel();
    off.call(move || gate.recv()).then(|values, outcome| {
        outcome.expect("it returned").expect("told to");
        values.push(7);
    });
    drop(event_loop);
    go.send(()).expect("the function waits");
    let mut values = Values::new();
    wait_until("a turn brings the outcome", || off.deliver(&mut values).count == 1);
    assert_eq!(values, [7]);
    // No thread is left that may be about to wake.
    off.shutdown(HANG);
    assert_eq!(off.stats().waker_panics, 0);
}

#[test]
fn an_offloop_dropped_first_leaves_the_loop_whole() {
    let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
    let (first, second) = (add(&event_loop.handle()), add(&event_loop.handle()));
    let late = first.handle();
    first.call(|| 1).then(|values, outcome| values.extend(outcome));
    drop(first);
    late.call(|| 2).then(|values, outcome| values.extend(outcome));
    second.call(|| 3).then(|values, outcome| values.extend(outcome));
    let mut values = Values::new();
    let began = Instant::now();
    while values.is_empty() {
        assert!(began.elapsed() < HANG, "the second offloop's wake is lost");
        event_loop.dispatch(HANG, &mut values).expect("dispatched");
    }
    assert_eq!(values, [3]);
    drop(late);
    event_loop.dispatch(Duration::ZERO, &mut values).expect("dispatched");
    assert_eq!(values, [3]);
}

/// With an event that was on its way, and without one.
#[test]
fn the_source_of_a_dropped_offloop_leaves_the_loop() {
    for woken in [true, false] {
        let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
        let (off, source) = offloop_calloop::source(Offloop::builder()).expect("an offloop");
        let never = |(), _: &mut Offloop<Values>, _: &mut Values| unreachable!("it is gone");
        let token = event_loop.handle().insert_source(source, never).expect("inserted");
        if woken {
            off.call(|| 1).inline().then(|_, _| unreachable!("no turn comes"));
        }
        let handle = woken.then(|| off.handle());
        drop(off);
        event_loop.dispatch(HANG, &mut Values::new()).expect("dispatched");
        assert!(event_loop.handle().update(&token).is_err(), "it is there, woken: {woken}");
        drop(handle);
    }
}

/// Its handlers are dropped on the loop thread, unrun, and told of; the loop does not spin.
#[test]
fn a_callback_that_never_delivers_is_asked_once() {
    let mut event_loop = EventLoop::<usize>::try_new().expect("a loop");
    let told = Rc::new(RefCell::new(Vec::new()));
    let hook = told.clone();
    let builder = Offloop::<()>::builder().on_unobserved(move |what: &Unobserved| {
        hook.borrow_mut().push((what.handler_dropped, thread::current().id()));
    });
    let (off, source) = offloop_calloop::source(builder).expect("an offloop");
    let count = |(), _: &mut Offloop<()>, asked: &mut usize| *asked += 1;
    event_loop.handle().insert_source(source, count).expect("inserted");
    let tickets = [(); 2].map(|()| off.call(|| ()).then(|(), _| unreachable!("no turn comes")));
    wait_until("both calls complete", || tickets.iter().all(|ticket| ticket.is_done()));
    let mut asked = 0;
    let mut dispatch = || {
        event_loop.dispatch(Duration::ZERO, &mut asked).expect("dispatched");
        asked
    };
    // A call is complete somewhat before it wakes the loop.
    wait_until("it is asked", || dispatch() == 1);
    assert_eq!([dispatch(), dispatch()], [1, 1]);
    assert_eq!(off.pending(), 2);
    drop(off);
    assert_eq!(*told.borrow(), [(true, thread::current().id()); 2]);
}

/// The panic goes through calloop and out of `dispatch`; the other outcome is there afterwards.
#[test]
fn a_handler_that_panics_leaves_the_loop_whole() {
    let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
    let off = add(&event_loop.handle());
    off.call(|| ()).inline().then(|_, _| panic!("a handler's"));
    off.call(|| 1).inline().then(|values, outcome| values.extend(outcome));
    let mut values = Values::new();
    let unwound = catch_unwind(AssertUnwindSafe(|| event_loop.dispatch(HANG, &mut values)));
    assert!(unwound.is_err() && values.is_empty());
    dispatch(&mut event_loop, &mut values);
    assert_eq!(values, [1]);
}

#[test]
fn a_function_that_panics_is_an_outcome() {
    let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
    let off = add(&event_loop.handle());
    off.call(|| panic!("a function's")).then(|values, outcome: Result<(), Failure>| {
        assert!(matches!(outcome, Err(Failure::Panicked(_))), "{outcome:?}");
        values.push(1);
    });
    let mut values = Values::new();
    dispatch(&mut event_loop, &mut values);
}

#[test]
fn two_offloops_on_one_loop_keep_apart() {
    let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
    let (first, second) = (add(&event_loop.handle()), add(&event_loop.handle()));
    for value in 0..100 {
        let off = if value % 2 == 0 { &first } else { &second };
        off.call(move || value).then(|values, outcome| values.extend(outcome));
    }
    let mut values = Values::new();
    while values.len() < 100 {
        dispatch(&mut event_loop, &mut values);
    }
    values.sort_unstable();
    assert!(values.iter().copied().eq(0..100), "each call once");
    assert_eq!((first.stats().delivered, second.stats().delivered), (50, 50));
}

#[test]
fn one_offloop_per_loop_on_several_threads() {
    let loops: Vec<_> = (0..4)
        .map(|base| {
            thread::spawn(move || {
                let mut event_loop = EventLoop::<Values>::try_new().expect("a loop");
                let off = add(&event_loop.handle());
                let here = thread::current().id();
                for value in 0..100 {
                    off.call(move || base * 100 + value).then(move |values, outcome| {
                        assert_eq!(thread::current().id(), here);
                        values.extend(outcome);
                    });
                }
                let mut values = Values::new();
                while values.len() < 100 {
                    dispatch(&mut event_loop, &mut values);
                }
                values.sort_unstable();
                assert!(values.iter().copied().eq(base * 100..base * 100 + 100), "its own calls");
            })
        })
        .collect();
    for one in loops {
        one.join().expect("each loop has its calls");
    }
}

#[test]
fn what_can_not_be_built_is_said() {
    let builder = Offloop::<()>::builder().threads(offloop::Threads::new().max(0));
    let error = offloop_calloop::source(builder).expect_err("no thread");
    assert!(error.to_string().contains("Threads::max"), "{error}");
}
