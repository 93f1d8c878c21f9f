//! The loop suite of the testkit on winit 0.30, and what goes wrong around a loop.
//!
//! Invariant: a program has one event loop, as winit allows no second, so there is none on another thread;
//! each rig has a number, and an event that was meant for an earlier one is nobody's.

mod faults;

use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use faults::{Looped, a_loop_may_go_under_a_call};
use offloop::Builder;
use offloop_testkit::{LoopRig, LoopState, LoopSuite, loops};
use winit::application::ApplicationHandler;
use winit::error::EventLoopError;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop, EventLoopProxy};
use winit::platform::pump_events::EventLoopExtPumpEvents;
use winit::window::WindowId;

thread_local! {
    static LOOP: RefCell<Option<EventLoop<Event>>> = const { RefCell::new(None) };
}

#[derive(Debug)]
enum Event {
    Wake(u64),
    Own(u64),
}

/// What a rig is told of a round.
enum Seen {
    Wake,
    Own,
}

/// One round of the loop, for one rig.
struct Turn<'a> {
    rig: u64,
    woken: bool,
    tell: &'a mut dyn FnMut(Seen),
}

impl ApplicationHandler<Event> for Turn<'_> {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}

    fn user_event(&mut self, _: &ActiveEventLoop, event: Event) {
        match event {
            Event::Wake(rig) if rig == self.rig => self.woken = true,
            Event::Own(rig) if rig == self.rig => (self.tell)(Seen::Own),
            Event::Wake(_) | Event::Own(_) => {}
        }
    }

    /// In `user_event` it would break D12: winit hands over what a turn sends before it goes round.
    fn about_to_wait(&mut self, _: &ActiveEventLoop) {
        if mem::take(&mut self.woken) {
            (self.tell)(Seen::Wake);
        }
    }
}

fn go_round(rig: u64, patience: Duration, tell: &mut dyn FnMut(Seen)) {
    LOOP.with_borrow_mut(|event_loop| {
        let event_loop = event_loop.as_mut().expect("it ends after the rigs");
        event_loop.pump_app_events(Some(patience), &mut Turn { rig, woken: false, tell });
    });
}

fn next_rig() -> u64 {
    static RIGS: AtomicU64 = AtomicU64::new(0);
    RIGS.fetch_add(1, Relaxed)
}

fn rig(builder: Builder<LoopState>, proxy: EventLoopProxy<Event>) -> LoopRig {
    let rig = next_rig();
    let (own, another) = (proxy.clone(), proxy.clone());
    let off = builder.waker(move || proxy.send_event(Event::Wake(rig))).build();
    LoopRig::new(off.expect("an offloop"), move |round, patience| {
        go_round(rig, patience, &mut |seen| match seen {
            Seen::Wake => _ = round.deliver(),
            Seen::Own => round.own_event(),
        });
    })
    .own_events(move || own.send_event(Event::Own(rig)))
    .second(move |builder| {
        let off = builder.waker(move || another.send_event(Event::Wake(rig))).build();
        off.expect("another offloop")
    })
}

fn looped(proxy: EventLoopProxy<Event>) -> Looped<'static> {
    let rig = next_rig();
    Looped::new(
        move || proxy.send_event(Event::Wake(rig)),
        move |patience, woken| go_round(rig, patience, &mut |_| woken()),
    )
}

fn main() {
    let event_loop = EventLoop::with_user_event().build().expect("a display");
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
