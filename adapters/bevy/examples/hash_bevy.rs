//! One program on every loop; here in a headless Bevy app, a tick a frame. It hashes the files of a folder
//! off the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `main`, the systems and `keys`.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bevy_app::{AppExit, ScheduleRunnerPlugin, Startup, Update};
use bevy_ecs::prelude::{FromWorld, MessageWriter, NonSend, NonSendMut, World};
use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_bevy::OffloopPlugin;

const TICK: Duration = Duration::from_millis(50);

struct App {
    off: Offloop<App>,
    options: Options,
    ticks: u64,
    line: String,
    call: Option<Ticket>,
}

impl App {
    fn new(off: Offloop<App>) -> Self {
        Self { off, options: Options::from_args(), ticks: 0, line: String::new(), call: None }
    }

    /// Here the loop would stand still: `self.on_outcome(Ok(hash_folder(&options)))`.
    fn start(&mut self) {
        let options = self.options.clone();
        let call = self.off.call_with(move |cx| hash_folder(cx, &options));
        let call = call.name("hash").on_progress(App::on_progress);
        self.call = Some(call.then(App::on_outcome));
    }

    fn cancel(&mut self) {
        if let Some(call) = &self.call {
            call.cancel();
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
    }

    fn on_progress(&mut self, progress: Progress) {
        self.line = progress.to_string();
    }

    fn on_outcome(&mut self, outcome: Outcome<io::Result<Summary>>) {
        self.call = None;
        self.line = match outcome {
            Ok(Ok(summary)) => summary.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(failure) => failure.to_string(),
        };
        println!("{}", self.line);
    }
}

type Keyboard = mpsc::Receiver<char>;

fn main() -> AppExit {
    let (keyboard, pressed) = mpsc::channel();
    thread::spawn(move || keys(|key| keyboard.send(key).is_ok()));
    bevy_app::App::new()
        .add_plugins((ScheduleRunnerPlugin::run_loop(TICK), OffloopPlugin::<App>::non_send()))
        .init_non_send::<App>()
        .insert_non_send::<Keyboard>(pressed)
        .add_systems(Startup, |mut app: NonSendMut<App>| app.start())
        .add_systems(Update, update)
        .run()
}

impl FromWorld for App {
    fn from_world(world: &mut World) -> Self {
        Self::new(world.non_send::<Offloop<App>>().clone())
    }
}

fn update(mut app: NonSendMut<App>, pressed: NonSend<Keyboard>, mut exit: MessageWriter<AppExit>) {
    for key in pressed.try_iter() {
        if key == 'c' {
            app.cancel();
        }
    }
    app.tick();
    eprint!("\r{} {}  ", app.ticks, app.line);
    if app.call.is_none() {
        exit.write(AppExit::Success);
    }
}

/// Each key that Enter sends, until nobody wants them.
fn keys(mut pressed: impl FnMut(char) -> bool) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if !line.chars().all(&mut pressed) {
            return;
        }
    }
}
