//! A name is looked up from a loop over `polling`'s `Poller`, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::sync::{Arc, mpsc};
use std::thread;

use polling::{Events, Poller};

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
    let (poller, mut events) = (Arc::new(Poller::new()?), Events::new());
    let (sender, asked) = mpsc::channel();
    let notify = Arc::clone(&poller);
    thread::spawn(move || {
        let sent = sender.send("localhost".to_owned()); // stands for a client
        notify.notify().map(|()| sent)
    });
    let waker = offloop_polling::PollingWaker::new(&poller);
    let off = offloop::Offloop::<App>::builder().waker(waker).build()?;
    let mut app = App::default();
    while !app.shown {
        events.clear();
        poller.wait(&mut events, None)?;
        for host in asked.try_iter() {
            let call = off.call(move || look_up(&host));
            call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
        }
        off.deliver(&mut app);
    }
    Ok(())
}
