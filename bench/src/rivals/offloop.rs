//! offloop, on its threads and on its cores, woken through the mio adapter.
//!
//! Invariant: built as users build it, with the default features; only the number of workers and
//! the length of the queue are set, the latter for the burst.

use anyhow::Result;
use offloop::{Cores, LoopWaker, Offloop, Threads};
use offloop_mio::MioWaker;

use super::{Bell, Pool, Rival, Site, Tally};
use crate::cases::BURST;

/// Room for the burst and the calls that hold the workers.
const QUEUE: usize = 2 * BURST as usize;

struct OnThreads(Offloop<Tally>);

struct OnCores(Offloop<Tally>);

pub(super) fn threads(site: &Site) -> Result<Box<dyn Rival>> {
    Ok(Box::new(OnThreads(offloop(site)?)))
}

pub(super) fn cores(site: &Site) -> Result<Box<dyn Rival>> {
    Ok(Box::new(OnCores(offloop(site)?)))
}

fn offloop(site: &Site) -> Result<Offloop<Tally>> {
    let waker = Counted { waker: MioWaker::from(site.bell.waker.clone()), bell: site.bell.clone() };
    let off = Offloop::<Tally>::builder()
        .waker(waker)
        .threads(Threads::new().max(site.workers).queue(QUEUE))
        .cores(Cores::new().workers(site.workers).queue(QUEUE))
        .build()?;
    Ok(off)
}

/// The adapter's waker, and a count.
struct Counted {
    waker: MioWaker,
    bell: Bell,
}

impl LoopWaker for Counted {
    fn wake(&self) {
        self.bell.count();
        self.waker.wake();
    }
}

impl Pool for OnThreads {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        self.0.call(f).threads().then(handle);
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.0.deliver(tally);
    }
}

impl Pool for OnCores {
    fn call<F: FnOnce() -> u64 + Send + 'static>(&mut self, f: F) {
        self.0.call(f).cores().then(handle);
    }

    fn deliver(&mut self, tally: &mut Tally) {
        self.0.deliver(tally);
    }
}

fn handle(tally: &mut Tally, outcome: offloop::Outcome<u64>) {
    match outcome {
        Ok(value) => tally.ok(value),
        Err(_) => tally.failed(),
    }
}
