//! Model of the alarm: run with `--cfg loom`.

use std::sync::Arc;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::timers::Alarm;

/// A timer that is added while the keeper goes to sleep is seen by it, or rings it. One that is
/// neither leaves the keeper asleep for ever, which loom reports as a deadlock.
#[test]
fn no_timer_is_slept_through() {
    loom::model(|| {
        let alarm = Arc::new(Alarm::new());
        let added = Arc::new(AtomicUsize::new(0));
        let keeper = thread::current();
        for at_ns in [7, 5] {
            let (alarm, added, keeper) = (alarm.clone(), added.clone(), keeper.clone());
            thread::spawn(move || {
                added.fetch_add(1, Ordering::Relaxed);
                if alarm.must_ring(at_ns) {
                    keeper.unpark();
                }
            });
        }
        let mut taken = 0;
        while taken < 2 {
            taken += added.swap(0, Ordering::Relaxed);
            alarm.set(u64::MAX);
            if taken < 2 && added.load(Ordering::Relaxed) == 0 {
                thread::park();
            }
        }
    });
}
