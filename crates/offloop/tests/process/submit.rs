//! What a submit does on the loop thread. Invariant: whatever an argument costs, the loop does not pay
//! for it.

use std::sync::Mutex;
use std::thread::{self, ThreadId};

use crate::common::{Seen, TestLoop, keep};
use crate::functions::{Bookkept, looped, processes, take_bookkept};

/// G4
#[test]
fn the_loop_thread_encodes_nothing() {
    static ENCODERS: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());
    let lp: TestLoop<Seen<u32>> = looped(processes().workers(1));
    let book = Bookkept(|| ENCODERS.lock().unwrap().push(thread::current().id()));
    for _ in 0..10 {
        lp.off.call_fn(take_bookkept, book).process().then(keep);
    }
    assert!(lp.outcomes(10).iter().all(Result::is_ok));
    let encoders = ENCODERS.lock().unwrap();
    assert_eq!(encoders.len(), 10);
    assert!(!encoders.contains(&thread::current().id()));
}
