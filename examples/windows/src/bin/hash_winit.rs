//! One program on every loop; here on winit 0.30. It hashes the files of a folder off the loop, while
//! a counter ticks; `c`, and a click on Cancel, cancel it. Escape closes the window.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Wake`, `Main` and `main`. What the window shows is drawn by `offloop_windows::Canvas`.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_windows::{Canvas, SIZE, TITLE, is_on_cancel};
use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, KeyEvent, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, OwnedDisplayHandle};
use winit::keyboard::{Key, NamedKey};
use winit::window::{Window, WindowId};

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

/// The one event that is not the window's.
struct Wake;

type Shown = (Arc<Window>, Canvas<OwnedDisplayHandle, Arc<Window>>);

struct Main {
    app: App,
    next: Instant,
    closing: bool,
    woken: bool,
    pointer: (f64, f64),
    shown: Option<Shown>,
}

impl Main {
    /// The window goes when the outcome is there; a cancel brings it at once.
    fn close(&mut self, event_loop: &ActiveEventLoop) {
        self.app.cancel();
        self.closing = true;
        self.after_handlers(event_loop);
    }

    /// The event loop is no part of `App`, so a handler can't touch it: it leaves what it wants in
    /// `App`, and whoever has the event loop looks there after `deliver`.
    fn after_handlers(&mut self, event_loop: &ActiveEventLoop) {
        if self.closing && self.app.call.is_none() {
            event_loop.exit();
        }
        self.redraw();
    }

    fn redraw(&self) {
        if let Some((window, _)) = &self.shown {
            window.request_redraw();
        }
    }
}

impl ApplicationHandler<Wake> for Main {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        let wanted = Window::default_attributes()
            .with_title(TITLE)
            .with_inner_size(PhysicalSize::new(SIZE.0, SIZE.1))
            .with_resizable(false);
        let window = Arc::new(event_loop.create_window(wanted).expect("a window can be had"));
        let canvas = Canvas::new(event_loop.owned_display_handle(), window.clone());
        self.shown = Some((window, canvas));
    }

    /// Here it is only noted. A turn that leaves something over sends the next `Wake`, and winit hands
    /// over all of these before it looks at the window again.
    fn user_event(&mut self, _: &ActiveEventLoop, Wake: Wake) {
        self.woken = true;
    }

    fn new_events(&mut self, _: &ActiveEventLoop, _: StartCause) {
        while self.next <= Instant::now() {
            self.app.tick();
            self.next += TICK;
            self.redraw();
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        if mem::take(&mut self.woken) {
            self.app.off.clone().deliver(&mut self.app);
            self.after_handlers(event_loop);
        }
        event_loop.set_control_flow(ControlFlow::WaitUntil(self.next));
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => self.close(event_loop),
            WindowEvent::KeyboardInput { event: key, .. } if is_down(&key) => {
                match key.logical_key {
                    Key::Named(NamedKey::Escape) => self.close(event_loop),
                    Key::Character(c) if c == "c" => self.app.cancel(),
                    _ => {}
                }
            }
            WindowEvent::CursorMoved { position, .. } => self.pointer = position.into(),
            WindowEvent::MouseInput { state: ElementState::Pressed, .. }
                if is_on_cancel(self.pointer) =>
            {
                self.app.cancel();
            }
            WindowEvent::RedrawRequested => {
                if let Some((_, canvas)) = &mut self.shown {
                    canvas.draw(self.app.ticks, &self.app.line, self.app.call.is_none());
                }
            }
            _ => {}
        }
    }
}

fn is_down(key: &KeyEvent) -> bool {
    key.state == ElementState::Pressed && !key.repeat
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let event_loop = EventLoop::with_user_event().build()?;
    let proxy = event_loop.create_proxy();
    let off = Offloop::builder().waker(move || proxy.send_event(Wake)).build()?;
    let mut app = App::new(off);
    app.start();
    let next = Instant::now() + TICK;
    let mut main =
        Main { app, next, closing: false, woken: false, pointer: (0.0, 0.0), shown: None };
    event_loop.run_app(&mut main)?;
    Ok(())
}
