//! A name is looked up from an iced loop, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::thread;
use std::time::{Duration, Instant};

use iced::futures::channel::mpsc;
use iced::widget::text;
use iced::{Element, Subscription, Task, window};

#[derive(Debug, Clone)]
enum Message {
    Opened,
    Tick,
}

struct App {
    began: Instant,
    line: String,
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.line = answer;
        self.shown = true;
    }

    fn update(&mut self, message: Message) -> Task<Message> {
        if let Message::Opened = message {
            let answer = look_up("localhost");
            self.show(answer);
        }
        if self.shown { iced::exit() } else { Task::none() }
    }

    fn view(&self) -> Element<'_, Message> {
        text!("{} s: {}", self.began.elapsed().as_secs(), self.line).into()
    }

    fn subscription(&self) -> Subscription<Message> {
        window::open_events().map(|_| Message::Opened)
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

fn boot() -> (App, Task<Message>) {
    let (messages, stream) = mpsc::unbounded();
    let wake = move || messages.unbounded_send(Message::Tick);
    let app = App {
        began: Instant::now(),
        // Until the answer is there.
        line: "localhost is looked up".to_owned(),
        shown: false,
    };
    thread::spawn(move || {
        while wake().is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
    });
    (app, Task::stream(stream))
}

fn main() -> iced::Result {
    iced::application(boot, App::update, App::view).subscription(App::subscription).run()
}
