//! A display that nobody sees: an X server of its own, a hand on its pointer and keyboard, and an eye; and a
//! program on it.
//!
//! Invariant: keys and clicks go to the server as a person's do, never to a program directly; the
//! server ends with the value, and so does a program.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::pixels::Picture;
use crate::cmd::Cmd;

/// Far more than a window needs: it only ends what hangs.
const LIMIT: Duration = Duration::from_secs(60);
const ROUND: Duration = Duration::from_millis(50);

/// An X server, without a window manager.
pub(super) struct Display {
    server: Child,
    pub(super) name: String,
    dir: PathBuf,
}

impl Display {
    /// Starts a server with one screen of that size; what is seen on it goes to files in `dir`.
    pub(super) fn open(dir: &Path, (width, height): (usize, usize)) -> Result<Self> {
        let version = Cmd::new("import").arg("-version").stdout()?;
        ensure!(version.contains("ImageMagick"), "`import` is not ImageMagick's: {version}");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            // Without it the server begins anew when it has no client, and refuses one that comes then.
            .arg("-noreset")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("could not start `Xvfb`")?;
        // It says its number when it listens; it chooses one that nobody has.
        let mut number = String::new();
        let said = server.stdout.take().context("Xvfb has no output")?;
        BufReader::new(said).read_line(&mut number)?;
        let display = Self { server, name: format!(":{}", number.trim()), dir: dir.to_owned() };
        ensure!(!number.trim().is_empty(), "Xvfb ended before it had a display");
        Ok(display)
    }

    /// All of the screen.
    pub(super) fn look(&self) -> Result<Picture> {
        let file = self.dir.join("screen.png");
        self.shoot(&["-window", "root", "-depth", "8"], &format!("PNG24:{}", file.display()))?;
        Picture::read(&file)
    }

    /// A small picture of a window, or of the `root` of all, for a README.
    pub(super) fn keep(&self, window: &str, name: &str) -> Result<PathBuf> {
        let file = self.dir.join(name);
        self.shoot(&["-window", window, "-colors", "16"], &format!("PNG8:{}", file.display()))?;
        Ok(file)
    }

    fn shoot(&self, what: &[&str], file: &str) -> Result<()> {
        let import = Cmd::new("import").env("DISPLAY", &self.name);
        import.args(["-silent", "-strip"]).args(what).arg(file).run_within(LIMIT)
    }

    /// The window of that title, once it is there; it has the keyboard from then on.
    pub(super) fn window(&self, title: &str) -> Result<String> {
        let title = format!("^{title}$");
        let found = until("a window", || {
            let mut search = Command::new("xdotool");
            search.env("DISPLAY", &self.name).args(["search", "--onlyvisible", "--name", &title]);
            let found = String::from_utf8(search.output()?.stdout)?;
            Ok(found.lines().next().map(str::to_owned))
        })?;
        self.xdotool(&["windowfocus", "--sync", &found])?;
        Ok(found)
    }

    pub(super) fn click(&self, (x, y): (usize, usize)) -> Result<()> {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"])
    }

    pub(super) fn key(&self, key: &str) -> Result<()> {
        self.xdotool(&["key", key])
    }

    fn xdotool(&self, words: &[&str]) -> Result<()> {
        Cmd::new("xdotool").env("DISPLAY", &self.name).args(words).run_within(LIMIT)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Asked, it removes its lock and its socket; killed, it would leave them.
        let ask = format!("kill {}", self.server.id());
        if !Command::new("sh").args(["-c", &ask]).status().is_ok_and(|status| status.success()) {
            let _gone_already = self.server.kill();
        }
        let _gone_already = self.server.wait();
    }
}

/// A program under way; it is killed if it has not ended by itself.
pub(super) struct Run {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Run {
    /// What it says goes to files in `dir`.
    pub(super) fn start(program: Cmd, dir: &Path) -> Result<Self> {
        let (stdout, stderr) = (dir.join("stdout.txt"), dir.join("stderr.txt"));
        let program = program.outputs_to(&File::create(&stdout)?, &File::create(&stderr)?)?;
        Ok(Self { child: program.start()?, stdout, stderr })
    }

    pub(super) fn printed(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.stdout)?)
    }

    /// Says how the program ended, where that is why something failed.
    pub(super) fn alive<T>(&mut self, result: Result<T>) -> Result<T> {
        match self.child.try_wait()? {
            Some(status) => bail!("it ended, {status}: {}", fs::read_to_string(&self.stderr)?),
            None => result,
        }
    }

    /// What it printed, as soon as that has these words and is whole lines.
    pub(super) fn says(&mut self, words: &str) -> Result<String> {
        until(&format!("`{words}` in its output"), || {
            let said = self.printed()?;
            if said.contains(words) && said.ends_with('\n') {
                return Ok(Some(said));
            }
            self.alive(Ok(None))
        })
    }

    /// Waits for its end, which is to be a success, and gives all that it printed.
    pub(super) fn ended(mut self) -> Result<String> {
        let status = until("the end of the program", || Ok(self.child.try_wait()?))?;
        let said = || fs::read_to_string(&self.stderr).unwrap_or_default();
        ensure!(status.success(), "it ended, {status}: {}", said());
        self.printed()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _gone_already = self.child.wait();
    }
}

/// Asks again until there is an answer.
pub(super) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if began.elapsed() > LIMIT {
            bail!("{what} was not seen within {LIMIT:?}");
        }
        thread::sleep(ROUND);
    }
}
