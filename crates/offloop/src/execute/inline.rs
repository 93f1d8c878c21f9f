//! The inline executor: the function runs on the loop thread, inside the next turn.
//!
//! For calls that are cheaper than a hand-over, and for tests. Invariant: an inline call stands in
//! the loop's ready queue from its submit on; whoever decides it leaves it there.

use super::{Executor, Priority, Ring};
use crate::complete::{CallRef, Work};

pub(crate) struct Inline;

impl Inline {
    /// Puts a call into the ready queue; its `Work` waits with its entry, on the loop thread.
    pub(crate) fn stand_by(call: &CallRef) {
        call.hub().hand_over(call.clone());
    }
}

impl Executor for Inline {
    /// Runs it here and now: this is called by the turn that met the call.
    fn submit(&self, work: Work, _: Priority, _: Ring) {
        work.run();
    }
}
