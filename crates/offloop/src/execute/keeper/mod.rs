//! The keeper: one thread per offloop that fires deadlines and starts workers.
//!
//! Invariant: of code that is not ours it runs wakers, and a guest's `submit` and `abandoned`, which
//! are all to return at once; so nothing else that a user does delays a deadline. It sleeps
//! until the next timer or until it is rung; every ring after it last looked wakes it, because a
//! ring leaves the thread's park token.

mod manual;
mod timers;

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(feature = "testkit")]
pub use self::manual::ManualClock;
#[cfg(not(feature = "testkit"))]
pub(crate) use self::manual::ManualClock;
pub(crate) use self::timers::Timers;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use self::timers::{Sleep, TimerHeap};
use super::charge::Charge;

/// Wakes the keeper, from any thread, without a lock.
#[derive(Default)]
pub(crate) struct Bell {
    rung: AtomicBool,
    stop: AtomicBool,
    keeper: OnceLock<Thread>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel)
            && let Some(keeper) = self.keeper.get()
        {
            keeper.unpark();
        }
    }
}

pub(crate) struct Keeper {
    bell: Arc<Bell>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    pub(crate) fn start(bell: Arc<Bell>, charge: Arc<Charge>) -> io::Result<Self> {
        let its = bell.clone();
        let thread = thread::Builder::new()
            .name("offloop-keeper".into())
            .spawn(move || keep(&its, &charge))?;
        let _first = bell.keeper.set(thread.thread().clone());
        // A ring before the line above found nobody to wake.
        thread.thread().unpark();
        Ok(Self { bell, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the thread and waits for it; it runs no user code, so that is short.
    pub(crate) fn stop(&self) {
        self.bell.stop.store(true, Ordering::Release);
        self.bell.rung.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            thread.thread().unpark();
            // It can't have panicked on user code; a panic of our own has been printed.
            let _ended = thread.join();
        }
    }

    /// Forgets the thread: this is a forked child, which has only its parent's books.
    pub(crate) fn forget(&self) {
        if let Ok(mut thread) = self.thread.try_lock() {
            std::mem::forget(thread.take());
        }
    }
}

fn keep(bell: &Bell, charge: &Charge) {
    let mut heap = TimerHeap::default();
    loop {
        bell.rung.swap(false, Ordering::AcqRel);
        let now = Instant::now();
        charge.pay_turn();
        if charge.hub.clock.is_none() {
            // By a clock that is moved by hand `close` itself does so, where the test says.
            charge.drain_if_closed();
        }
        let retry_at = charge.tend(now);
        heap.take_in(&charge.timers);
        while let Some(call) = heap.pop_due(Instant::now()) {
            charge.time_out(&call);
        }
        if bell.stop.load(Ordering::Acquire) {
            return;
        }
        match heap.arm(&charge.timers, retry_at) {
            None => {}
            Some(Sleep::UntilRung) => thread::park(),
            Some(Sleep::For(time)) => thread::park_timeout(time),
        }
    }
}
