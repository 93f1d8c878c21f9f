//! The state that the suite's handlers change. Invariant: only handlers and rounds write it, so all
//! of it happened on the loop thread.

use std::thread::{self, ThreadId};

use offloop::Outcome;

/// The `S` of the offloops that a loop suite builds; opaque to the loop.
#[derive(Default)]
pub struct LoopState {
    pub(super) outcomes: Vec<Outcome<u32>>,
    /// Where each of them was handled.
    pub(super) threads: Vec<ThreadId>,
    pub(super) own_events: usize,
    pub(super) most_in_a_turn: usize,
}

/// A handler that keeps its outcome.
pub(super) fn keep(state: &mut LoopState, outcome: Outcome<u32>) {
    state.outcomes.push(outcome);
    state.threads.push(thread::current().id());
}

impl LoopState {
    pub(super) fn handled(&self) -> usize {
        self.outcomes.len()
    }

    /// The values, in rising order.
    pub(super) fn values(&self) -> Vec<u32> {
        let mut values: Vec<u32> =
            self.outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
        values.sort_unstable();
        values
    }
}
