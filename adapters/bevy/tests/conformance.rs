//! The loop suite of the testkit, over headless apps. Invariant: a round is a frame, and the loop is asked for
//! a turn in `DeliverOutcomes`, where the plugin delivers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use bevy_app::{App, PreUpdate, Update};
use bevy_ecs::prelude::{IntoScheduleConfigs, ResMut, Resource};
use offloop_bevy::{DeliverOutcomes, OffloopPlugin};
use offloop_testkit::{LoopRig, Round, loop_suite};

/// What the systems of a frame have seen.
#[derive(Resource, Default)]
struct Frame {
    asked: bool,
    own: usize,
}

/// An app with the plugin, and systems at the places of its own; `own` are the events of the app's.
fn app(own: Arc<AtomicUsize>) -> App {
    let mut app = App::new();
    app.add_plugins(OffloopPlugin::world()).init_resource::<Frame>();
    let asked = |mut frame: ResMut<Frame>| frame.asked = true;
    app.add_systems(PreUpdate, asked.in_set(DeliverOutcomes));
    let take = move |mut frame: ResMut<Frame>| frame.own += own.swap(0, Ordering::SeqCst);
    app.add_systems(Update, take);
    app.finish();
    app.cleanup();
    app
}

fn draw(app: &mut App, round: &mut Round<'_>) {
    app.update();
    let frame = std::mem::take(&mut *app.world_mut().resource_mut::<Frame>());
    assert!(frame.asked, "the set ran");
    round.deliver();
    for _ in 0..frame.own {
        round.own_event();
    }
}

// Frame after frame, as a game draws.
loop_suite!(name: frame_after_frame, |builder| {
    let own = Arc::new(AtomicUsize::new(0));
    let mut app = app(own.clone());
    let off = builder.no_waker().build().expect("an offloop");
    LoopRig::new(off, move |round, _| {
        thread::sleep(Duration::from_millis(1));
        draw(&mut app, round);
    })
    .own_events(move || own.fetch_add(1, Ordering::SeqCst))
    .second(|builder| builder.no_waker().build().expect("an offloop"))
});

// A frame per event, as a tool with windows draws.
loop_suite!(name: a_frame_per_event, |builder| {
    let own = Arc::new(AtomicUsize::new(0));
    let mut app = app(own.clone());
    let (events, queue) = mpsc::channel();
    let (waker, another) = (events.clone(), events.clone());
    let off = builder.waker(move || waker.send(())).build().expect("an offloop");
    LoopRig::new(off, move |round, patience| {
        if queue.recv_timeout(patience).is_ok() {
            draw(&mut app, round);
        }
    })
    .own_events(move || {
        own.fetch_add(1, Ordering::SeqCst);
        events.send(())
    })
    .second(move |builder| builder.waker(move || another.send(())).build().expect("an offloop"))
});
