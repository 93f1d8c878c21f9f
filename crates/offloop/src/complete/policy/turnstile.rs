//! The turnstile: at most so many functions of one key run at once, in the order of their submits.
//!
//! A call passes before it is sent to its executor, and leaves when its function has returned or
//! will not run. Whoever leaves lets the next one in, and sends it on from the thread that it is
//! on. A call that is decided while it waits is passed over.
//!
//! Order of effects, for an inline call, whose `Work` may end while it waits: both letting in and
//! leaving swap the same word, so either the place is given back, or it is never taken.
//!
//! Invariant: calls wait only while all places are taken, or somebody is letting them in.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Load, lock};
use crate::complete::hub::Hub;
use crate::sync::{AtomicU8, Mutex, Ordering};

const OUTSIDE: u8 = 0;
const INSIDE: u8 = 1;
const GONE: u8 = 2;

/// Where a call is in respect of its turnstile.
pub(super) struct Pass(AtomicU8);

impl Default for Pass {
    fn default() -> Self {
        Self(AtomicU8::new(OUTSIDE))
    }
}

impl Pass {
    fn begin(&self) -> bool {
        let (from, to) = (OUTSIDE, INSIDE);
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Says whether it was inside.
    pub(super) fn end(&self) -> bool {
        self.0.swap(GONE, Ordering::AcqRel) == INSIDE
    }
}

pub(crate) struct Turnstile {
    places: usize,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    inside: usize,
    /// Somebody lets calls in; who leaves meanwhile leaves that to it. So a row of calls that are
    /// given back at once is a loop and not a recursion.
    served: bool,
    /// It is listed among those at which calls wait.
    parked: bool,
    waiting: VecDeque<Load>,
}

impl Turnstile {
    pub(crate) fn new(places: usize) -> Arc<Self> {
        Arc::new(Self { places, gate: Mutex::new(Gate::default()) })
    }

    /// Lets the call in and gives it back, or keeps it.
    pub(super) fn enter(self: &Arc<Self>, load: Load) -> Option<Load> {
        let hub = load.call().hub_arc().clone();
        let mut passed_over = Vec::new();
        let mut gate = lock(&self.gate);
        // Those that were decided while they waited make room; under `latest` that is all of them.
        while gate.waiting.back().is_some_and(|last| last.call().is_decided()) {
            passed_over.extend(gate.waiting.pop_back());
        }
        let entered = if gate.inside < self.places && gate.waiting.is_empty() {
            if begin(&load) {
                gate.inside += 1;
                Some(load)
            } else {
                // Decided on its way here.
                passed_over.push(load);
                None
            }
        } else {
            if !std::mem::replace(&mut gate.parked, true) {
                hub.parked().add(self);
            }
            gate.waiting.push_back(load);
            None
        };
        drop(gate);
        discard(passed_over);
        entered
    }

    /// One has left: the next ones go.
    pub(super) fn leave(self: &Arc<Self>, hub: &Hub) {
        let mut gate = lock(&self.gate);
        gate.inside -= 1;
        if std::mem::replace(&mut gate.served, true) {
            return;
        }
        loop {
            let mut passed_over = Vec::new();
            let next = self.next(&mut gate, hub, &mut passed_over);
            if next.is_none() {
                gate.served = false;
            }
            drop(gate);
            discard(passed_over);
            let Some(load) = next else { return };
            hub.forward(load);
            gate = lock(&self.gate);
        }
    }

    fn next(self: &Arc<Self>, gate: &mut Gate, hub: &Hub, over: &mut Vec<Load>) -> Option<Load> {
        let mut next = None;
        while gate.inside < self.places && next.is_none() {
            let Some(load) = gate.waiting.pop_front() else { break };
            if !load.call().is_decided() && begin(&load) {
                gate.inside += 1;
                next = Some(load);
            } else {
                over.push(load);
            }
        }
        if gate.waiting.is_empty() && std::mem::take(&mut gate.parked) {
            hub.parked().remove(self);
        }
        next
    }

    /// Gives out all that wait, for the end.
    pub(crate) fn clear(self: &Arc<Self>, hub: &Hub) -> Vec<Load> {
        let mut gate = lock(&self.gate);
        if std::mem::take(&mut gate.parked) {
            hub.parked().remove(self);
        }
        std::mem::take(&mut gate.waiting).into()
    }
}

fn begin(load: &Load) -> bool {
    load.call().policy().is_some_and(|policy| policy.pass.begin())
}

fn discard(loads: Vec<Load>) {
    for load in loads {
        if let Load::Work(work, _) = load {
            work.discard();
        }
    }
}
