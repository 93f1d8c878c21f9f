//! Keys leave nothing behind: the heap after a million calls with a million distinct keys is what it
//! was before. Invariant: every allocation of this program is counted, and it runs this one test.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{TestLoop, wait_until};

const KEYS: u64 = 1_000_000;

/// Calls that are submitted at once.
const BATCH: u64 = 20_000;

/// Tables keep the room that their fullest moment needed, which differs from batch to batch. A key
/// that stayed would take ten times as much: 40 bytes a million times at the least.
const SLACK: usize = 4 << 20;

static HEAP: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call is the system allocator's own, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise; `block` came from `System`.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn heap() -> usize {
    HEAP.load(Ordering::Relaxed)
}

/// Submits and delivers a batch of calls, each with a key of its own.
fn batch(lp: &TestLoop<u64>, keys: std::ops::Range<u64>) {
    let (mut heard, count) = (0, keys.end - keys.start);
    let handle = lp.off.handle();
    for key in keys {
        match key % 5 {
            0 => lp.off.call(move || key).in_order(key).inline().then(|heard, _| *heard += 1),
            1 => lp.off.call(move || key).serial(key).inline().then(|heard, _| *heard += 1),
            2 => lp.off.call(move || key).latest(key).inline().then(|heard, _| *heard += 1),
            3 => lp.off.call(move || key).share(key).inline().then(|heard, _| *heard += 1),
            _ => {
                let name = format!("key {key}");
                handle.call(move || key).in_order(name).then(|heard, _| *heard += 1)
            }
        };
    }
    lp.run_until(&mut heard, |heard| *heard == count);
}

#[test]
fn a_million_distinct_keys_leave_no_memory_behind() {
    let lp = TestLoop::<u64>::new();
    batch(&lp, 0..BATCH);
    wait_until(|| {
        lp.turn(&mut 0);
        lp.off.stats().threads.running == 0
    });
    // A turn that finds something also gives back what a second of turns did without.
    let calm_turn = || {
        lp.off.call(|| ()).inline().then(|_, _| {});
        lp.turn(&mut 0);
    };
    let settle = || {
        (0..2000).for_each(|_| {
            calm_turn();
            std::thread::sleep(std::time::Duration::from_millis(1));
        })
    };
    settle();
    let before = heap();
    for first in (BATCH..KEYS + BATCH).step_by(BATCH as usize) {
        batch(&lp, first..first + BATCH);
    }
    settle();
    let most = before + SLACK;
    common::wait_for("what the keys took is given back", || {
        calm_turn();
        heap() <= most
    });
}
