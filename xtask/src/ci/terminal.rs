//! The terminal programs, which are a workspace of their own: formatted, linted, built, and driven by tmux,
//! with the keys that a person presses; the pair that shows a conversion runs by itself there.
//!
//! Invariant: what is judged is what stands on the screen; no time is, but for a limit that ends what hangs.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::packages::{Package, Thing::Tool};
use super::{Note, convert, packages};
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// Far more than a screen needs to change.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(workspace: &Workspace) -> Result<Note> {
    let root = workspace.root.join("examples/terminal");
    let target = workspace.target.join("terminal");
    let cargo = || Cmd::cargo(&root).env("CARGO_TARGET_DIR", &target);
    Cmd::cargo(&root).args(["fmt", "--check"]).run()?;
    cargo().args(["clippy", "--quiet", "--all-targets", "--locked", "--", "-Dwarnings"]).run()?;
    cargo().args(["build", "--quiet", "--locked", "--bins", "--examples"]).run()?;
    if let Some(note) = packages::absent(&[Package(Tool("tmux"), "tmux")])? {
        return Ok(note);
    }
    let program = target.join("debug/hash_ratatui");
    let scratch = workspace.scratch("terminal")?;
    let folder = workspace.root.join("crates");
    let slow: &[&Path] = &[&program, &folder, Path::new("300")];
    cancelled(&Screen::open(&scratch.join("cancelled"), slow)?)?;
    to_its_end(&Screen::open(&scratch.join("to-its-end"), &[&program, &folder])?)?;
    let programs = target.join("debug/examples");
    let said = |name| answer(&Screen::open(&scratch.join(name), &[&programs.join(name)])?);
    convert::agree("ratatui", &said("ratatui_before")?, &said("ratatui_after")?)?;
    Ok("one program and one pair, by tmux".to_owned())
}

/// The counter goes on while the call runs, and after `c` has cancelled it, until `q`.
fn cancelled(screen: &Screen<'_>) -> Result<()> {
    let shown = screen.until("progress", |text| text.contains(" of ") && ticks(text) > Some(0))?;
    screen.until("more ticks while it runs", |text| {
        text.contains(" of ") && ticks(text) > ticks(&shown).map(|ticks| ticks + 3)
    })?;
    screen.press("c")?;
    let line = "the call was cancelled";
    let shown = screen.until("the cancel", |text| text.contains(line))?;
    let shown = screen.until("more ticks after it", |text| ticks(text) > ticks(&shown))?;
    is_whole(&shown)?;
    screen.press("q")?;
    screen.ends_with(line)
}

fn to_its_end(screen: &Screen<'_>) -> Result<()> {
    let line = " bytes, ";
    let shown = screen.until("the result", |text| text.contains(line))?;
    let shown = screen.until("more ticks after it", |text| ticks(text) > ticks(&shown))?;
    is_whole(&shown)?;
    screen.press("Escape")?;
    screen.ends_with(line)
}

/// The name that a program looks up by itself, with its addresses; it stays when the program has ended.
fn answer(screen: &Screen<'_>) -> Result<String> {
    fn line(text: &str) -> Option<&str> {
        text.lines().find(|line| line.starts_with("localhost: "))
    }
    let shown = screen.ends(|text| line(text).is_some())?;
    Ok(line(&shown).unwrap_or_default().trim_end().to_owned())
}

/// What the program prints beside the frame has left no trace in it.
fn is_whole(shown: &str) -> Result<()> {
    let rows: Vec<&str> = shown.lines().collect();
    let [top, between @ .., bottom] = rows.as_slice() else { bail!("the screen is empty") };
    let whole = top.starts_with('┌')
        && between.iter().all(|row| row.starts_with('│') && row.ends_with('│'))
        && bottom.ends_with('┘');
    ensure!(whole, "the frame is broken:\n{shown}");
    let said = between.iter().filter(|row| !row.trim_matches(['│', ' ']).is_empty()).count();
    ensure!(said == 2, "two lines are in the frame, not {said}:\n{shown}");
    Ok(())
}

/// The counter in the frame.
fn ticks(text: &str) -> Option<u64> {
    text.split_once(" ticks")?.0.rsplit(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A terminal of a tmux server of its own, which ends with this.
struct Screen<'a> {
    socket: &'a Path,
}

impl<'a> Screen<'a> {
    fn open(socket: &'a Path, command: &[&Path]) -> Result<Self> {
        let screen = Self { socket };
        let new =
            screen.tmux().args(["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "9"]);
        new.args(command).args([";", "set-option", "remain-on-exit", "on"]).stdout()?;
        Ok(screen)
    }

    fn tmux(&self) -> Cmd {
        Cmd::new("tmux")
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .arg("-u")
            .arg("-S")
            .arg(self.socket)
    }

    fn press(&self, key: &str) -> Result<()> {
        self.tmux().args(["send-keys", key]).stdout().map(drop)
    }

    /// Waits until the screen shows `what`.
    fn until(&self, what: &str, shown: impl Fn(&str) -> bool) -> Result<String> {
        self.wait(what, &["capture-pane", "-p"], shown)
    }

    /// The program ends well, and `line` stays when the frame is gone. tmux then writes below it, which may
    /// scroll.
    fn ends_with(&self, line: &str) -> Result<()> {
        self.ends(|text| text.contains(line) && !text.contains('┌')).map(drop)
    }

    /// The program ends well, and what it then leaves is right.
    fn ends(&self, right: impl Fn(&str) -> bool) -> Result<String> {
        let status = "#{pane_dead} #{pane_dead_status}#{pane_dead_signal}";
        // tmux 3.3 does not always learn of a status; a bad one it would have told.
        let status = ["display-message", "-p", status];
        self.wait("the end", &status, |text| matches!(text.trim(), "1" | "1 0"))?;
        let with_history = ["capture-pane", "-p", "-S", "-"];
        self.wait("the line alone", &with_history, right)
    }

    fn wait(&self, what: &str, ask: &[&str], answer: impl Fn(&str) -> bool) -> Result<String> {
        let began = Instant::now();
        loop {
            let text = self.tmux().args(ask).stdout()?;
            if answer(&text) {
                return Ok(text);
            }
            ensure!(began.elapsed() < LIMIT, "{what} does not come; there is:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        let _it_may_have_ended = self.tmux().arg("kill-server").stdout();
    }
}
