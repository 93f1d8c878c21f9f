//! A name is looked up from a ratatui loop, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event;

#[derive(Default)]
struct App {
    line: String,
    shown: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        self.line = format!("localhost: {answer}");
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

fn run(app: &mut App, terminal: &mut DefaultTerminal) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    while !app.shown {
        let text = format!("{} s {}", began.elapsed().as_secs(), app.line);
        let drawn = terminal.draw(|frame| frame.render_widget(text, frame.area()))?;
        if drawn.count == 0 {
            let answer = look_up("localhost");
            app.show(answer);
        }
        if event::poll(Duration::from_millis(50))? && event::read()?.is_key_press() {
            break;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut app = App::default();
    ratatui::run(|terminal| run(&mut app, terminal))?;
    // The frame is gone; this stays.
    println!("{}", app.line);
    Ok(())
}
