//! One program on every loop; here on futures that smol polls. It hashes the files of a folder off
//! the loop, while a counter ticks; `c` and Enter cancel it.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Event`, `main` and `keys`.

use std::io;
use std::thread;
use std::time::Duration;

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_smol::SmolWaker;
use smol::future::{self, FutureExt};
use smol::stream::StreamExt;
use smol::{Timer, channel};

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

enum Event {
    Key(char),
    Tick,
    Wake,
}

fn main() -> Result<(), offloop::Error> {
    smol::block_on(async {
        let waker = SmolWaker::new();
        let (keyboard, pressed) = channel::unbounded();
        thread::spawn(move || keys(|key| keyboard.try_send(key).is_ok()));
        let off = Offloop::builder().waker(waker.clone()).build()?;
        let mut app = App::new(off);
        app.start();
        let mut ticks = Timer::interval(TICK);
        while app.call.is_some() {
            let wake = async {
                waker.woken().await;
                Event::Wake
            };
            let key = async {
                match pressed.recv().await {
                    Ok(key) => Event::Key(key),
                    // Nobody types any more.
                    Err(channel::RecvError) => future::pending().await,
                }
            };
            let tick = async {
                ticks.next().await;
                Event::Tick
            };
            match wake.or(key).or(tick).await {
                Event::Wake => {
                    app.off.clone().deliver(&mut app);
                }
                Event::Key('c') => app.cancel(),
                Event::Key(_) => {}
                Event::Tick => {
                    app.tick();
                    eprint!("\r{} {}  ", app.ticks, app.line);
                }
            }
        }
        Ok(())
    })
}

/// Each key that Enter sends, until nobody wants them.
fn keys(mut pressed: impl FnMut(char) -> bool) {
    for line in io::stdin().lines().map_while(Result::ok) {
        if !line.chars().all(&mut pressed) {
            return;
        }
    }
}
