//! A name is looked up from a loop over a `std::sync::mpsc` queue, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::sync::mpsc;

enum Event {
    LookUp(String),
}

#[derive(Default)]
struct App {
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.shown = true;
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

fn main() -> Result<(), Box<dyn Error>> {
    let (events, queue) = mpsc::channel();
    events.send(Event::LookUp("localhost".to_owned()))?;
    let mut app = App::default();
    while !app.shown {
        match queue.recv()? {
            Event::LookUp(host) => {
                let answer = look_up(&host);
                app.show(answer);
            }
        }
    }
    Ok(())
}
