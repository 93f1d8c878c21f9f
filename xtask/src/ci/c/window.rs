//! A program with a window, on a screen of its own: clicked, looked at, and closed by a key.
//!
//! Invariant: the click and the key come from the X server, as a user's do; what a picture shows is
//! compared with one of before.

use anyhow::{Result, ensure};

use super::CANCELLED;
use super::build::Kit;
use super::run::Run;
use crate::ci::display::{self, Display, until};
use crate::ci::pixels::{Picture, Rgb};

/// Behind the line, when the outcome is there.
const BLUE: Rgb = [0x1e, 0x90, 0xff];
/// As the window is laid out: a point on Cancel, and the rows of the counter.
const CANCEL: (usize, usize) = (230, 107);
const COUNTER_ROWS: usize = 48;
const SIZE: (usize, usize) = (480, 160);
const TITLE: &str = "hash_qt";

/// Cancelled by a click, and then to its end; gives the line that it ended with.
pub(super) fn drive(kit: &Kit, hash: &dyn Fn(u32) -> Run) -> Result<String> {
    let display = Display::open(&kit.out, SIZE)?;
    let cancelled = visit(kit, &display, hash(200), true)?;
    ensure!(cancelled == CANCELLED, "cancelled by a click, it came to `{cancelled}`");
    visit(kit, &display, hash(0), false)
}

fn visit(kit: &Kit, display: &Display, hash: Run, click: bool) -> Result<String> {
    let program = hash.env("DISPLAY", &display.name).env("QT_QPA_PLATFORM", "xcb");
    let mut run = display::Run::start(program.into_cmd(), &kit.out)?;
    let said = watch(display, &mut run, click)?;
    run.ended()?;
    Ok(said)
}

fn watch(display: &Display, run: &mut display::Run, click: bool) -> Result<String> {
    let seen = |what: &str, is_it: &dyn Fn(&Picture) -> bool| {
        until(what, || Ok(Some(display.look()?).filter(is_it)))
    };
    // No window manager gives it the keyboard.
    run.alive(display.window(TITLE))?;
    if click {
        let counter = |picture: &Picture| picture.rows(0..COUNTER_ROWS);
        let before = seen("a text in its window", &|picture| counter(picture).is_written())?;
        ensure!(before.count(BLUE) == 0, "it shows a result, and it has none");
        let before = counter(&before);
        seen("a tick of its counter", &|picture| counter(picture).differs(&before))?;
        display.click(CANCEL)?;
    }
    let said = run.says("\n")?;
    seen("its window with a result", &|picture| picture.count(BLUE) > 2000)?;
    display.key("Escape")?;
    Ok(said.trim_end().to_owned())
}
