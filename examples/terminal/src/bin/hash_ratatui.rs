//! One program on every loop; here in a terminal, with ratatui and crossterm. It hashes the files of a
//! folder off the loop, while a counter ticks; `c` cancels it, `q` or Escape quits.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Event`, `main`, `run`, `draw` and `keys`.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use ratatui::crossterm::event::{self, KeyCode};
use ratatui::widgets::{Block, Paragraph};
use ratatui::{DefaultTerminal, Frame};

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
    Key(KeyCode),
    /// Another size, say: all that needs is a frame.
    Other,
    Wake,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (events, queue) = mpsc::channel();
    let keyboard = events.clone();
    let off = Offloop::builder().waker(move || events.send(Event::Wake)).build()?;
    let mut app = App::new(off);
    ratatui::run(|terminal| {
        thread::spawn(move || keys(|event| keyboard.send(event).is_ok()));
        app.start();
        run(&mut app, &queue, terminal)
    })?;
    // The frame is gone; this stays.
    println!("{} ticks: {}", app.ticks, app.line);
    Ok(())
}

fn run(app: &mut App, queue: &Receiver<Event>, terminal: &mut DefaultTerminal) -> io::Result<()> {
    let mut next = Instant::now() + TICK;
    loop {
        terminal.draw(|frame| draw(app, frame))?;
        match queue.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok(Event::Wake) => {
                let running = app.call.is_some();
                app.off.clone().deliver(app);
                if running && app.call.is_none() {
                    // What `App` prints went through the frame: all is drawn anew. `clear` would ask the
                    // terminal where its cursor is, and `keys` would get the answer.
                    let area = terminal.get_frame().area();
                    terminal.resize(area)?;
                }
            }
            Ok(Event::Key(KeyCode::Char('c'))) => app.cancel(),
            Ok(Event::Key(KeyCode::Char('q') | KeyCode::Esc)) => return Ok(()),
            Ok(Event::Key(_) | Event::Other) => {}
            Err(RecvTimeoutError::Timeout) => {
                app.tick();
                next += TICK;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

fn draw(app: &App, frame: &mut Frame<'_>) {
    let text = format!("{} ticks\n\n{}", app.ticks, app.line);
    let block = Block::bordered().title(" hash ").title_bottom(" c: cancel  q: quit ");
    frame.render_widget(Paragraph::new(text).block(block), frame.area());
}

/// What the terminal sends, until nobody wants it or it is gone.
fn keys(mut happened: impl FnMut(Event) -> bool) {
    while let Ok(event) = event::read() {
        let key = event.as_key_press_event().map(|key| Event::Key(key.code));
        if !happened(key.unwrap_or(Event::Other)) {
            return;
        }
    }
}
