//! The linger: a worker that ran out of calls looks for the next one for a moment before it
//! sleeps, because a wake costs more than a look. Invariant: one worker of a pool lingers at a
//! time, and where looking finds nothing it stops looking.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Looks that found nothing before the linger turns itself off.
const PATIENCE: usize = 8;

/// Sleeps that go by while it is off before it is tried again.
const PAUSE: usize = 64;

/// Looks before it lets others have the CPU: a few microseconds.
const LOOKS_PER_YIELD: u32 = 4;

pub(crate) struct Linger {
    time: Duration,
    busy: AtomicBool,
    /// Grows by two with a hit and shrinks by one with a miss; 0 is off.
    credit: AtomicUsize,
    skipped: AtomicUsize,
}

impl Linger {
    pub(crate) fn new(time: Duration) -> Self {
        let one_cpu = thread::available_parallelism().map_or(1, |cpus| cpus.get()) == 1;
        Self {
            time: if one_cpu { Duration::ZERO } else { time },
            busy: AtomicBool::new(false),
            credit: AtomicUsize::new(PATIENCE),
            skipped: AtomicUsize::new(0),
        }
    }

    /// Looks until `found`, for the linger time at most. Says whether it was found.
    /// Where others of the pool work, they may need this CPU, and get it now and then; alone it
    /// keeps the CPU, because who gives it away on a busy machine gets it back late.
    pub(crate) fn look(&self, found: impl Fn() -> bool, others_work: impl Fn() -> bool) -> bool {
        if !self.pays() || self.busy.swap(true, Ordering::Acquire) {
            return false;
        }
        // A time beyond the clock's range never comes.
        let until = Instant::now().checked_add(self.time);
        let mut looks = 0u32;
        let hit = loop {
            for _ in 0..32 {
                hint::spin_loop();
            }
            if found() {
                break true;
            }
            looks += 1;
            if looks.is_multiple_of(LOOKS_PER_YIELD) && others_work() {
                thread::yield_now();
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                break false;
            }
        };
        let credit = self.credit.load(Ordering::Relaxed);
        let credit = if hit { (credit + 2).min(PATIENCE) } else { credit.saturating_sub(1) };
        self.credit.store(credit, Ordering::Relaxed);
        self.busy.store(false, Ordering::Release);
        hit
    }

    fn pays(&self) -> bool {
        if self.time.is_zero() {
            return false;
        }
        if self.credit.load(Ordering::Relaxed) > 0 {
            return true;
        }
        if self.skipped.fetch_add(1, Ordering::Relaxed) % PAUSE == PAUSE - 1 {
            self.credit.store(1, Ordering::Relaxed);
        }
        false
    }

    /// Whether it is turned off at present.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_off(&self) -> bool {
        self.time.is_zero() || self.credit.load(Ordering::Relaxed) == 0
    }
}
