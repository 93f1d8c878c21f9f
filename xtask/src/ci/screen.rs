//! A screen that nobody looks at: an X server in memory, with real clicks, keys and screenshots.
//!
//! Invariant: a program on it is told from another by what it prints and by what is on the screen,
//! never by how long something took; limits only end what hangs.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Note;
use super::convert;
use crate::cmd::Cmd;
use crate::workspace::Workspace;

/// Far more than any step takes.
const LIMIT: Duration = Duration::from_secs(60);

/// What is asked of the user's hand to cancel.
pub(super) enum Cancel {
    Click(u32, u32),
    Key(&'static str),
}

/// One of the programs that hash a folder, in a window that covers the screen.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) file: PathBuf,
    pub(super) env: &'static [(&'static str, &'static str)],
    pub(super) size: (usize, usize),
    /// Where the progress and the result are written, from top to bottom.
    pub(super) line: Range<usize>,
    pub(super) cancel: Cancel,
}

/// What has to be installed and is not, as a note; an error where CI needs it.
pub(super) fn missing(
    programs: &[(&str, &str)],
    libraries: &[(&str, &str)],
) -> Result<Option<Note>> {
    let runs = |name: &str, args: &[&str]| Cmd::new(name).args(args).silent().run_within(LIMIT);
    let mut packages = Vec::new();
    for (name, package) in programs {
        if runs("which", &[name]).is_err() {
            packages.push(*package);
        }
    }
    for (name, package) in libraries {
        if runs("pkg-config", &["--exists", name]).is_err() {
            packages.push(*package);
        }
    }
    if packages.is_empty() {
        return Ok(None);
    }
    let missing = format!("it needs what is missing: apt-get install {}", packages.join(" "));
    if std::env::var_os("CI").is_some() {
        bail!("{missing}");
    }
    Ok(Some(format!("NOT RUN: {missing}")))
}

/// The tools that this file starts, each with its Debian package.
pub(super) const TOOLS: &[(&str, &str)] =
    &[("Xvfb", "xvfb"), ("xdotool", "xdotool"), ("import", "imagemagick")];

/// Sees `program` tick, cancels it by hand, and lets another one run to its end.
///
/// A picture of that end stays in the stage's folder, as small as the one in the README.
pub(super) fn show(workspace: &Workspace, program: &Program) -> Result<Note> {
    let dir = workspace.scratch(program.name)?;
    let screen = Screen::start(&dir, program.size)?;
    let cancelled = screen.cancelled_run(workspace, program).context("the run to cancel")?;
    let whole = screen.whole_run(workspace, program, &cancelled).context("the whole run")?;
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
    let screen = Screen::start(&logs, (640, 480))?;
    let program = |which: &str| {
        let program = Cmd::new(dir.join(format!("{name}_{which}"))).env("DISPLAY", &screen.display);
        env.iter().fold(program, |program, (key, value)| program.env(key, value))
    };
    convert::same(&logs, name, [program("before"), program("after")])
}

struct Screen {
    _server: Ended,
    display: String,
    dir: PathBuf,
    size: (usize, usize),
}

/// Killed when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _it_has_ended = self.0.kill();
        let _nobody_asks = self.0.wait();
    }
}

impl Screen {
    fn start(dir: &Path, size: (usize, usize)) -> Result<Self> {
        let geometry = format!("{}x{}x24", size.0, size.1);
        let server = Cmd::new("Xvfb").args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"]);
        // Without it the server begins anew between two programs, and refuses the second.
        let mut server = server.arg(geometry).arg("-noreset").silent().piped()?;
        let pipe = server.stdout.take().context("it was asked for")?;
        let server = Ended(server);
        let mut number = String::new();
        BufReader::new(pipe).read_line(&mut number)?;
        ensure!(!number.trim().is_empty(), "Xvfb names no display");
        let display = format!(":{}", number.trim());
        Ok(Self { _server: server, display, dir: dir.to_owned(), size })
    }

