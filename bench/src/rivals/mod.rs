//! Who is measured: offloop, its rivals, the machine's floors; one file each.
//!
//! Invariant: all of them get the same bell to wake the loop, the same number of workers and the
//! same no-op calls, and a case knows them by the trait [`Rival`] alone.

mod blocking;
mod channel;
mod floor;
mod gate;
mod mailbox;
mod offloop;
mod rayon;
mod threadpool;
mod tokio;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;

pub(crate) use self::gate::Gate;

/// What is measured, and how to build it.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) build: fn(&Site) -> Result<Box<dyn Rival>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Offloop,
    /// A second offloop that differs in nothing: what it differs by is noise.
    Control,
    Rival,
    /// The least that the machine asks for a call with both sides awake, or both asleep.
    Floor {
        spins: bool,
    },
}

/// The names of offloop's own two sides and of the control.
pub(crate) const THREADS: &str = "offloop threads";
pub(crate) const CORES: &str = "offloop cores";
pub(crate) const CONTROL: &str = "offloop again";

pub(crate) const CONTENDERS: &[Contender] = &[
    Contender { name: THREADS, kind: Kind::Offloop, build: offloop::threads },
    Contender { name: CORES, kind: Kind::Offloop, build: offloop::cores },
    Contender { name: CONTROL, kind: Kind::Control, build: offloop::threads },
    Contender { name: "tokio", kind: Kind::Rival, build: tokio::build },
    Contender { name: "blocking", kind: Kind::Rival, build: blocking::build },
    Contender { name: "rayon", kind: Kind::Rival, build: rayon::build },
    Contender { name: "threadpool", kind: Kind::Rival, build: threadpool::build },
    Contender { name: "crossbeam", kind: Kind::Rival, build: channel::build },
    Contender { name: "crossbeam +handler", kind: Kind::Rival, build: channel::with_handlers },
    Contender { name: "spin floor", kind: Kind::Floor { spins: true }, build: floor::spin },
    Contender { name: "futex floor", kind: Kind::Floor { spins: false }, build: floor::futex },
];

/// What a contender gets to work with.
pub(crate) struct Site {
    pub(crate) bell: Bell,
    pub(crate) workers: usize,
}

/// Wakes the loop, and counts how often it was asked to.
#[derive(Clone)]
pub(crate) struct Bell {
    pub(crate) waker: Arc<mio::Waker>,
    pub(crate) rung: Arc<AtomicU64>,
}

impl Bell {
    fn count(&self) {
        self.rung.fetch_add(1, Ordering::Relaxed);
    }

    fn ring(&self) {
        self.count();
        // It fails only when the loop is gone, and then nobody is left to wake.
        let _nobody_left = self.waker.wake();
    }
}

/// What the handlers change: the application's state, as small as it can be.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) returned: u64,
    pub(crate) failed: u64,
    sum: u64,
}

impl Tally {
    pub(crate) fn ok(&mut self, value: u64) {
        self.returned += 1;
        self.sum = self.sum.wrapping_add(value);
    }

    pub(crate) fn failed(&mut self) {
        self.returned += 1;
        self.failed += 1;
    }
}

/// One side of a comparison. All of it is called on the loop thread.
pub(crate) trait Rival {
    /// Submits this many no-op calls, one by one.
    fn submit(&mut self, calls: u64);
    /// Submits a call that holds its worker until the gate opens.
    fn hold(&mut self, gate: &Arc<Gate>);
    /// What the loop does when it was woken: handles what came back.
    fn deliver(&mut self, tally: &mut Tally);
    /// `deliver`, this many times.
    fn deliver_often(&mut self, turns: u64, tally: &mut Tally);
    /// Called around each block: a floor that spins does so in its own blocks only.
    fn set_active(&mut self, _active: bool) {}
}

/// What a pool of workers must do to be a [`Rival`].
pub(crate) trait Pool {
    /// Submits one call; what it returns is due in a later `deliver`.
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F);
    fn deliver(&mut self, tally: &mut Tally);
}

impl<P: Pool> Rival for P {
    fn submit(&mut self, calls: u64) {
        for value in 0..calls {
            self.call(move || black_box(value));
        }
    }

    fn hold(&mut self, gate: &Arc<Gate>) {
        let gate = gate.clone();
        self.call(move || gate.hold());
    }

    fn deliver(&mut self, tally: &mut Tally) {
        Pool::deliver(self, tally);
    }

    fn deliver_often(&mut self, turns: u64, tally: &mut Tally) {
        for _ in 0..turns {
            Pool::deliver(black_box(&mut *self), black_box(&mut *tally));
        }
    }
}
