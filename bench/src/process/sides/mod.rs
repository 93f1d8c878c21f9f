//! Who is measured in processes: offloop, its rivals, the machine's floors; one file each.
//!
//! Invariant: all of them run the same functions in as many worker processes, and the rounds know
//! them by the trait [`Side`] alone.

mod floor;
pub(super) mod ipc_channel;
mod offloop;
mod pipe;
mod procspawn;
mod python;
mod steps;

use anyhow::Result;
use rustix::process::Pid;

use super::cases::Work;
use super::{CONTROL, PROCESS};
use crate::machine::Placement;
use crate::rivals::Kind;

/// Bytes of a small message.
pub(super) const MESSAGE: usize = 64;

/// One side of a comparison. All of it is called on the loop thread.
pub(super) trait Side {
    /// One block of so many calls: nanoseconds per call.
    fn block(&mut self, work: Work, calls: u64) -> Result<f64>;

    /// The processes that have a loop of their own, on their main thread.
    fn loops(&self) -> Vec<Pid> {
        Vec::new()
    }
}

/// What is measured, what it can do, and how to build it.
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) does: fn(Work, Placement) -> bool,
    /// Whether it can be built here, given the Python to use; else why not.
    pub(super) available: fn(&str) -> Result<(), String>,
    pub(super) build: fn(&Site<'_>) -> Result<Box<dyn Side>>,
}

/// What a side gets to work with.
pub(super) struct Site<'a> {
    pub(super) placement: Placement,
    pub(super) work: Work,
    pub(super) workers: usize,
    pub(super) python: &'a str,
}

const FLOOR: Kind = Kind::Floor { spins: false };

pub(super) const SIDES: &[Contender] = &[
    Contender {
        name: PROCESS,
        kind: Kind::Offloop,
        does: |_, _| true,
        available: always,
        build: offloop::build,
    },
    Contender {
        name: CONTROL,
        kind: Kind::Control,
        does: |_, _| true,
        available: always,
        build: offloop::build,
    },
    Contender {
        name: "ipc-channel",
        kind: Kind::Rival,
        does: |work, _| ipc_channel::does(work),
        available: always,
        build: ipc_channel::build,
    },
    Contender {
        name: "procspawn",
        kind: Kind::Rival,
        does: |work, _| procspawn::does(work),
        available: always,
        build: procspawn::build,
    },
    Contender {
        name: "ProcessPoolExecutor",
        kind: Kind::Rival,
        does: |work, _| python::does(work),
        available: |python| python::available(python, "concurrent.futures"),
        build: |site| python::build(site, "concurrent.futures"),
    },
    Contender {
        name: "anyio",
        kind: Kind::Rival,
        does: |work, _| python::does(work),
        available: |python| python::available(python, "anyio"),
        build: |site| python::build(site, "anyio"),
    },
    Contender {
        name: "pebble",
        kind: Kind::Rival,
        does: |work, _| python::does(work),
        available: |python| python::available(python, "pebble"),
        build: |site| python::build(site, "pebble"),
    },
    Contender {
        name: "socket floor",
        kind: FLOOR,
        does: |work, _| matches!(work, Work::Calls { .. }),
        available: always,
        build: pipe::socket,
    },
    Contender {
        name: "floor",
        kind: FLOOR,
        does: floor::does,
        available: always,
        build: floor::build,
    },
];

#[expect(clippy::unnecessary_wraps, reason = "it stands beside those that may be missing")]
fn always(_python: &str) -> Result<(), String> {
    Ok(())
}
