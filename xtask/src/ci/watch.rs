//! What ends a stage that hangs, so that it fails, and says which programs hung.
//!
//! Invariant: only programs that this one has started, or that these have, are ended; a stage in time is not
//! touched.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::Note;

/// A stage may start its next program when one has ended.
const AGAIN: Duration = Duration::from_secs(1);

/// Same as `stage()`, except that it fails if it runs longer than `limit`: then `end` is called until the
/// stage is over, and says what it ended.
pub(super) fn within(
    limit: Duration,
    end: impl Fn() -> BTreeSet<String> + Send,
    stage: impl FnOnce() -> Result<Note>,
) -> Result<Note> {
    let (over, ended) = mpsc::channel::<()>();
    let (outcome, hung) = thread::scope(|scope| {
        let watch = scope.spawn(move || after(limit, &ended).then(|| until(&ended, end)));
        let outcome = stage();
        drop(over);
        (outcome, watch.join())
    });
    match hung {
        Ok(None) => outcome,
        Ok(Some(hung)) => {
            let hung = Vec::from_iter(hung).join("`, `");
            bail!("it had not ended after {limit:?}, and what it ran then was ended: `{hung}`")
        }
        Err(_) => bail!("what was to end it after {limit:?} has panicked"),
    }
}

/// Whether the stage still runs when the time is over.
fn after(limit: Duration, ended: &Receiver<()>) -> bool {
    ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
}

fn until(ended: &Receiver<()>, end: impl Fn() -> BTreeSet<String>) -> BTreeSet<String> {
    let mut hung = end();
    while after(AGAIN, ended) {
        hung.extend(end());
    }
    hung
}

/// Ends all programs that `root` has started, and those that they have, and gives the command lines of the
/// ones that had started no other: the programs that the others waited for.
pub(super) fn end_below(root: u32) -> BTreeSet<String> {
    let kind = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).without_tasks();
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    let all = system.processes();
    let mut below = vec![Pid::from_u32(root)];
    let mut last = BTreeSet::new();
    let mut next = 0;
    while let Some(&one) = below.get(next) {
        let known = below.len();
        below.extend(all.values().filter(|other| other.parent() == Some(one)).map(Process::pid));
        if known == below.len() && next > 0 {
            last.insert(one);
        }
        next += 1;
    }
    for process in below.iter().skip(1).filter_map(|pid| all.get(pid)) {
        // One that has ended meanwhile is what was wanted.
        let _sent = process.kill();
    }
    last.iter().filter_map(|pid| all.get(pid)).map(shown).collect()
}

fn shown(process: &Process) -> String {
    let words: Vec<_> = process.cmd().iter().map(|word| word.to_string_lossy()).collect();
    if words.is_empty() { process.name().to_string_lossy().into_owned() } else { words.join(" ") }
}
