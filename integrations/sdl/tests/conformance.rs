//! The suite that every loop passes, on SDL's event queue without a display.
//!
//! Invariant: SDL belongs to one thread, so the promises are checked there, one after the other, each
//! with an SDL of its own.

use std::time::Duration;

use offloop_testkit::{LoopRig, LoopSuite, loops};

struct Wake;
struct Own;

fn main() {
    let suite = LoopSuite::new(|builder| {
        let sdl = sdl2::init().expect("SDL");
        let events = sdl.event().expect("its events");
        // Kinds of events are the process's: the second SDL has them already.
        let _known = events.register_custom_event::<Wake>();
        let _known = events.register_custom_event::<Own>();
        let (own, wake, another) =
            (events.event_sender(), events.event_sender(), events.event_sender());
        let off = builder.waker(move || wake.push_custom_event(Wake)).build();
        let mut queue = sdl.event_pump().expect("its queue");
        LoopRig::new(off.expect("an offloop"), move |round, patience: Duration| {
            let _kept = &events;
            let patience = u32::try_from(patience.as_millis()).expect("a short time");
            if let Some(event) = queue.wait_event_timeout(patience) {
                if event.as_user_event_type::<Wake>().is_some() {
                    round.deliver();
                } else if event.as_user_event_type::<Own>().is_some() {
                    round.own_event();
                }
            }
        })
        .own_events(move || own.push_custom_event(Own))
        .second(move |builder| {
            let waker = move || another.push_custom_event(Wake);
            builder.waker(waker).build().expect("an offloop")
        })
    });
    loops::check_all(&suite, &[]);
}
