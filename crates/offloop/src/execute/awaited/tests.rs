//! Who waits for the end. Invariant: no test waits for the limit, which only ends what hangs.

use std::thread;
use std::time::{Duration, Instant};

use super::Awaited;

#[test]
fn who_waits_hears_of_the_change() {
    let (open, until) = (Awaited::<u32>::default(), Instant::now() + Duration::from_secs(60));
    open.with(|open| *open = 2);
    thread::scope(|scope| {
        let waits = scope.spawn(|| open.wait_while(until, |open| *open > 0));
        // From then on it sleeps whenever the lock is free.
        while !open.lock().waited {
            thread::yield_now();
        }
        open.change(|open| *open -= 1);
        assert!(!waits.is_finished(), "one is open");
        open.change(|open| *open -= 1);
    });
    assert!(Instant::now() < until, "it heard of nothing");
}

#[test]
fn who_waits_does_so_no_longer_than_it_said() {
    let busy = Awaited::<()>::default();
    busy.wait_while(Instant::now() + Duration::from_millis(1), |()| true);
    busy.wait_while(Instant::now(), |()| true);
}
