//! Progress on its way from a running function to its handler.
//!
//! Order of effects. Function: put, announce if nothing was announced, and ask for a turn. Turn:
//! take one; when the box is empty, the next put announces again. What came before the outcome was
//! decided is delivered before it.
//!
//! Invariant: a function waits for room only while its outcome is open and no shutdown has begun;
//! whoever ends that, wakes it.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use super::lock;
use crate::complete::cell::CallRef;
use crate::complete::hub::LaneId;
use crate::sync::{Condvar, Mutex};

/// How many values wait under `on_each_progress` before the function does.
const ROOM: usize = 64;

/// A mailbox of any type.
pub(crate) trait Mail: Send + Sync {
    /// The outcome is decided: nobody waits for room, and nothing is taken in any more.
    fn end(&self);
    /// Has those who wait for room look again.
    fn look_again(&self);
    fn as_any(&self) -> &(dyn Any + Send + Sync);
    /// What it holds, for a message.
    fn type_name(&self) -> &'static str;
}

pub(crate) struct Mailbox<P> {
    /// Every value, as many at once, or the newest only.
    room_for: Option<usize>,
    state: Mutex<State<P>>,
    room: Condvar,
}

struct State<P> {
    values: VecDeque<P>,
    announced: bool,
    ended: bool,
    /// How many threads wait for room.
    waiting: usize,
}

impl<P: Send + 'static> Mailbox<P> {
    /// For every value, or for the newest.
    pub(crate) fn new(each: bool) -> Arc<Self> {
        Self::make(each.then_some(ROOM))
    }

    #[cfg(all(test, loom))]
    pub(super) fn with_room(values: usize) -> Arc<Self> {
        Self::make(Some(values))
    }

    fn make(room_for: Option<usize>) -> Arc<Self> {
        let state = State { values: VecDeque::new(), announced: false, ended: false, waiting: 0 };
        Arc::new(Self { room_for, state: Mutex::new(state), room: Condvar::new() })
    }

    /// Leaves `value` for the loop; `this` is this mailbox.
    pub(crate) fn put(&self, this: &Arc<dyn Mail>, call: &CallRef, value: P) {
        let mut state = lock(&self.state);
        // An inline call runs on the loop: it would wait for itself.
        let room = self.room_for.filter(|_| call.lane_id() != LaneId::Inline);
        while room.is_some_and(|room| state.values.len() >= room) && !state.ended {
            // In the list before the look: a shutdown that this look misses finds it there.
            state.waiting += 1;
            call.hub().blocked().add(this);
            if !call.is_unwanted() {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.waiting -= 1;
            // Others wait here on: a function may have threads of its own.
            if state.waiting == 0 {
                call.hub().blocked().remove(this);
            }
            if call.is_unwanted() {
                break;
            }
        }
        if state.ended || call.is_unwanted() {
            drop(state);
            return call.hub().drop_here(value);
        }
        let older = if self.room_for.is_some() { None } else { state.values.pop_front() };
        state.values.push_back(value);
        let announce = !std::mem::replace(&mut state.announced, true);
        drop(state);
        call.hub().drop_here(older);
        if announce {
            call.hub().announce_progress(call.clone());
        }
    }

    /// The next value, on the loop thread, and whether another one waits.
    pub(crate) fn take(&self) -> (Option<P>, bool) {
        let mut state = lock(&self.state);
        let value = state.values.pop_front();
        let more = !state.values.is_empty();
        state.announced = more;
        drop(state);
        self.room.notify_one();
        (value, more)
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.state).values.is_empty()
    }

    /// What nobody will take.
    pub(crate) fn take_all(&self) -> VecDeque<P> {
        std::mem::take(&mut lock(&self.state).values)
    }
}

impl<P: Send + 'static> Mail for Mailbox<P> {
    fn end(&self) {
        lock(&self.state).ended = true;
        self.room.notify_all();
    }

    fn look_again(&self) {
        // Under the lock, so that a function is either before its look or in its wait.
        drop(lock(&self.state));
        self.room.notify_all();
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<P>()
    }
}
