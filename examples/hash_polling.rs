//! One program on every loop; here on polling's `Poller`. It hashes the files of a folder off
//! the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `main` and `keys`.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{LoopWaker, Offloop, Outcome, Ticket};
use offloop_polling::PollingWaker;
use polling::{Events, Poller};

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (poller, mut events) = (Arc::new(Poller::new()?), Events::new());
    let waker = PollingWaker::new(&poller);
    let (sender, pressed) = mpsc::channel();
    let keyboard = waker.clone();
    thread::spawn(move || {
        keys(|key| {
            let wanted = sender.send(key).is_ok();
            keyboard.wake();
            wanted
        });
    });
    let off = Offloop::builder().waker(waker).build()?;
    let mut app = App::new(off);
    app.start();
    let mut next = Instant::now() + TICK;
    while app.call.is_some() {
        events.clear();
        poller.wait(&mut events, Some(next.saturating_duration_since(Instant::now())))?;
        app.off.clone().deliver(&mut app);
        for key in pressed.try_iter() {
            if key == 'c' {
                app.cancel();
            }
        }
        if Instant::now() >= next {
            app.tick();
            next += TICK;
            eprint!("\r{} {}  ", app.ticks, app.line);
        }
    }
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
