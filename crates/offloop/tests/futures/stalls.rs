//! Futures that block by mistake. Invariant: whether a poll is too long is decided by what the test
//! holds it with, never by the machine's pace.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use offloop::AsyncCalls;

use crate::common::{PATIENCE, Seen, TestLoop, keep, wait_for};
use crate::runtime::Runtime;

fn looped(limit: Duration) -> TestLoop<Seen<()>> {
    let runtime = Runtime::new(2);
    TestLoop::with(|b| b.async_on(runtime).async_calls(AsyncCalls::new().stall(limit)))
}

#[test]
fn a_poll_that_blocks_is_counted_with_its_place() {
    let lp = looped(Duration::from_millis(20));
    let line = line!() + 1;
    lp.off.call_async(async { std::thread::sleep(Duration::from_millis(40)) }).then(keep);
    assert!(lp.outcome().is_ok());
    wait_for("it is counted", || lp.off.stats().async_stalls == 1);
    let stats = lp.off.stats();
    assert_eq!(
        stats.longest_stall_place.map(|place| (place.file(), place.line())),
        Some((file!(), line))
    );
    assert!(stats.longest_stall >= Duration::from_millis(40));
}

#[test]
fn a_poll_that_does_not_block_is_not() {
    let lp = looped(Duration::from_secs(3600));
    for _ in 0..100 {
        lp.off.call_async(async {}).then(keep);
    }
    lp.outcomes(100);
    let stats = lp.off.stats();
    assert_eq!((stats.async_stalls, stats.longest_stall_place), (0, None));
}

/// What never returns can't be timed at its end: it is told when its call is decided, and once.
///
/// With a longer deadline each time, until one passes when the poll has stood still for the limit.
#[test]
fn a_poll_that_never_ends_is_counted_when_its_deadline_passes() {
    const LIMIT: Duration = Duration::from_millis(1);
    for attempt in 0..10 {
        let lp = looped(LIMIT);
        let (release, held) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        let time = Duration::from_millis(20 << attempt);
        // The call's own is no earlier.
        let deadline = Instant::now() + time;
        let call = lp.off.call_async(async move {
            enter.send(Instant::now()).unwrap();
            held.recv().unwrap_or(())
        });
        call.deadline(time).then(keep);
        assert!(lp.outcome().is_err());
        // Nothing comes of a future that is dropped without a poll.
        if !entered.recv_timeout(PATIENCE).is_ok_and(|at| at + LIMIT <= deadline) {
            continue;
        }
        wait_for("it is counted", || lp.off.stats().async_stalls == 1);
        drop(release);
        wait_for("it has ended", || lp.off.stats().async_calls.running == 0);
        return assert_eq!(lp.off.stats().async_stalls, 1, "once");
    }
    panic!("no future was polled in time within ten seconds");
}
