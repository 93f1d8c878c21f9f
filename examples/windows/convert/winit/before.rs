//! A name is looked up from a winit loop, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::thread;
use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::window::{Window, WindowId};

struct App {
    window: Option<Window>,
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
}

impl ApplicationHandler for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let wanted = Window::default_attributes().with_title(&self.line);
        self.window = Some(event_loop.create_window(wanted).expect("a window can be had"));
        let answer = look_up("localhost");
        self.show(answer);
    }

    fn user_event(&mut self, _: &ActiveEventLoop, (): ()) {
        if let Some(window) = &self.window {
            window.set_title(&format!("{} s: {}", self.began.elapsed().as_secs(), self.line));
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        if event == WindowEvent::CloseRequested {
            event_loop.exit();
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        if self.shown {
            event_loop.exit();
        }
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let event_loop = EventLoop::new()?;
    let proxy = event_loop.create_proxy();
    let wake = move || proxy.send_event(());
    let mut app = App {
        window: None,
        began: Instant::now(),
        line: "localhost is looked up".to_owned(),
        shown: false,
    };
    thread::spawn(move || {
        while wake().is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
    });
    Ok(event_loop.run_app(&mut app)?)
}
