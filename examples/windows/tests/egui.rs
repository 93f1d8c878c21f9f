//! The loop suite of the testkit on egui, without a window: an integration of a few lines takes eframe's
//! place, and paints nothing.
//!
//! Invariant: a frame is run only when egui has asked for one, so a wake that asks for none is seen.
//! egui begins no frame after one that a panic has left, so that promise is left out.

use std::sync::mpsc;
use std::time::Duration;

use eframe::egui::{Context, RawInput, ViewportId};
use offloop_testkit::{LoopRig, loop_suite};

enum Event {
    Frame,
    Own,
}

loop_suite!(|builder| {
    let (events, queue) = mpsc::channel();
    let (ctx, own) = (Context::default(), events.clone());
    ctx.set_request_repaint_callback(move |asked| {
        // Other delays are those of egui's own animations; there is nothing here to animate.
        if asked.delay.is_zero() {
            let _nobody_left = events.send(Event::Frame);
        }
    });
    let (first, another) = (ctx.clone(), ctx.clone());
    let off = builder.waker(move || first.request_repaint()).build().expect("an offloop");
    // egui's first frame, which it asks for by itself.
    let mut asked = true;
    LoopRig::new(off, move |round, patience| {
        let patience = if asked { Duration::ZERO } else { patience };
        match queue.recv_timeout(patience) {
            Ok(Event::Own) => round.own_event(),
            Ok(Event::Frame) => asked = true,
            Err(_) => {}
        }
        if asked {
            let mut shown = ctx.run_ui(RawInput::default(), |_| {
                round.deliver();
            });
            shown.textures_delta.clear();
            asked = shown.viewport_output[&ViewportId::ROOT].repaint_delay.is_zero();
        }
    })
    .own_events(move || own.send(Event::Own))
    .second(move |builder| {
        builder.waker(move || another.request_repaint()).build().expect("another offloop")
    })
}, without: [a_panicking_handler_leaves_the_rest_ready]);
