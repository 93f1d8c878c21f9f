//! A name is looked up from a Bevy app, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::time::Duration;

use bevy_app::{AppExit, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::*;

const FRAME: Duration = Duration::from_millis(16);

#[derive(Resource, Default)]
struct App {
    frames: u64,
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.shown = true;
    }
}

fn start(off: NonSend<offloop::Offloop<World>>) {
    let call = off.call(|| look_up("localhost"));
    let show = |world: &mut World, answer| world.resource_mut::<App>().show(answer);
    call.then(move |world, found| show(world, found.unwrap_or_else(|why| why.to_string())));
}

fn frame(mut app: ResMut<App>, mut exit: MessageWriter<AppExit>) {
    app.frames += 1;
    eprint!("\r{} frames", app.frames);
    if app.shown {
        exit.write(AppExit::Success);
    }
}

/// Asks the system, which may ask a server: this takes as long as it takes.
fn look_up(host: &str) -> String {
    match (host, 0).to_socket_addrs() {
        Ok(found) => {
            let found: BTreeSet<String> = found.map(|addr| addr.ip().to_string()).collect();
            found.into_iter().collect::<Vec<_>>().join(", ")
        }
        Err(error) => error.to_string(),
    }
}

fn main() -> AppExit {
    bevy_app::App::new()
        .add_plugins(ScheduleRunnerPlugin::run_loop(FRAME))
        .add_plugins(offloop_bevy::OffloopPlugin::world())
        .init_resource::<App>()
        .add_systems(Startup, start)
        .add_systems(Update, frame)
        .run()
}
