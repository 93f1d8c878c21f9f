//! The inline executor: the function runs on the loop thread, inside the next turn.
//!
//! For calls that are cheaper than a hand-over, and for tests. Invariant: an inline call enters the
//! loop's ready queue once: when it may run, or when it is decided before. Its `Work` waits with its
//! entry, and the turn that meets it runs it.

use super::charge::Charge;
use crate::complete::CallRef;
use crate::execute::Ring;

/// Puts a call into the ready queue, and asks for the turn that runs it; where the keeper is woken
/// anyway, it asks.
pub(super) fn stand_by(charge: &Charge, call: &CallRef, ring: Ring) {
    if call.stand_by() {
        match ring {
            Ring::Yes => charge.hub.ask_for_turn(),
            Ring::No => charge.owe_turn(),
        }
    }
}
