//! The loop suite of the testkit on egui, without a window, and what goes wrong around a loop: an integration
//! of a few lines takes eframe's place, and paints nothing.
//!
//! Invariant: a frame is run only when egui has asked for one, so a wake that asks for none is seen.
//! egui begins no frame after one that a panic has left, so that promise is left out.

mod faults;

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use eframe::egui::{Context, RawInput, ViewportId};
use faults::{Looped, Values, a_loop_may_go_under_a_call};
use offloop_testkit::{LoopRig, loop_suite};

enum Event {
    Frame,
    Own,
}

/// What eframe would do.
struct Frames {
    ctx: Context,
    events: Sender<Event>,
    queue: Receiver<Event>,
    asked: bool,
}

impl Frames {
    fn new() -> Self {
        let (events, queue) = mpsc::channel();
        let (ctx, asks) = (Context::default(), events.clone());
        ctx.set_request_repaint_callback(move |asked| {
            // Other delays are those of egui's own animations; there is nothing here to animate.
            if asked.delay.is_zero() {
                let _nobody_left = asks.send(Event::Frame);
            }
        });
        // egui's first frame, which it asks for by itself.
        Self { ctx, events, queue, asked: true }
    }

    fn go_round(&mut self, patience: Duration, frame: &mut dyn FnMut()) -> Option<Event> {
        let patience = if self.asked { Duration::ZERO } else { patience };
        let event = self.queue.recv_timeout(patience).ok();
        self.asked |= matches!(event, Some(Event::Frame));
        if self.asked {
            let mut shown = self.ctx.run_ui(RawInput::default(), |_| frame());
            shown.textures_delta.clear();
            self.asked = shown.viewport_output[&ViewportId::ROOT].repaint_delay.is_zero();
        }
        event
    }
}

loop_suite!(|builder| {
    let mut frames = Frames::new();
    let (own, first, another) = (frames.events.clone(), frames.ctx.clone(), frames.ctx.clone());
    let off = builder.waker(move || first.request_repaint()).build().expect("an offloop");
    LoopRig::new(off, move |round, patience| {
        let event = frames.go_round(patience, &mut || _ = round.deliver());
        if let Some(Event::Own) = event {
            round.own_event();
        }
    })
    .own_events(move || own.send(Event::Own))
    .second(move |builder| {
        builder.waker(move || another.request_repaint()).build().expect("another offloop")
    })
}, without: [a_panicking_handler_leaves_the_rest_ready]);

fn looped() -> Looped<'static> {
    let mut frames = Frames::new();
    while frames.go_round(Duration::ZERO, &mut || ()).is_some() || frames.asked {}
    let ctx = frames.ctx.clone();
    Looped::new(
        move || ctx.request_repaint(),
        move |patience, woken| _ = frames.go_round(patience, woken),
    )
}

#[test]
fn what_goes_wrong_costs_no_outcome() {
    faults::all(looped);
    a_loop_may_go_under_a_call(looped(), || ());
}

#[test]
fn one_context_per_thread_has_its_own() {
    const CALLS: u32 = 100;
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                let mut looped = looped();
                let (off, here) = (looped.offloop(), thread::current().id());
                let mine = thread * CALLS..(thread + 1) * CALLS;
                for value in mine.clone() {
                    off.call(move || value).then(move |seen, outcome| {
                        assert_eq!(thread::current().id(), here);
                        seen.extend(outcome);
                    });
                }
                let mut seen = Values::new();
                looped.run_until_seen(&off, &mut seen, CALLS as usize);
                seen.sort_unstable();
                assert!(seen.into_iter().eq(mine), "its own calls, each once");
            })
        })
        .collect();
    for one in threads {
        one.join().expect("each context has its calls");
    }
}
