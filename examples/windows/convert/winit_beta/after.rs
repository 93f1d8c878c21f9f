//! A name is looked up from a loop of winit's beta, and shown.

use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::thread;
use std::time::{Duration, Instant};

use winit_beta::application::ApplicationHandler;
use winit_beta::event::WindowEvent;
use winit_beta::event_loop::{ActiveEventLoop, EventLoop};
use winit_beta::window::{Window, WindowAttributes, WindowId};

struct App {
    off: offloop::Offloop<App>,
    window: Option<Box<dyn Window>>,
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
    fn can_create_surfaces(&mut self, event_loop: &dyn ActiveEventLoop) {
        let wanted = WindowAttributes::default().with_title(&self.line);
        self.window = Some(event_loop.create_window(wanted).expect("a window can be had"));
        let call = self.off.call(|| look_up("localhost"));
        call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
    }

    fn proxy_wake_up(&mut self, event_loop: &dyn ActiveEventLoop) {
        self.off.clone().deliver(self);
        if let Some(window) = &self.window {
            window.set_title(&format!("{} s: {}", self.began.elapsed().as_secs(), self.line));
        }
        if self.shown {
            event_loop.exit();
        }
    }

    fn window_event(&mut self, event_loop: &dyn ActiveEventLoop, _: WindowId, event: WindowEvent) {
        if event == WindowEvent::CloseRequested {
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
    let wake = move || proxy.wake_up();
    let app = App {
        off: offloop::Offloop::builder().waker(wake.clone()).build()?,
        window: None,
        began: Instant::now(),
        line: "localhost is looked up".to_owned(),
        shown: false,
    };
    thread::spawn(move || {
        loop {
            wake();
            thread::sleep(Duration::from_secs(1));
        }
    });
    Ok(event_loop.run_app(app)?)
}
