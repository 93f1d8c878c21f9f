//! A name is looked up from a calloop loop, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::time::Duration;

use calloop::EventLoop;
use calloop::timer::{TimeoutAction, Timer};

const TICK: Duration = Duration::from_millis(10);

#[derive(Default)]
struct App {
    ticks: u64,
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
    let mut event_loop = EventLoop::<App>::try_new()?;
    let handle = event_loop.handle();
    let (off, outcomes) = offloop_calloop::source(offloop::Offloop::builder())?;
    handle.insert_source(outcomes, |(), off, app: &mut App| _ = off.deliver(app))?;
    handle.insert_source(Timer::from_duration(TICK), move |_, (), app| {
        app.ticks += 1;
        if app.ticks == 3 {
            let call = off.call(|| look_up("localhost"));
            call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
        }
        TimeoutAction::ToDuration(TICK)
    })?;
    let mut app = App::default();
    while !app.shown {
        event_loop.dispatch(None, &mut app)?;
    }
    Ok(())
}
