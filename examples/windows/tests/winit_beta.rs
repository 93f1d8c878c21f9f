//! The loop suite of the testkit on the beta of winit 0.31.
//!
//! Invariant: a program has one event loop, as winit allows no second; it merges wakes and tells nobody
//! what they were for, so each of them is answered with a turn, as in `hash_winit_beta`.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use offloop::Builder;
use offloop_testkit::{LoopRig, LoopState, LoopSuite, Round, loops};
use winit_beta::application::ApplicationHandler;
use winit_beta::event::WindowEvent;
use winit_beta::event_loop::pump_events::EventLoopExtPumpEvents;
use winit_beta::event_loop::{ActiveEventLoop, EventLoop, EventLoopProxy};
use winit_beta::window::WindowId;

thread_local! {
    static LOOP: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

/// One round of the loop, for one rig.
struct Turn<'a, 'b> {
    own_events: &'a AtomicUsize,
    round: &'a mut Round<'b>,
}

impl ApplicationHandler for Turn<'_, '_> {
    fn can_create_surfaces(&mut self, _: &dyn ActiveEventLoop) {}

    fn window_event(&mut self, _: &dyn ActiveEventLoop, _: WindowId, _: WindowEvent) {}

    fn proxy_wake_up(&mut self, _: &dyn ActiveEventLoop) {
        for _ in 0..self.own_events.swap(0, SeqCst) {
            self.round.own_event();
        }
        self.round.deliver();
    }
}

fn rig(builder: Builder<LoopState>, proxy: EventLoopProxy) -> LoopRig {
    let (own, another) = (proxy.clone(), proxy.clone());
    let off = builder.waker(move || proxy.wake_up()).build().expect("an offloop");
    let posted = Arc::new(AtomicUsize::new(0));
    let own_events = posted.clone();
    LoopRig::new(off, move |round, patience| {
        LOOP.with_borrow_mut(|event_loop| {
            let event_loop = event_loop.as_mut().expect("it ends after the rigs");
            let own_events = &own_events;
            event_loop.pump_app_events(Some(patience), &mut Turn { own_events, round });
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

fn main() {
    let event_loop = EventLoop::new().expect("a display");
    let proxy = event_loop.create_proxy();
    LOOP.set(Some(event_loop));
    let suite = LoopSuite::new(move |builder| rig(builder, proxy.clone()));
    // The loop of this suite does not go with its rig; it goes at the end.
    loops::check_all(&suite, &["a_wake_after_the_loop_is_gone_does_nothing"]);
}
