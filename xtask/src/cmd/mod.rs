//! Runs other programs, and shows each command line as a developer would type it.
//!
//! Invariant: no program reads this one's standard input, so nothing ever waits for a
//! key where nobody is there to press it.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A program to run, with the words that show it.
pub(crate) struct Cmd {
    inner: Command,
    shown: String,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let mut inner = Command::new(program);
        inner.stdin(Stdio::null());
        Self { inner, shown: word(program) }
    }

    /// The cargo that runs this program, or the first one on `PATH`.
    pub(crate) fn cargo(root: &Path) -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut cmd = Self::new(program);
        cmd.shown = "cargo".to_owned();
        cmd.dir(root)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.shown.push(' ');
        self.shown.push_str(&word(arg.as_ref()));
        self.inner.arg(arg);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.shown = format!("{key}={} {}", word(value.as_ref()), self.shown);
        self.inner.env(key, value);
        self
    }

    pub(crate) fn env_remove(mut self, key: &str) -> Self {
        self.inner.env_remove(key);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Sends what the program prints to `file` instead of the terminal.
    pub(crate) fn log_to(self, file: &File) -> Result<Self> {
        self.outputs_to(file, file)
    }

    /// Sends what the program prints, and what it says beside that, to files.
    pub(crate) fn outputs_to(mut self, stdout: &File, stderr: &File) -> Result<Self> {
        self.inner.stdout(stdout.try_clone()?);
        self.inner.stderr(stderr.try_clone()?);
        Ok(self)
    }

    /// Starts it and returns at once.
    pub(crate) fn start(mut self) -> Result<Child> {
        self.inner.spawn().with_context(|| format!("could not start `{}`", self.shown))
    }

    /// Runs to the end, printing through; an exit code other than zero is an error.
    pub(crate) fn run(mut self) -> Result<()> {
        eprintln!("$ {}", self.shown);
        let status =
            self.inner.status().with_context(|| format!("could not start `{}`", self.shown))?;
        check(status, &self.shown)
    }

    /// Runs to the end and gives back what it printed to standard output.
    pub(crate) fn stdout(mut self) -> Result<String> {
        self.inner.stderr(Stdio::inherit());
        let output =
            self.inner.output().with_context(|| format!("could not start `{}`", self.shown))?;
        check(output.status, &self.shown)?;
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed what is not UTF-8", self.shown))
    }

    /// The same for a program that reads `input`, and then the end of it, from a pipe.
    pub(crate) fn stdout_for(mut self, input: &str) -> Result<String> {
        self.inner.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            self.inner.spawn().with_context(|| format!("could not start `{}`", self.shown))?;
        if let Some(mut pipe) = child.stdin.take() {
            pipe.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        check(output.status, &self.shown)?;
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{}` printed what is not UTF-8", self.shown))
    }

    /// Runs to the end, printing through, and gives back what it printed to standard
    /// output.
    pub(crate) fn stdout_shown(mut self) -> Result<String> {
        eprintln!("$ {}", self.shown);
        let mut child = self
            .inner
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start `{}`", self.shown))?;
        let mut text = String::new();
        for line in child.stdout.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()) {
            let line = line?;
            println!("{line}");
            text.push_str(&line);
            text.push('\n');
        }
        check(child.wait()?, &self.shown)?;
        Ok(text)
    }

    /// Runs for at most `limit`, then kills the program and fails.
    pub(crate) fn run_within(mut self, limit: Duration) -> Result<()> {
        let mut child =
            self.inner.spawn().with_context(|| format!("could not start `{}`", self.shown))?;
        match wait_within(&mut child, limit)? {
            Some(status) => check(status, &self.shown),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("`{}` had not ended after {limit:?}", self.shown)
            }
        }
    }
}

fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn check(status: ExitStatus, shown: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` failed: {status}")
}

/// One word of a command line, quoted where a shell would need it.
fn word(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let quote = if text.contains('\'') { '"' } else { '\'' };
    if text.is_empty() || text.contains([' ', '"', '\'', '$', '*']) {
        return format!("{quote}{text}{quote}");
    }
    text.into_owned()
}
