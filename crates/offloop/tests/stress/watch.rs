//! Looks from outside: progress, threads and descriptors. Invariant: a hang ends the test with the
//! calls that hang, before any time-out of the one who runs it.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, io, process, thread};

use crate::ledger::{Round, lock};

static PROGRESS: AtomicU64 = AtomicU64::new(0);
static CURRENT: Mutex<Option<Arc<Round>>> = Mutex::new(None);

/// Without progress for this long, the test is hung.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long what has to go soon may stay.
const SOON: Duration = Duration::from_secs(30);

pub(crate) fn progress() {
    PROGRESS.fetch_add(1, Relaxed);
}

pub(crate) fn begin(round: Option<&Arc<Round>>) {
    *lock(&CURRENT) = round.cloned();
}

/// To the terminal, past the test harness, which keeps what a passing test prints.
pub(crate) fn say(line: &str) {
    let _closed = writeln!(io::stderr(), "{line}");
}

pub(crate) fn start() {
    let watch = || {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            thread::sleep(Duration::from_millis(500));
            let now = PROGRESS.load(Relaxed);
            if now != seen {
                (seen, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                dump();
                process::abort();
            }
        }
    };
    thread::Builder::new().name("stress-watch".into()).spawn(watch).expect("a thread");
}

fn dump() {
    say("stress: no progress; these calls are pending:");
    if let Some(round) = &*lock(&CURRENT) {
        let pending = round.pending();
        say(&format!("round {}: {} of {} calls", round.number, pending.len(), round.used()));
        for &id in pending.iter().take(50) {
            let plan = round.record(id).plan.get();
            say(&format!("call {id}: {}, {plan:?}", round.describe(id)));
        }
        round.faults().iter().for_each(|fault| say(fault));
    }
    say(&format!("threads: {:?}", threads("")));
}

/// Polls until it is true, and says whether it came to be.
pub(crate) fn soon(mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + SOON;
    let mut pause = Duration::from_micros(50);
    while !condition() {
        if Instant::now() > until {
            return false;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
    true
}

/// The names of this process's threads that begin like this; none where there is no `/proc`.
pub(crate) fn threads(prefix: &str) -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
    let name = |task: io::Result<fs::DirEntry>| {
        let name = fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
        Some(name.trim_end().to_owned())
    };
    tasks.filter_map(name).filter(|name| name.starts_with(prefix)).collect()
}

/// How many descriptors this process has open; 0 where there is no `/proc`.
pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
