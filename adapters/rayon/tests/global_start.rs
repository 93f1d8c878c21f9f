//! The start of rayon's global pool, in a program of its own. Invariant: nobody has used it before.

#![cfg(target_os = "linux")]

use offloop::{Offloop, Outcome};
use offloop_rayon::RayonExecutor;

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("the kernel knows them").count()
}

/// G4: a submit starts no thread.
#[test]
fn the_global_pool_is_there_before_the_first_call() {
    let builder = Offloop::<Vec<Outcome<u32>>>::builder().no_waker();
    let off = builder.cores_on(RayonExecutor::global()).build().expect("an offloop");
    let before = threads();
    off.call(|| 1).cores().then(|seen, outcome| seen.push(outcome));
    assert_eq!(threads(), before);
    let mut seen = Vec::new();
    while seen.is_empty() {
        off.deliver(&mut seen);
        std::thread::yield_now();
    }
    assert!(matches!(seen[..], [Ok(1)]));
}
