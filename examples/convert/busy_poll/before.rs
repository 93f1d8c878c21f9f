//! A name is looked up from a loop that goes round without waiting, as games do, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::thread;
use std::time::Duration;

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
    let mut app = App::default();
    let mut frame = 0;
    while !app.shown {
        frame += 1;
        if frame == 3 {
            let answer = look_up("localhost");
            app.show(answer);
        }
        // Input, physics and drawing; then the screen is waited for.
        thread::sleep(Duration::from_millis(16));
    }
    Ok(())
}
