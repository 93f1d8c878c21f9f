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
use std::task::{self, Poll, Waker};

use super::lock;
use crate::complete::cell::CallRef;
use crate::complete::hub::LaneId;
use crate::contain::{contain, drop_contained};
use crate::sync::{Condvar, Mutex, MutexGuard};

/// How many values wait under `on_each_progress` before the function does.
const ROOM: usize = 64;

/// A mailbox of any type.
pub(crate) trait Mail: Send + Sync {
    /// The outcome is decided: nobody waits for room, and nothing is taken in any more. `true`: it is
    /// to leave the list of those that functions wait at.
    #[must_use]
    fn end(&self) -> bool;
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
    /// The tasks that do.
    tasks: Vec<Waker>,
    /// It is in the hub's list of those that functions wait at.
    listed: bool,
}

impl<P> State<P> {
    /// Before a wait, and before the last look: a shutdown which that misses finds it there.
    fn enlist(&mut self, call: &CallRef, this: &Arc<dyn Mail>) {
        if !std::mem::replace(&mut self.listed, true) {
            call.hub().blocked().add(this);
        }
    }

    /// Others may wait on: a function may have threads of its own.
    fn delist(&mut self, call: &CallRef, this: &Arc<dyn Mail>) {
        let unused = self.waiting == 0 && self.tasks.is_empty();
        if unused && std::mem::replace(&mut self.listed, false) {
            call.hub().blocked().remove(this);
        }
    }
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
        let state = State {
            values: VecDeque::new(),
            announced: false,
            ended: false,
            waiting: 0,
            tasks: Vec::new(),
            listed: false,
        };
        Arc::new(Self { room_for, state: Mutex::new(state), room: Condvar::new() })
    }

    /// Leaves `value` for the loop; `this` is this mailbox.
    pub(crate) fn put(&self, this: &Arc<dyn Mail>, call: &CallRef, value: P) {
        let mut state = lock(&self.state);
        // An inline call runs on the loop: it would wait for itself. One that is polled would hold up
        // all others.
        let waits = !matches!(call.lane_id(), LaneId::Inline | LaneId::Async);
        while waits && self.is_full(&state) {
            state.waiting += 1;
            state.enlist(call, this);
            if !call.is_unwanted() {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.waiting -= 1;
            state.delist(call, this);
            if call.is_unwanted() {
                break;
            }
        }
        self.leave(state, call, value);
    }

    /// Same as [`put`](Self::put), except that a task waits; `value` is taken when it is ready.
    pub(crate) fn poll_put(
        &self,
        this: &Arc<dyn Mail>,
        call: &CallRef,
        value: &mut Option<P>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        // The runtime's code, so not under the lock.
        let waker = cx.waker().clone();
        let mut state = lock(&self.state);
        // As in `put`: the loop would wait for itself.
        if call.lane_id() != LaneId::Inline && self.is_full(&state) {
            state.enlist(call, this);
            if !call.is_unwanted() {
                // A task may be polled for other reasons, any number of times.
                if !state.tasks.iter().any(|task| task.will_wake(&waker)) {
                    state.tasks.push(waker);
                }
                return Poll::Pending;
            }
        }
        state.delist(call, this);
        if let Some(value) = value.take() {
            self.leave(state, call, value);
        }
        Poll::Ready(())
    }

    fn is_full(&self, state: &State<P>) -> bool {
        self.room_for.is_some_and(|room| state.values.len() >= room) && !state.ended
    }

    fn leave(&self, mut state: MutexGuard<'_, State<P>>, call: &CallRef, value: P) {
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
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        self.room.notify_one();
        wake(tasks);
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
    fn end(&self) -> bool {
        let mut state = lock(&self.state);
        state.ended = true;
        let tasks = std::mem::take(&mut state.tasks);
        let listed = state.waiting == 0 && std::mem::replace(&mut state.listed, false);
        drop(state);
        self.room.notify_all();
        wake(tasks);
        listed
    }

    fn look_again(&self) {
        // Under the lock, so that a function is either before its look or in its wait.
        let tasks = std::mem::take(&mut lock(&self.state).tasks);
        self.room.notify_all();
        wake(tasks);
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<P>()
    }
}

/// All of them: one that is gone by now would use up another one's wake.
fn wake(tasks: Vec<Waker>) {
    for task in tasks {
        if let Err(payload) = contain(|| task.wake()) {
            drop_contained(payload);
        }
    }
}