    fn cancelled_run(&self, workspace: &Workspace, program: &Program) -> Result<Vec<u8>> {
        // It would take more than a minute: what ends it is the cancel.
        let mut run = self.open(workspace, program, "5000")?;
        let first = self.until("something is painted", || self.painted(program))?;
        let ticks = |now: &Vec<u8>| *now != first;
        self.until("the counter ticks", || Ok(Some(self.shot()?).filter(ticks)))?;
        let before = self.line(program)?;
        match program.cancel {
            Cancel::Click(x, y) => {
                self.hand(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"])?;
            }
            Cancel::Key(key) => self.hand(&["key", key])?,
        }
        let said = run.says("the call was cancelled")?;
        ensure!(said.lines().count() == 1, "it said {said:?}");
        let other = |now: &Vec<u8>| *now != before;
        let after =
            self.until("the window says so", || Ok(Some(self.line(program)?).filter(other)))?;
        self.close(run)?;
        Ok(after)
    }

    fn whole_run(
        &self,
        workspace: &Workspace,
        program: &Program,
        cancelled: &[u8],
    ) -> Result<String> {
        let mut run = self.open(workspace, program, "0")?;
        let said = run.says(" bytes, ")?;
        self.until("the window is painted", || self.painted(program))?;
        // A tick that was painted before the outcome may be shown after it, but not two.
        for _ in 0..2 {
            let last = self.shot()?;
            let ticks = |now: &Vec<u8>| *now != last;
            self.until("the counter ticks on", || Ok(Some(self.shot()?).filter(ticks)))?;
        }
        let line = self.line(program)?;
        ensure!(line != cancelled && is_written(&line), "the window does not show {said:?}");
        let picture = self.dir.join(format!("{}.png", program.name));
        self.import(&["-colors", "16", "-strip"], &picture.display().to_string())?;
        self.close(run)?;
        Ok(said.trim().to_owned())
    }

    /// Starts it, and waits for its window, on which the keys then fall.
    fn open(&self, workspace: &Workspace, program: &Program, pause_ms: &str) -> Result<Run> {
        let (out, log) = (self.dir.join("stdout.txt"), self.dir.join("stderr.txt"));
        let mut cmd = self.on_screen(Cmd::new(&program.file).dir(&workspace.root));
        for (key, value) in program.env {
            cmd = cmd.env(key, value);
        }
        let cmd = cmd.args(["examples", pause_ms]);
        let child = cmd.outputs_to(&File::create(&out)?, &File::create(&log)?)?.start()?;
        let mut run = Run { child: Ended(child), out, log };
        let search = ["search", "--onlyvisible", "--name", program.name];
        let window = self.until("its window opens", || {
            run.is_alive()?;
            let found = self.on_screen(Cmd::new("xdotool")).args(search).stdout();
            Ok(found.ok().and_then(|found| Some(found.lines().next()?.to_owned())))
        })?;
        self.hand(&["windowfocus", "--sync", &window])?;
        Ok(run)
    }

    /// Escape closes the window, and with it the program.
    fn close(&self, mut run: Run) -> Result<()> {
        self.hand(&["key", "Escape"])?;
        let status = self.until("it ends", || Ok(run.child.0.try_wait()?))?;
        ensure!(status.success(), "it ended with {status}, see {}", run.log.display());
        Ok(())
    }

    fn painted(&self, program: &Program) -> Result<Option<Vec<u8>>> {
        let (shot, line) = (self.shot()?, self.line(program)?);
        Ok(is_written(&line).then_some(shot))
    }

    /// All pixels, three bytes each.
    fn shot(&self) -> Result<Vec<u8>> {
        let file = self.dir.join("shot.rgb");
        self.import(&["-depth", "8"], &format!("rgb:{}", file.display()))?;
        let shot = fs::read(file)?;
        let (width, height) = self.size;
        ensure!(shot.len() == 3 * width * height, "a picture of {} bytes", shot.len());
        Ok(shot)
    }

    fn line(&self, program: &Program) -> Result<Vec<u8>> {
        let row = 3 * self.size.0;
        Ok(self.shot()?[row * program.line.start..row * program.line.end].to_vec())
    }

    fn import(&self, args: &[&str], file: &str) -> Result<()> {
        let import = self.on_screen(Cmd::new("import")).args(["-window", "root"]);
        import.args(args).arg(file).run_within(LIMIT)
    }

    fn hand(&self, args: &[&str]) -> Result<()> {
        self.on_screen(Cmd::new("xdotool")).args(args).run_within(LIMIT)
    }

    fn on_screen(&self, cmd: Cmd) -> Cmd {
        cmd.env("DISPLAY", &self.display)
    }

    fn until<T>(&self, wanted: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if began.elapsed() > LIMIT {
                bail!("nothing came of it: {wanted}; see {}", self.dir.display());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether these pixels have more than one colour.
fn is_written(pixels: &[u8]) -> bool {
    pixels.chunks(3).any(|pixel| pixel != &pixels[..3])
}

/// A program on the screen.
struct Run {
    child: Ended,
    out: PathBuf,
    log: PathBuf,
}

impl Run {
    fn is_alive(&mut self) -> Result<()> {
        match self.child.0.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended too soon, {status}: see {}", self.log.display()),
        }
    }

    /// What it printed, as soon as that has these words.
    fn says(&mut self, words: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let said = fs::read_to_string(&self.out)?;
            if said.contains(words) && said.ends_with('\n') {
                return Ok(said);
            }
            self.is_alive()?;
            if began.elapsed() > LIMIT {
                bail!("it never said `{words}`, but {said:?}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
