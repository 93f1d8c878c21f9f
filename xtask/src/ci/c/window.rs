//! A program with a window, on a screen of its own: clicked, looked at, and closed by a key.
//!
//! Invariant: the click and the key come from the X server, as a user's do; what a picture shows is
//! compared with one of before.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::CANCELLED;
use super::build::Kit;
use super::run::{LIMIT, Run};
use crate::cmd::Cmd;

/// Behind the line, when the outcome is there.
const BLUE: [u8; 3] = [0x1e, 0x90, 0xff];
/// As the window is laid out: a point on Cancel, and the rows of the counter.
const CANCEL: [&str; 2] = ["230", "107"];
const COUNTER_ROWS: usize = 48;
const WIDTH: usize = 480;

/// An X server that shows nothing to anybody.
struct Screen {
    server: Child,
    display: String,
}

impl Screen {
    fn new() -> Result<Self> {
        let size = format!("{WIDTH}x160x24");
        let mut command = Command::new("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp"]);
        // It would start anew between two programs, and refuse the second.
        command.arg("-noreset");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().context("could not start Xvfb")?;
        let mut number = String::new();
        let stdout = server.stdout.take().context("Xvfb has no output")?;
        BufReader::new(stdout).read_line(&mut number)?;
        Ok(Self { server, display: format!(":{}", number.trim()) })
    }

    fn tool(&self, name: &str) -> Cmd {
        Cmd::new(name).env("DISPLAY", &self.display)
    }

    /// What the screen shows, three bytes a point.
    fn look(&self, file: &Path) -> Result<Vec<u8>> {
        let raw = format!("rgb:{}", file.display());
        self.tool("import").args(["-window", "root", "-depth", "8", &raw]).stdout()?;
        Ok(fs::read(file)?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _waited = self.server.wait();
    }
}

/// Cancelled by a click, and then to its end; gives the line that it ended with.
pub(super) fn drive(kit: &Kit, hash: &dyn Fn(u32) -> Run) -> Result<String> {
    let screen = Screen::new()?;
    let cancelled = visit(kit, &screen, &hash(200), true)?;
    ensure!(cancelled == CANCELLED, "cancelled by a click, it came to `{cancelled}`");
    visit(kit, &screen, &hash(0), false)
}

fn visit(kit: &Kit, screen: &Screen, hash: &Run, click: bool) -> Result<String> {
    let out = kit.out.join("window.txt");
    let mut command = hash.command();
    command.env("DISPLAY", &screen.display).env("QT_QPA_PLATFORM", "xcb");
    command.stdout(File::create(&out)?).stderr(Stdio::null());
    let mut child = hash.spawn(&mut command)?;
    let said = watch(kit, screen, &mut child, &out, click);
    if said.is_err() {
        child.kill()?;
    }
    let closed = until("it was closed by Escape", || Ok(child.try_wait()?));
    if closed.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let said = said?;
    ensure!(closed?.success(), "it failed at its end");
    Ok(said)
}

fn watch(kit: &Kit, screen: &Screen, child: &mut Child, out: &Path, click: bool) -> Result<String> {
    let look = || screen.look(&kit.out.join("window.rgb"));
    let user = |words: &[&str]| screen.tool("xdotool").args(words).stdout();
    let count_blue = |picture: &[u8]| picture.chunks(3).filter(|point| *point == BLUE).count();
    if click {
        // The first picture with text in it.
        let lit = |picture: &Vec<u8>| picture.iter().any(|byte| *byte > 0xc0);
        let before = until("its window is there", || Ok(Some(look()?).filter(lit)))?;
        ensure!(count_blue(&before) == 0, "it shows a result, and it has none");
        let counter = |picture: &[u8]| picture[..COUNTER_ROWS * WIDTH * 3].to_vec();
        let ticked = |picture: &Vec<u8>| counter(picture) != counter(&before);
        until("its counter goes on", || Ok(Some(look()?).filter(ticked)))?;
        user(&["mousemove", CANCEL[0], CANCEL[1], "click", "1"])?;
    }
    let said = until("it says what it came to", || {
        ensure!(child.try_wait()?.is_none(), "it ended before it was closed");
        Ok(Some(fs::read_to_string(out)?).filter(|said| said.ends_with('\n')))
    })?;
    let shown = |picture: &Vec<u8>| count_blue(picture) > 2000;
    until("its window shows that", || Ok(Some(look()?).filter(shown)))?;
    // No window manager gives it the keyboard.
    user(&["search", "--onlyvisible", "--name", "^hash_qt$", "windowfocus", "--sync"])?;
    user(&["key", "Escape"])?;
    Ok(said.trim_end().to_owned())
}

fn until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if began.elapsed() > LIMIT {
            bail!("waited {LIMIT:?} in vain: {what}");
        }
        thread::sleep(Duration::from_millis(50));
    }
}
