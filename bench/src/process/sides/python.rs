//! Python's pools of processes, each driven by `python/pools.py` in a Python of its own.
//!
//! Invariant: the script takes the times and hands them over one block at a time, so that its blocks
//! stand in the rounds like those of any other side.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use rustix::process::Pid;

use super::{Side, Site};
use crate::process::cases::Work;
use crate::process::child;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/pools.py");

struct Python {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

pub(super) fn does(work: Work) -> bool {
    matches!(work, Work::Calls { .. } | Work::Payload { .. } | Work::Crash)
}

/// Whether this Python has that package.
pub(super) fn available(python: &str, package: &str) -> Result<(), String> {
    let import = format!("import {package}");
    let tried = Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status();
    match tried {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{package} is not installed for `{python}`")),
        Err(_) => Err(format!("`{python}` is not installed")),
    }
}

pub(super) fn build(site: &Site<'_>, package: &str) -> Result<Box<dyn Side>> {
    let mut command = Command::new(site.python);
    command.args([SCRIPT, package, &site.workers.to_string()]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let to = child.stdin.take();
    let from = BufReader::new(child.stdout.take().context("the script has no output")?);
    Ok(Box::new(Python { child, to, from }))
}

impl Side for Python {
    fn block(&mut self, work: Work, calls: u64) -> Result<f64> {
        let order = match work {
            Work::Calls { in_flight } => format!("calls {calls} {in_flight}"),
            Work::Payload { bytes } => format!("payload {calls} {bytes}"),
            Work::Crash => format!("crash {calls} 0"),
            work => bail!("Python's pools do no {work:?}"),
        };
        writeln!(self.to.as_mut().context("the script's input is closed")?, "{order}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        answer.trim().parse().with_context(|| format!("calls failed: the script said {answer:?}"))
    }

    fn loops(&self) -> Vec<Pid> {
        child::pid(&self.child).into_iter().collect()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // At the end of its input it ends its pool, and then itself.
        self.to = None;
        let _ended = self.child.wait();
    }
}
