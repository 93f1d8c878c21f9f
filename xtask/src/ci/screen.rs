//! A program in a window that covers the screen: seen to tick, cancelled by hand, and let go to its end.
//!
//! Invariant: a program on it is told from another by what it prints and by what is on the screen,
//! never by how long something took; limits only end what hangs.

use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::Note;
use super::convert;
use super::display::{Display, Run, until};
use super::pixels::Picture;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// What is asked of the user's hand to cancel.
pub(super) enum Cancel {
    Click(usize, usize),
    Key(&'static str),
}

/// One of the programs that hash a folder.
pub(super) struct Program {
    /// Its window's title, too.
    pub(super) name: &'static str,
    pub(super) file: PathBuf,
    pub(super) env: &'static [(&'static str, &'static str)],
    pub(super) size: (usize, usize),
    /// Where the progress and the result are written, from top to bottom.
    pub(super) line: Range<usize>,
    pub(super) cancel: Cancel,
}

/// Sees `program` tick, cancels it by hand, and lets another one run to its end.
///
/// A picture of that end stays in the stage's folder, as small as the one in the README.
pub(super) fn show(workspace: &Workspace, program: &Program) -> Result<Note> {
    let dir = workspace.scratch(program.name)?;
    let screen = Screen { display: Display::open(&dir, program.size)?, program, dir };
    let cancelled = screen.cancelled_run(workspace).context("the run to cancel")?;
    let whole = screen.whole_run(workspace, &cancelled).context("the whole run")?;
    Ok(format!("`{}` was seen to tick, be cancelled, and say: {whole}", program.name))
}

/// Runs a loop's two programs in `dir` on such a screen.
pub(super) fn convert(
    workspace: &Workspace,
    name: &str,
    dir: &Path,
    env: &[(&str, &str)],
) -> Result<()> {
    let logs = workspace.scratch(name)?;
    let display = Display::open(&logs, (640, 480))?;
    let program = |which: &str| {
        let program = Cmd::new(dir.join(format!("{name}_{which}"))).env("DISPLAY", &display.name);
        env.iter().fold(program, |program, (key, value)| program.env(key, value))
    };
    convert::same(&logs, name, [program("before"), program("after")])
}

struct Screen<'a> {
    display: Display,
    program: &'a Program,
    dir: PathBuf,
}

impl Screen<'_> {
    fn cancelled_run(&self, workspace: &Workspace) -> Result<Picture> {
        // It would take more than a minute: what ends it is the cancel.
        let mut run = self.open(workspace, "5000")?;
        let first = self.painted()?;
        self.ticked(&first)?;
        let before = self.line()?;
        match self.program.cancel {
            Cancel::Click(x, y) => self.display.click((x, y))?,
            Cancel::Key(key) => self.display.key(key)?,
        }
        let said = run.says("the call was cancelled")?;
        ensure!(said.lines().count() == 1, "it said {said:?}");
        let after = until("what the window says of it", || {
            Ok(Some(self.line()?).filter(|line| line.differs(&before)))
        })?;
        self.close(run)?;
        Ok(after)
    }

    fn whole_run(&self, workspace: &Workspace, cancelled: &Picture) -> Result<String> {
        let mut run = self.open(workspace, "0")?;
        let said = run.says(" bytes, ")?;
        let mut last = self.painted()?;
        // A tick that was painted before the outcome may be shown after it, but not two.
        for _ in 0..2 {
            last = self.ticked(&last)?;
        }
        let line = self.line()?;
        let shown = line.is_written() && line.differs(cancelled);
        ensure!(shown, "the window does not show {said:?}");
        self.display.keep("root", &format!("{}.png", self.program.name))?;
        self.close(run)?;
        Ok(said.trim().to_owned())
    }

    /// Starts it, and waits for its window, on which the keys then fall.
    fn open(&self, workspace: &Workspace, pause_ms: &str) -> Result<Run> {
        let cmd = Cmd::new(&self.program.file).env("DISPLAY", &self.display.name);
        let env = self.program.env.iter();
        let cmd = env.fold(cmd, |cmd, (key, value)| cmd.env(key, value));
        let cmd = cmd.dir(&workspace.root).args(["examples", pause_ms]);
        let mut run = Run::start(cmd, &self.dir)?;
        run.alive(self.display.window(self.program.name))?;
        Ok(run)
    }

    /// Escape closes the window, and with it the program.
    fn close(&self, run: Run) -> Result<()> {
        self.display.key("Escape")?;
        run.ended().map(drop)
    }

    fn painted(&self) -> Result<Picture> {
        until("something on its line", || {
            let picture = self.display.look()?;
            Ok(picture.rows(self.program.line.clone()).is_written().then_some(picture))
        })
    }

    fn ticked(&self, before: &Picture) -> Result<Picture> {
        until("a tick of its counter", || {
            Ok(Some(self.display.look()?).filter(|picture| picture.differs(before)))
        })
    }

    fn line(&self) -> Result<Picture> {
        Ok(self.display.look()?.rows(self.program.line.clone()))
    }
}
