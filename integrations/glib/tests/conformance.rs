//! The suite that every loop passes, on a GLib main context without a display.
//!
//! Invariant: the closure of a source says that the loop was woken, and nothing else does. What the
//! suite lends to a round can't be held by a source, so it delivers behind the dispatch; the tests in
//! `sources` deliver inside. There a panic can't be caught, hence the one promise that is left out.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glib::{ControlFlow, MainContext, Priority};
use offloop::Offloop;
use offloop_testkit::{LoopRig, LoopState, loop_suite};

fn wait_and_dispatch(context: &MainContext, patience: Duration) {
    let go_on = || ControlFlow::Continue;
    let timeout = glib::timeout_source_new(patience, None, Priority::LOW, go_on);
    timeout.attach(Some(context));
    context.iteration(true);
    timeout.destroy();
}

fn post(context: &MainContext, arrived: &Arc<AtomicBool>) {
    let arrived = arrived.clone();
    let event = move || {
        arrived.store(true, Ordering::Relaxed);
        ControlFlow::Break
    };
    glib::idle_source_new(None, Priority::DEFAULT, event).attach(Some(context));
}

loop_suite!(
    |builder| {
        let context = MainContext::new();
        let (woken, sources) = (Rc::new(Cell::new(false)), Rc::new(RefCell::new(Vec::new())));
        let attach = {
            let (context, woken, sources) = (context.clone(), woken.clone(), sources.clone());
            move |off: &Offloop<LoopState>| {
                let woken = woken.clone();
                let source = offloop_glib::attach(off, &context, move || woken.set(true));
                sources.borrow_mut().push(source.expect("attached"));
            }
        };
        let off = builder.fd_waker().build().expect("an offloop");
        attach(&off);
        let (own, posts) = (Arc::new(AtomicBool::new(false)), context.clone());
        let arrived = own.clone();
        LoopRig::new(off, move |round, patience| {
            let _attached = &sources;
            wait_and_dispatch(&context, patience);
            if woken.take() {
                round.deliver();
            }
            if own.swap(false, Ordering::Relaxed) {
                round.own_event();
            }
        })
        .own_events(move || post(&posts, &arrived))
        .second(move |builder| {
            let off = builder.fd_waker().build().expect("an offloop");
            attach(&off);
            off
        })
    },
    without: [a_panicking_handler_leaves_the_rest_ready],
);
