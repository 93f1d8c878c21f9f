//! Runs one program, with a hand on its keyboard.
//!
//! Invariant: nothing runs longer than the limit, and what was started is waited for.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::cmd::Cmd;

/// Far more than a program needs: it only ends one that hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// What is typed.
pub(super) enum Stdin {
    None,
    /// `c` and Enter, when it has shown this on standard error.
    CancelAt(&'static str),
}

/// A command line.
#[derive(Clone)]
pub(super) struct Run {
    words: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
}

/// What a program printed.
pub(super) struct Printed {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Printed {
    /// How far its counter came, which stands behind each carriage return.
    pub(super) fn ticks(&self) -> usize {
        let lines = self.stderr.split('\r').filter_map(|line| line.split(' ').next());
        lines.filter_map(|word| word.parse().ok()).max().unwrap_or(0)
    }
}

impl Run {
    pub(super) fn new(program: impl AsRef<OsStr>) -> Self {
        Self { words: vec![program.as_ref().to_owned()], env: Vec::new() }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.words.push(arg.as_ref().to_owned());
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    pub(super) fn env(mut self, key: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((key, value.as_ref().to_owned()));
        self
    }

    pub(super) fn into_cmd(self) -> Cmd {
        let cmd = Cmd::new(&self.words[0]).args(&self.words[1..]);
        self.env.iter().fold(cmd, |cmd, (key, value)| cmd.env(key, value))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::null());
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
        command
    }

    fn spawn(&self, command: &mut Command) -> Result<Child> {
        command.spawn().with_context(|| format!("could not start {:?}", self.words))
    }

    /// To its end, which is to be a success.
    pub(super) fn run(&self, stdin: Stdin) -> Result<Printed> {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !matches!(stdin, Stdin::None) {
            command.stdin(Stdio::piped());
        }
        let mut child = self.spawn(&mut command)?;
        let mut keyboard = child.stdin.take();
        let stdout = heard(child.stdout.take());
        let stderr = heard(child.stderr.take());
        let mut printed = Vec::new();
        let began = Instant::now();
        let status = loop {
            stderr.try_iter().for_each(|part| printed.extend(part));
            let shown = String::from_utf8_lossy(&printed).into_owned();
            if let Stdin::CancelAt(mark) = stdin
                && shown.contains(mark)
                && let Some(mut keyboard) = keyboard.take()
            {
                keyboard.write_all(b"c\n")?;
            }
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if began.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                bail!("{:?} had not ended after {LIMIT:?}: {shown}", self.words);
            }
            thread::sleep(Duration::from_millis(5));
        };
        printed.extend(stderr.iter().flatten());
        let shown = String::from_utf8_lossy(&printed).into_owned();
        let stdout = stdout.iter().flatten().collect();
        ensure!(status.success(), "{:?} failed: {status}\n{shown}", self.words);
        Ok(Printed { stdout: String::from_utf8(stdout)?, stderr: shown })
    }
}

/// All that comes out of a pipe, as it comes.
fn heard(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (heard, hears) = mpsc::channel();
    if let Some(mut pipe) = pipe {
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut part) {
                let _nobody = heard.send(part[..count].to_vec());
            }
        });
    }
    hears
}
