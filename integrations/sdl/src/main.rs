//! One program on every loop; here in an SDL 2 window. It hashes the files of a folder off the loop,
//! while a counter ticks; `c` cancels it, and Escape closes the window.
//!
//! `App` is the same in all of them: compare two by `diff`, and what is left is their loops. Here
//! that is `Wake`, `main` and all below it.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use font8x8::legacy::BASIC_LEGACY;
use hash_folder::{Options, Progress, Summary, hash_folder};
use offloop::{Offloop, Outcome, Ticket};
use sdl2::event::Event;
use sdl2::keyboard::Keycode;
use sdl2::pixels::Color;
use sdl2::rect::Rect;
use sdl2::render::WindowCanvas;

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

/// What SDL's queue brings when offloop asks for a turn.
struct Wake;

fn main() -> Result<(), Box<dyn Error>> {
    let sdl = sdl2::init()?;
    let (video, events, mut queue) = (sdl.video()?, sdl.event()?, sdl.event_pump()?);
    events.register_custom_event::<Wake>()?;
    let sender = events.event_sender();
    let off = Offloop::builder().waker(move || sender.push_custom_event(Wake)).build()?;
    let window = video.window("hash_sdl", 880, 96).build()?;
    let mut canvas = window.into_canvas().software().build()?;
    let mut app = App::new(off);
    app.start();
    let mut next = Instant::now() + TICK;
    loop {
        let patience = next.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        match queue.wait_event_timeout(u32::try_from(patience)?) {
            Some(event) if event.is_user_event() => {
                app.off.clone().deliver(&mut app);
            }
            Some(Event::KeyDown { keycode: Some(Keycode::C), .. }) => app.cancel(),
            Some(Event::KeyDown { keycode: Some(Keycode::Escape), .. } | Event::Quit { .. }) => {
                return Ok(());
            }
            _ => {}
        }
        if Instant::now() >= next {
            app.tick();
            next += TICK;
            draw(&mut canvas, &app)?;
        }
    }
}

fn draw(canvas: &mut WindowCanvas, app: &App) -> Result<(), String> {
    canvas.set_draw_color(Color::WHITE);
    canvas.clear();
    canvas.set_draw_color(Color::BLACK);
    write(canvas, 16, &app.ticks.to_string())?;
    write(canvas, 40, &app.line)?;
    write(canvas, 64, "c cancels")?;
    canvas.present();
    Ok(())
}

/// Writes in letters of eight by eight dots; what is not ASCII is a question mark.
fn write(canvas: &mut WindowCanvas, top: i32, text: &str) -> Result<(), String> {
    const DOT: u32 = 2;
    let mut dots = Vec::new();
    for (column, letter) in (1i32..).zip(text.chars()) {
        let glyph = BASIC_LEGACY.get(letter as usize).unwrap_or(&BASIC_LEGACY['?' as usize]);
        for (row, bits) in (0i32..).zip(glyph) {
            for place in (0i32..8).filter(|place| bits >> place & 1 == 1) {
                let (x, y) = ((8 * column + place) * DOT as i32, top + row * DOT as i32);
                dots.push(Rect::new(x, y, DOT, DOT));
            }
        }
    }
    canvas.fill_rects(&dots)
}
