//! The program's allocator: the system's, and counters that run while they are switched on.
//!
//! Invariant: off, an allocation pays one relaxed load and no shared counter is written, so the
//! timed cases are not slowed by it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ON: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);

struct Counting;

/// What was allocated while the counters were on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allocated {
    /// How often the allocator was asked for memory, growing included.
    pub(crate) times: u64,
    /// Bytes that are not freed yet.
    pub(crate) live_bytes: i64,
}

/// Runs `f` with the counters on.
pub(crate) fn counted<T>(f: impl FnOnce() -> T) -> (T, Allocated) {
    let times = ALLOCATIONS.load(Ordering::SeqCst);
    let live_bytes = LIVE.load(Ordering::SeqCst);
    ON.store(true, Ordering::SeqCst);
    let value = f();
    ON.store(false, Ordering::SeqCst);
    let allocated = Allocated {
        times: ALLOCATIONS.load(Ordering::SeqCst) - times,
        live_bytes: LIVE.load(Ordering::SeqCst) - live_bytes,
    };
    (value, allocated)
}

fn note(times: u64, bytes: i64) {
    if ON.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(times, Ordering::Relaxed);
        LIVE.fetch_add(bytes, Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

// SAFETY: every method hands its arguments to `System` unchanged and gives back what that gave.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, signed(layout.size()));
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, signed(size) - signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, -signed(layout.size()));
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}
