//! One program on every loop; here on iced. It hashes the files of a folder off the loop, while a
//! counter ticks; `c`, and a click on Cancel, cancel it. Escape closes the window.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Message`, `Main`, `boot` and what follows it.

use std::io;
use std::time::Duration;

use hash_folder::{Options, Progress, Summary, hash_folder};
use iced::futures::channel::mpsc;
use iced::keyboard::key::Named;
use iced::keyboard::{self, Key};
use iced::widget::{button, column, container, text};
use iced::{Color, Element, Fill, Subscription, Task};
use offloop::{Offloop, Outcome, Ticket};
use offloop_windows::{CANCEL, DONE, RUNNING, Rgb, SIZE, TEXT, TITLE};

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

#[derive(Debug, Clone)]
enum Message {
    Wake,
    Tick,
    Cancel,
    Close,
}

struct Main {
    app: App,
    closing: bool,
}

/// A wake is an item of a stream that iced turns into a message. The channel has no bound, so no wake
/// is refused.
fn boot() -> (Main, Task<Message>) {
    let (wake, wakes) = mpsc::unbounded();
    let off = Offloop::builder().waker(move || wake.unbounded_send(())).build();
    let mut app = App::new(off.expect("the system has a thread to give"));
    app.start();
    (Main { app, closing: false }, Task::run(wakes, |()| Message::Wake))
}

/// iced owns the state, and lends it here and nowhere else: here `deliver` has it.
fn update(main: &mut Main, message: Message) -> Task<Message> {
    match message {
        Message::Wake => {
            main.app.off.clone().deliver(&mut main.app);
        }
        Message::Tick => main.app.tick(),
        Message::Cancel => main.app.cancel(),
        Message::Close => {
            main.app.cancel();
            main.closing = true;
        }
    }
    // A handler returns no `Task`: it leaves what it wants in `App`, and here is looked for it.
    if main.closing && main.app.call.is_none() { iced::exit() } else { Task::none() }
}

fn view(main: &Main) -> Element<'_, Message> {
    let paper = colour(if main.app.call.is_none() { DONE } else { RUNNING });
    let cancel = button("Cancel").padding([8, 35]).on_press(Message::Cancel);
    let cancel = cancel.style(|_, _| button::Style {
        background: Some(colour(CANCEL).into()),
        text_color: colour(TEXT),
        ..Default::default()
    });
    let ticks = text!("{} ticks", main.app.ticks).color(colour(TEXT));
    let line = text(&main.app.line).color(colour(TEXT));
    let all = container(column![ticks, line, cancel].spacing(15)).padding(20);
    all.width(Fill).height(Fill).style(move |_| container::background(paper)).into()
}

fn subscription(_: &Main) -> Subscription<Message> {
    let keys = keyboard::listen().filter_map(|event| match event {
        keyboard::Event::KeyPressed { key, repeat: false, .. } => match key.as_ref() {
            Key::Named(Named::Escape) => Some(Message::Close),
            Key::Character("c") => Some(Message::Cancel),
            _ => None,
        },
        _ => None,
    });
    let ticks = iced::time::every(TICK).map(|_| Message::Tick);
    let close = iced::window::close_requests().map(|_| Message::Close);
    Subscription::batch([keys, ticks, close])
}

fn colour([r, g, b]: Rgb) -> Color {
    Color::from_rgb8(r, g, b)
}

fn main() -> iced::Result {
    iced::application(boot, update, view)
        .subscription(subscription)
        .title(TITLE)
        .default_font(iced::Font::with_name("Fira Sans"))
        .window_size([SIZE.0 as f32, SIZE.1 as f32])
        .exit_on_close_request(false)
        .run()
}
