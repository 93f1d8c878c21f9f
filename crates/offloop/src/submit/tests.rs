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
