//! One program on every loop; here on a `select!` of tokio's. It hashes the files of a folder off
//! the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `main` and `keys`.

use std::io;
use std::thread;
use std::time::Duration;

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_tokio::TokioWaker;
use tokio::sync::mpsc;
use tokio::{select, time};

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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), offloop::Error> {
    let waker = TokioWaker::new();
    let (keyboard, mut pressed) = mpsc::unbounded_channel();
    thread::spawn(move || keys(|key| keyboard.send(key).is_ok()));
    let off = Offloop::builder().waker(waker.clone()).build()?;
    let mut app = App::new(off);
    app.start();
    let mut ticks = time::interval(TICK);
    while app.call.is_some() {
        select! {
            () = waker.woken() => {
                app.off.clone().deliver(&mut app);
            }
            Some(key) = pressed.recv() => {
                if key == 'c' {
                    app.cancel();
                }
            }
            _ = ticks.tick() => {
                app.tick();
                eprint!("\r{} {}  ", app.ticks, app.line);
            }
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
