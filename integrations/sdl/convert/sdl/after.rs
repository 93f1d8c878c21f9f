//! A name is looked up from an SDL 2 loop, and shown.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::ToSocketAddrs;
use std::thread;
use std::time::Duration;

use sdl2::event::Event;
use sdl2::pixels::Color;
use sdl2::render::WindowCanvas;

struct App {
    canvas: WindowCanvas,
    frame: u8,
    ended: bool,
}

impl App {
    fn show(&mut self, answer: String) {
        println!("localhost: {answer}");
        self.ended = self.canvas.window_mut().set_title(&answer).is_ok();
    }

    /// A colour that grows lighter, frame by frame.
    fn draw(&mut self) {
        self.frame = self.frame.wrapping_add(1);
        self.canvas.set_draw_color(Color::RGB(0, self.frame, 128));
        self.canvas.clear();
        self.canvas.present();
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
    let off = offloop::Offloop::<App>::builder().no_waker().build()?;
    let sdl = sdl2::init()?;
    let mut queue = sdl.event_pump()?;
    let window = sdl.video()?.window("A name", 400, 160).build()?;
    let canvas = window.into_canvas().software().build()?;
    let mut app = App { canvas, frame: 0, ended: false };
    while !app.ended {
        for event in queue.poll_iter() {
            app.ended |= matches!(event, Event::Quit { .. });
        }
        app.draw();
        if app.frame == 3 {
            let call = off.call(|| look_up("localhost"));
            call.then(|app, found| app.show(found.unwrap_or_else(|why| why.to_string())));
        }
        off.deliver(&mut app);
        thread::sleep(Duration::from_millis(16));
    }
    Ok(())
}
