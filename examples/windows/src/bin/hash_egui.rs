//! One program on every loop; here on eframe, egui's own. It hashes the files of a folder off the
//! loop, while a counter ticks; `c`, and a click on Cancel, cancel it. Escape closes the window.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Main`, `colour` and `main`.

use std::io;
use std::time::{Duration, Instant};

use eframe::egui::{Button, CentralPanel, Color32, Context, Frame, Key, Ui};
use eframe::egui::{ViewportBuilder, ViewportCommand};
use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use offloop_windows::{CANCEL, DONE, RUNNING, Rgb, SIZE, TEXT, TITLE};

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

struct Main {
    app: App,
    next: Instant,
    closing: bool,
}

impl eframe::App for Main {
    /// A frame begins with the turn. Unlike `ui`, this is called while the window is hidden, too.
    fn logic(&mut self, ctx: &Context, _: &mut eframe::Frame) {
        self.app.off.clone().deliver(&mut self.app);
        while self.next <= Instant::now() {
            self.app.tick();
            self.next += TICK;
        }
        ctx.request_repaint_after(self.next.saturating_duration_since(Instant::now()));
        // The window is no part of `App`, so a handler can't touch it: it leaves what it wants in
        // `App`, and whoever has the window looks there after `deliver`.
        if self.closing && self.app.call.is_none() {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// A `Ui` lives for a frame, so it is no part of `App` either. In a closure of `Context::input`
    /// nothing is cancelled or submitted: egui is locked there, and the waker would wait for it.
    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        let (c, escape, close) = ui.input(|input| {
            let close = input.viewport().close_requested();
            (input.key_pressed(Key::C), input.key_pressed(Key::Escape), close)
        });
        if close && self.app.call.is_some() {
            ui.send_viewport_cmd(ViewportCommand::CancelClose);
        }
        if escape || close {
            // It goes when the outcome is there; a cancel brings it at once.
            self.closing = true;
            ui.request_repaint();
        }
        let paper = colour(if self.app.call.is_none() { DONE } else { RUNNING });
        let frame = Frame::central_panel(ui.style()).fill(paper).inner_margin(20.0);
        CentralPanel::default().frame(frame).show(ui, |ui| {
            ui.visuals_mut().override_text_color = Some(colour(TEXT));
            ui.label(format!("{} ticks", self.app.ticks));
            ui.label(&self.app.line);
            let cancel = Button::new("Cancel").fill(colour(CANCEL)).min_size([120.0, 35.0].into());
            if ui.add(cancel).clicked() || c || escape || close {
                self.app.cancel();
            }
        });
    }
}

fn colour([r, g, b]: Rgb) -> Color32 {
    Color32::from_rgb(r, g, b)
}

fn main() -> eframe::Result {
    let window = ViewportBuilder::default().with_inner_size([SIZE.0 as f32, SIZE.1 as f32]);
    let options = eframe::NativeOptions { viewport: window, ..Default::default() };
    eframe::run_native(
        TITLE,
        options,
        Box::new(|creation| {
            let ctx = creation.egui_ctx.clone();
            let off = Offloop::builder().waker(move || ctx.request_repaint()).build()?;
            let mut app = App::new(off);
            app.start();
            Ok(Box::new(Main { app, next: Instant::now() + TICK, closing: false }))
        }),
    )
}
