//! The processes that this one started, and theirs: their threads, and what they used.
//!
//! Invariant: it reads what `/proc` shows now; whoever ended meanwhile is left out.

use std::fs;

use rustix::process::{Pid, getpid};

/// All processes below this one, the nearest first.
pub(crate) fn descendants() -> Vec<Pid> {
    let mut found = children(getpid());
    let mut next = 0;
    while let Some(&process) = found.get(next) {
        found.extend(children(process));
        next += 1;
    }
    found
}

fn children(process: Pid) -> Vec<Pid> {
    let list = |thread: &Pid| {
        let path = format!("{}/children", task(process, *thread));
        fs::read_to_string(path).unwrap_or_default()
    };
    let lists: Vec<String> = threads(process).iter().map(list).collect();
    lists.iter().flat_map(|list| list.split_ascii_whitespace()).filter_map(number).collect()
}

/// The threads of a process; its main thread has the number of the process.
pub(crate) fn threads(process: Pid) -> Vec<Pid> {
    let folder = format!("/proc/{}/task", process.as_raw_nonzero());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| number(&entry.file_name().to_string_lossy())).collect()
}

fn number(text: &str) -> Option<Pid> {
    text.parse().ok().and_then(Pid::from_raw)
}

fn task(process: Pid, thread: Pid) -> String {
    format!("/proc/{}/task/{}", process.as_raw_nonzero(), thread.as_raw_nonzero())
}

/// What threads have used since they began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Time on a CPU, in user mode and in the kernel.
    pub(crate) cpu_ns: u64,
    /// How often they went to sleep by themselves.
    pub(crate) sleeps: u64,
}

impl Used {
    /// By one thread.
    pub(crate) fn by(process: Pid, thread: Pid) -> Self {
        let task = task(process, thread);
        let scheduled = fs::read_to_string(format!("{task}/schedstat")).unwrap_or_default();
        let status = fs::read_to_string(format!("{task}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        let figure = |text: Option<&str>| text.and_then(|text| text.trim().parse().ok());
        Self {
            cpu_ns: figure(scheduled.split_ascii_whitespace().next()).unwrap_or(0),
            sleeps: figure(line).unwrap_or(0),
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.cpu_ns += other.cpu_ns;
        self.sleeps += other.sleeps;
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
            sleeps: self.sleeps.saturating_sub(before.sleeps),
        }
    }
}

/// Ticks of a process and of those that it has reaped.
pub(crate) fn ticks(process: Pid) -> u64 {
    let path = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = fs::read_to_string(path).unwrap_or_default();
    // The 14th to the 17th field; the 2nd is a name that may hold blanks.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = after_name.split_ascii_whitespace().skip(11).take(4);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}
