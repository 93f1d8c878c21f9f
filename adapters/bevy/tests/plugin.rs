//! What the plugin does in an app, and what goes wrong around one. Invariant: the app is headless and
//! updated by hand, so a test sees every frame.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use bevy_app::{App, AppExit, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::{Component, NonSend, Query, Res, ResMut, Resource, World};
use offloop::{Failure, Offloop, Threads, Turn};
use offloop_bevy::{OffloopHandle, OffloopPlugin};

/// Beyond this a test counts as hanging.
const HANG: Duration = Duration::from_secs(60);

#[derive(Component)]
struct Chunk(u32);

fn app() -> (App, Offloop<World>) {
    app_with(OffloopPlugin::world())
}

fn app_with(plugin: OffloopPlugin) -> (App, Offloop<World>) {
    let mut app = App::new();
    app.add_plugins(plugin);
    let off = app.world().non_send::<Offloop<World>>().clone();
    (app, off)
}

fn chunks(app: &mut App) -> Vec<u32> {
    let world = app.world_mut();
    let mut all: Vec<_> = world.query::<&Chunk>().iter(world).map(|chunk| chunk.0).collect();
    all.sort_unstable();
    all
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < HANG, "not so: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn spawn_chunk(world: &mut World, outcome: Result<u32, Failure>) {
    world.spawn(Chunk(outcome.expect("it does not fail")));
}

#[test]
fn systems_of_the_same_frame_find_what_a_handler_made() {
    #[derive(Resource, Default)]
    struct Seen(Vec<u32>);
    let (mut app, off) = app();
    app.init_resource::<Seen>();
    app.add_systems(Update, |chunks: Query<&Chunk>, mut seen: ResMut<Seen>| {
        seen.0 = chunks.iter().map(|chunk| chunk.0).collect();
    });
    off.call(|| 7).then(spawn_chunk);
    wait_until("its handler runs", || {
        app.update();
        let made = chunks(&mut app);
        assert_eq!(app.world().resource::<Seen>().0, made);
        made == [7]
    });
}

/// Their handlers hold what can't leave the main thread, or are `Send` and come from any.
#[test]
fn systems_submit_on_the_main_thread_and_in_parallel() {
    #[derive(Resource, Default)]
    struct Handled(Vec<ThreadId>);
    let (mut app, off) = app();
    app.init_resource::<Handled>();
    app.add_systems(Startup, |off: NonSend<Offloop<World>>| {
        let local = Rc::new(Cell::new(0));
        off.call(|| 1).then(move |world: &mut World, outcome| {
            local.set(local.get() + 1);
            spawn_chunk(world, outcome);
            world.resource_mut::<Handled>().0.push(thread::current().id());
        });
    });
    for value in 2..=5 {
        app.add_systems(Startup, move |handle: Res<OffloopHandle>| {
            handle.0.call(move || value).then(|world: &mut World, outcome| {
                spawn_chunk(world, outcome);
                world.resource_mut::<Handled>().0.push(thread::current().id());
            });
        });
    }
    wait_until("all five come", || {
        app.update();
        off.stats().delivered == 5
    });
    assert_eq!(chunks(&mut app), [1, 2, 3, 4, 5]);
    assert_eq!(app.world().resource::<Handled>().0, [thread::current().id(); 5]);
}

#[test]
fn a_frame_is_one_turn() {
    let turn = Turn { max_calls: 10, max_time: HANG };
    let plugin = OffloopPlugin::world();
    let plugin = plugin.with(move |builder| builder.turn(turn).threads(Threads::new().max(1)));
    let (mut app, off) = app_with(plugin);
    for value in 0..25 {
        off.call(move || value).then(spawn_chunk);
    }
    // The one worker begins another call when the outcomes of these are ready, and stays in it.
    let (begin, begun) = mpsc::channel();
    let (_go, gate) = mpsc::channel::<()>();
    let stays = move || {
        begin.send(()).expect("the test waits");
        gate.recv().is_ok()
    };
    off.call(stays).detach();
    begun.recv_timeout(HANG).expect("the worker goes on");
    let frames = [10, 20, 25, 25].map(|_| {
        app.update();
        chunks(&mut app).len()
    });
    assert_eq!(frames, [10, 20, 25, 25]);
}

#[test]
fn the_runner_of_an_app_delivers_until_a_handler_ends_it() {
    let mut app = App::new();
    app.add_plugins((ScheduleRunnerPlugin::default(), OffloopPlugin::world()));
    app.add_systems(Startup, |off: NonSend<Offloop<World>>| {
        off.call(|| 3).then(|world: &mut World, outcome| {
            let code = outcome.expect("it does not fail");
            world.write_message(AppExit::from_code(code));
        });
    });
    assert_eq!(app.run(), AppExit::from_code(3));
}

