//! The loop suite of the testkit on winit 0.30, and the end of a loop under a call.
//!
//! Invariant: a program has one event loop, as winit allows no second; each rig has a number, and an
//! event that was meant for an earlier one is nobody's.

use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use offloop::{Builder, Offloop};
use offloop_testkit::{LoopRig, LoopState, LoopSuite, Round, loops};
use winit::application::ApplicationHandler;
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

/// One round of the loop, for one rig.
struct Turn<'a, 'b> {
    rig: u64,
    woken: bool,
    round: &'a mut Round<'b>,
}

impl ApplicationHandler<Event> for Turn<'_, '_> {
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}

    fn user_event(&mut self, _: &ActiveEventLoop, event: Event) {
        match event {
            Event::Wake(rig) if rig == self.rig => self.woken = true,
            Event::Own(rig) if rig == self.rig => self.round.own_event(),
            Event::Wake(_) | Event::Own(_) => {}
        }
    }

    /// In `user_event` it would break D12: winit hands over what a turn sends before it goes round.
    fn about_to_wait(&mut self, _: &ActiveEventLoop) {
        if mem::take(&mut self.woken) {
            self.round.deliver();
        }
    }
}

fn rig(builder: Builder<LoopState>, proxy: EventLoopProxy<Event>) -> LoopRig {
    static RIGS: AtomicU64 = AtomicU64::new(0);
    let rig = RIGS.fetch_add(1, Relaxed);
    let (own, another) = (proxy.clone(), proxy.clone());
    let off = builder.waker(move || proxy.send_event(Event::Wake(rig))).build();
    LoopRig::new(off.expect("an offloop"), move |round, patience| {
        LOOP.with_borrow_mut(|event_loop| {
            let event_loop = event_loop.as_mut().expect("it ends after the rigs");
            event_loop.pump_app_events(Some(patience), &mut Turn { rig, woken: false, round });
        });
    })
    .own_events(move || own.send_event(Event::Own(rig)))
    .second(move |builder| {
        let off = builder.waker(move || another.send_event(Event::Wake(rig))).build();
        off.expect("another offloop")
    })
}

/// The event loop goes while a function runs: its wake is for nobody, and its outcome is kept.
fn a_loop_may_go_under_a_call(proxy: EventLoopProxy<Event>) {
    let off = Offloop::<Option<u32>>::builder();
    let off = off.waker(move || proxy.send_event(Event::Wake(u64::MAX))).build();
    let off = off.expect("an offloop");
    let (go, gone) = mpsc::channel();
    let call = off.call(move || gone.recv().expect("the loop goes first"));
    call.then(|seen, outcome| *seen = outcome.ok());
    drop(LOOP.take());
    go.send(7).expect("the call is under way");
    let (mut seen, began) = (None, Instant::now());
    while seen.is_none() {
        assert!(began.elapsed() < Duration::from_secs(30), "the outcome is lost with the loop");
        off.deliver(&mut seen);
    }
    assert_eq!(seen, Some(7));
}

fn main() {
    let event_loop = EventLoop::with_user_event().build().expect("a display");
    let proxy = event_loop.create_proxy();
    LOOP.set(Some(event_loop));
    let own = proxy.clone();
    let suite = LoopSuite::new(move |builder| rig(builder, own.clone()));
    // The loop of this suite does not go with its rig; it goes at the end.
    loops::check_all(&suite, &["a_wake_after_the_loop_is_gone_does_nothing"]);
    a_loop_may_go_under_a_call(proxy);
}
