//! One program on every loop; here on calloop. It hashes the files of a folder off
//! the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `main`, `insert_sources` and `keys`.

use std::io;
use std::thread;
use std::time::Duration;

use calloop::channel::{self, Event};
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, LoopHandle};
use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_calloop::OffloopSource;

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

fn main() -> calloop::Result<()> {
    let mut event_loop = EventLoop::<App>::try_new()?;
    let (off, outcomes) = offloop_calloop::source(Offloop::builder())?;
    insert_sources(&event_loop.handle(), outcomes)?;
    let mut app = App::new(off);
    app.start();
    let signal = event_loop.get_signal();
    event_loop.run(None, &mut app, |app| {
        if app.call.is_none() {
            signal.stop();
        }
    })
}

/// All that the loop hears of: outcomes, keys and ticks.
fn insert_sources(
    handle: &LoopHandle<'_, App>,
    outcomes: OffloopSource<App>,
) -> calloop::Result<()> {
    handle.insert_source(outcomes, |(), off, app| {
        off.deliver(app);
    })?;
    let (keyboard, pressed) = channel::channel();
    thread::spawn(move || keys(|key| keyboard.send(key).is_ok()));
    handle.insert_source(pressed, |event, (), app| {
        if let Event::Msg('c') = event {
            app.cancel();
        }
    })?;
    handle.insert_source(Timer::from_duration(TICK), |_, (), app| {
        app.tick();
        eprint!("\r{} {}  ", app.ticks, app.line);
        TimeoutAction::ToDuration(TICK)
    })?;
    Ok(())
}

/// Each key that Enter sends, until nobody wants them.
fn keys(mut pressed: impl FnMut(char) -> bool) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if !line.chars().all(&mut pressed) {
            return;
        }
    }
}