#[test]
fn handlers_of_non_send_data_wait_for_it() {
    struct State(Rc<RefCell<Vec<u32>>>);
    let mut app = App::new();
    app.add_plugins(OffloopPlugin::<State>::non_send());
    let off = app.world().non_send::<Offloop<State>>().clone();
    let ticket = off.call(|| 7).then(|state, outcome| state.0.borrow_mut().extend(outcome));
    wait_until("the call completes", || ticket.is_done());
    app.update();
    assert_eq!(off.pending(), 1, "there is nothing to change yet");
    let values = Rc::new(RefCell::new(Vec::new()));
    app.insert_non_send(State(values.clone()));
    wait_until("its handler runs", || {
        app.update();
        *values.borrow() == [7]
    });
}

#[test]
fn a_function_that_panics_is_an_outcome() {
    let (mut app, off) = app();
    off.call(|| panic!("a function's")).then(|world: &mut World, outcome: Result<(), Failure>| {
        assert!(matches!(outcome, Err(Failure::Panicked(_))), "{outcome:?}");
        world.spawn(Chunk(1));
    });
    wait_until("it comes", || {
        app.update();
        chunks(&mut app) == [1]
    });
}

#[test]
fn an_app_that_is_dropped_waits_for_no_function() {
    let (go, gate) = mpsc::channel::<()>();
    let (mut app, off) = app();
    let told = Rc::new(Cell::new(0));
    let held = told.clone();
    let ticket = off.call(move || gate.recv()).then(move |_: &mut World, _| held.set(1));
    app.update();
    drop(off);
    drop(app);
    assert!(ticket.is_done());
    assert_eq!((told.get(), Rc::strong_count(&told)), (0, 1), "the handler is dropped unrun");
    drop(go);
}

/// An app that is never updated: outcomes wait, and their handlers go with it.
#[test]
fn an_app_without_frames_drops_its_handlers_and_says_so() {
    let told = Arc::new(AtomicUsize::new(0));
    let hook = told.clone();
    let plugin = OffloopPlugin::world().with(move |builder| {
        let hook = hook.clone();
        builder.on_unobserved(move |what| {
            hook.fetch_add(usize::from(what.handler_dropped), Ordering::SeqCst);
        })
    });
    let (app, off) = app_with(plugin);
    let ticket = off.call(|| 1).then(spawn_chunk);
    wait_until("the call completes", || ticket.is_done());
    assert_eq!(off.pending(), 1);
    drop((app, off));
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[test]
fn a_waker_that_panics_costs_no_outcome() {
    let plugin = OffloopPlugin::world().with(|builder| builder.waker(|| panic!("a waker's")));
    let (mut app, off) = app_with(plugin);
    off.call(|| 1).then(spawn_chunk);
    off.call(|| 2).then(spawn_chunk);
    wait_until("both come", || {
        app.update();
        chunks(&mut app) == [1, 2]
    });
    wait_until("its panic is counted", || off.stats().waker_panics > 0);
}

#[test]
fn an_app_per_thread_has_its_own() {
    let apps: Vec<_> = (0..3)
        .map(|base| {
            thread::spawn(move || {
                let (mut app, off) = app();
                for value in 0..50 {
                    off.call(move || base * 50 + value).then(spawn_chunk);
                }
                wait_until("its calls come", || {
                    app.update();
                    off.pending() == 0
                });
                assert!(chunks(&mut app).into_iter().eq(base * 50..base * 50 + 50));
            })
        })
        .collect();
    for one in apps {
        one.join().expect("each app has its calls");
    }
}

#[test]
fn two_offloops_in_one_app_keep_apart() {
    #[derive(Default)]
    struct State(Vec<u32>);
    let (mut app, off) = app();
    app.add_plugins(OffloopPlugin::<State>::non_send()).insert_non_send(State::default());
    let other = app.world().non_send::<Offloop<State>>().clone();
    off.call(|| 1).then(spawn_chunk);
    other.call(|| 2).then(|state, outcome| state.0.extend(outcome));
    wait_until("both come", || {
        app.update();
        off.pending() + other.pending() == 0
    });
    assert_eq!(chunks(&mut app), [1]);
    assert_eq!(app.world().non_send::<State>().0, [2]);
}

#[test]
fn what_can_not_be_built_is_said() {
    let plugin = OffloopPlugin::world().with(|builder| builder.threads(Threads::new().max(0)));
    let refused = catch_unwind(AssertUnwindSafe(|| app_with(plugin)));
    let Err(payload) = refused else { panic!("it can't be built") };
    let said = payload.downcast::<String>().expect("a sentence");
    assert!(said.contains("OffloopPlugin") && said.contains("Threads::max"), "{said}");
}
