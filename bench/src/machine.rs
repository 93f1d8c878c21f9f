//! The machine: its CPUs, who runs on which, and what its hypervisor took away.
//!
//! Invariant: a placement names CPUs for every thread of the process, and of the processes that it
//! started, found by thread id, so it holds for the threads of rivals that know no pinning.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use rustix::process::{Pid, getpid};
use rustix::thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

use crate::tree::{self, Used};

/// Where the loop and the workers run; the same for every side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Placement {
    /// The loop on CPU 0, every other thread on CPU 1.
    Split,
    /// Every thread on CPU 0.
    OneCpu,
    /// Wherever the kernel likes.
    Free,
}

impl Placement {
    pub(crate) const ALL: [Placement; 3] = [Placement::Split, Placement::OneCpu, Placement::Free];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Placement::Split => "split",
            Placement::OneCpu => "one-cpu",
            Placement::Free => "free",
        }
    }

    pub(crate) fn what(self) -> &'static str {
        match self {
            Placement::Split => "the loop on CPU 0, all other threads and processes on CPU 1",
            Placement::OneCpu => "all threads and processes on CPU 0",
            Placement::Free => "all threads and processes where the kernel puts them",
        }
    }

    /// Whether this machine can do it.
    pub(crate) fn check(self, cpus: usize) -> Result<()> {
        if self == Placement::Split && cpus < 2 {
            bail!("the placement `split` needs two CPUs, and this process may use {cpus}");
        }
        Ok(())
    }

    /// Before a side is built. On one CPU it must see that there is one, as under `taskset`; in
    /// the others it sees all of them.
    pub(crate) fn prepare(self, all: &CpuSet) -> Result<()> {
        let cpus = if self == Placement::OneCpu { only(0) } else { *all };
        sched_setaffinity(None, &cpus).context("could not set this thread's CPUs")
    }

    /// Lets this thread run anywhere again.
    pub(crate) fn release(self, all: &CpuSet) -> Result<()> {
        sched_setaffinity(None, all).context("could not reset this thread's CPUs")
    }

    /// Puts every thread of this process where it belongs; call it on the loop thread.
    pub(crate) fn apply(self) {
        self.place(&[getpid()], &[gettid()]);
    }

    /// The same, and every thread of the processes below; among them, the main thread of each of
    /// `loops` is a loop, too.
    pub(crate) fn apply_to_all(self, loops: &[Pid]) {
        let processes = [vec![getpid()], tree::descendants()].concat();
        self.place(&processes, &[&[gettid()], loops].concat());
    }

    fn place(self, processes: &[Pid], loops: &[Pid]) {
        let (own, others) = match self {
            Placement::Split => (only(0), only(1)),
            Placement::OneCpu => (only(0), only(0)),
            Placement::Free => return,
        };
        for thread in processes.iter().flat_map(|process| tree::threads(*process)) {
            let cpus = if loops.contains(&thread) { &own } else { &others };
            // A thread may have ended since the listing.
            let _ended = sched_setaffinity(Some(thread), cpus);
        }
    }
}

/// The CPUs that this thread may use.
pub(crate) fn cpus() -> Result<CpuSet> {
    sched_getaffinity(None).context("could not read this thread's CPUs")
}

fn only(cpu: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(cpu);
    set
}

/// How often threads of this process went to sleep by themselves, ever.
pub(crate) fn sleeps() -> u64 {
    let me = getpid();
    tree::threads(me).into_iter().map(|thread| Used::by(me, thread).sleeps).sum()
}

/// Long enough for others to get on, short enough not to be felt.
pub(crate) fn nap() {
    thread::sleep(Duration::from_micros(50));
}

/// Ticks of all CPUs since the start of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    all: u64,
    idle: u64,
    steal: u64,
    /// Those of this process and of the processes below.
    own: u64,
}

impl Ticks {
    pub(crate) fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("could not read the CPUs' ticks")?;
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
        let fields: Vec<u64> = line
            .unwrap_or_default()
            .split_ascii_whitespace()
            .take(8)
            .filter_map(|field| field.parse().ok())
            .collect();
        match fields[..] {
            [.., idle, _, _, _, steal] if fields.len() == 8 => {
                Ok(Self { all: fields.iter().sum(), idle, steal, own: own_ticks() })
            }
            _ => bail!("the first line of /proc/stat does not have the eight fields of Linux"),
        }
    }

    /// The share of the CPU time since `before` that the hypervisor gave to others.
    pub(crate) fn steal_since(&self, before: &Self) -> f64 {
        ratio(self.steal - before.steal, self.all - before.all)
    }

    /// The share that other programs of this machine used, and its kernel for them.
    pub(crate) fn others_since(&self, before: &Self) -> f64 {
        let spent = (self.idle - before.idle) + (self.steal - before.steal);
        let all = self.all - before.all;
        ratio(all.saturating_sub(spent + self.own.saturating_sub(before.own)), all)
    }
}

fn own_ticks() -> u64 {
    tree::ticks(getpid()) + tree::descendants().into_iter().map(tree::ticks).sum::<u64>()
}

#[expect(clippy::cast_precision_loss, reason = "a share, shown with two digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What a reader must know of the machine.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cpus: u32,
    pub(crate) kernel: String,
    pub(crate) virtualized: bool,
}

impl Machine {
    pub(crate) fn read() -> Result<Self> {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = info.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            cpu: field("model name").unwrap_or_else(|| "unknown CPU".to_owned()),
            cpus: cpus()?.count(),
            kernel: format!("Linux {}", release.trim()),
            virtualized: field("flags").is_some_and(|flags| flags.contains("hypervisor")),
        })
    }
}
