//! The loop suite of the testkit on the beta of winit 0.31, and what goes wrong around a loop.
//!
//! Invariant: a program has one event loop, as winit allows no second, so there is none on another thread; it
//! merges wakes and tells nobody what they were for, so each of them is answered with a turn, as in
//! `hash_winit_beta`.

mod faults;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use faults::{Looped, a_loop_may_go_under_a_call};
use offloop::Builder;
use offloop_testkit::{LoopRig, LoopState, LoopSuite, loops};
use winit_beta::application::ApplicationHandler;
use winit_beta::error::EventLoopError;
use winit_beta::event::WindowEvent;
use winit_beta::event_loop::pump_events::EventLoopExtPumpEvents;
use winit_beta::event_loop::{ActiveEventLoop, EventLoop, EventLoopProxy};
use winit_beta::window::WindowId;

thread_local! {
    static LOOP: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

/// One round of the loop.
struct Turn<'a> {
    woken: &'a mut dyn FnMut(),
}

impl ApplicationHandler for Turn<'_> {
    fn can_create_surfaces(&mut self, _: &dyn ActiveEventLoop) {}

    fn window_event(&mut self, _: &dyn ActiveEventLoop, _: WindowId, _: WindowEvent) {}

    fn proxy_wake_up(&mut self, _: &dyn ActiveEventLoop) {
        (self.woken)();
    }
}

fn go_round(patience: Duration, woken: &mut dyn FnMut()) {
    LOOP.with_borrow_mut(|event_loop| {
        let event_loop = event_loop.as_mut().expect("it ends after the rigs");
        event_loop.pump_app_events(Some(patience), &mut Turn { woken });
    });
}

fn rig(builder: Builder<LoopState>, proxy: EventLoopProxy) -> LoopRig {
    let (own, another) = (proxy.clone(), proxy.clone());
    let off = builder.waker(move || proxy.wake_up()).build().expect("an offloop");
    let posted = Arc::new(AtomicUsize::new(0));
    let own_events = posted.clone();
    LoopRig::new(off, move |round, patience| {
        go_round(patience, &mut || {
            for _ in 0..own_events.swap(0, SeqCst) {
                round.own_event();
            }
            round.deliver();
        });
    })
    .own_events(move || {
        posted.fetch_add(1, SeqCst);
        own.wake_up();
    })
    .second(move |builder| {
        builder.waker(move || another.wake_up()).build().expect("another offloop")
    })
}

fn looped(proxy: EventLoopProxy) -> Looped<'static> {
    Looped::new(move || proxy.wake_up(), go_round)
}

fn main() {
    let event_loop = EventLoop::new().expect("a display");
    let proxy = event_loop.create_proxy();
    LOOP.set(Some(event_loop));
    let own = proxy.clone();
    let suite = LoopSuite::new(move |builder| rig(builder, own.clone()));
    // The loop of this suite does not go with its rig; it goes at the end.
    loops::check_all(&suite, &["a_wake_after_the_loop_is_gone_does_nothing"]);
    faults::all(|| looped(proxy.clone()));
    a_loop_may_go_under_a_call(looped(proxy), || drop(LOOP.take()));
    // Were there another, it could have an offloop of its own, on another thread.
    assert!(matches!(EventLoop::new(), Err(EventLoopError::RecreationAttempt)));
}
