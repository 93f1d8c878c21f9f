//! What an offloop keeps that its users do not see.

use std::time::Duration;

use super::Offloop;
use crate::failure::Failure;

/// Else a loop that goes on after its offloop's end, and makes resources, would only grow.
#[test]
fn a_resource_that_no_call_can_reach_is_kept_by_its_handles_alone() {
    let off = Offloop::<Vec<Failure>>::builder().no_waker().build().expect("it can be built");
    let listed = || off.link().engine.residents().len();
    let _before = off.resource(|| ());
    assert_eq!(listed(), 1);
    off.close();
    let closed = off.resource(|| ());
    assert_eq!(listed(), 1);
    off.shutdown(Duration::ZERO);
    let at_the_end = listed();
    let shut_down = off.resource(|| ());
    assert_eq!(listed(), at_the_end);
    let mut heard = Vec::new();
    for resource in [&closed, &shut_down] {
        off.call_on(resource, |()| ()).then(|heard, outcome| heard.extend(outcome.err()));
        off.deliver(&mut heard);
    }
    assert!(matches!(heard[..], [Failure::Shutdown, Failure::Shutdown]), "{heard:?}");
}

/// The memory of a burst stays with the loop that may need it again, and not with a thread that has
/// no loop any more.
#[cfg(not(offloop_no_recycling))]
#[test]
fn a_thread_keeps_the_memory_of_its_loops_bursts_while_it_has_one() {
    use crate::recycle::{KEPT_MAX, kept_bytes};

    let test = || {
        let off = Offloop::<usize>::builder().no_waker().build().expect("it can be built");
        let burst = || {
            let mut heard = 0;
            (0..10_000).for_each(|_| {
                off.call(|| ()).inline().then(|heard, _| *heard += 1);
            });
            while heard < 10_000 {
                off.deliver(&mut heard);
            }
        };
        // The loop had no turn when it made the first one's calls.
        (0..2).for_each(|_| burst());
        assert!(kept_bytes() > 2 * KEPT_MAX, "{} bytes", kept_bytes());
        drop(off);
        assert!(kept_bytes() <= KEPT_MAX, "{} bytes", kept_bytes());
    };
    std::thread::spawn(test).join().expect("the test's thread ends well");
}
