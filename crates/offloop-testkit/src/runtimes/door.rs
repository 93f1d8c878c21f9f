//! What futures wait for, and what becomes of them. Invariant: a passage ends with its door at the
//! latest, and each of its polls and its drop is noted with the thread.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crate::promise::broken;
use crate::sync::wait_for;

/// Futures wait in front of it. Its owner opens it, at the latest when it drops it.
#[derive(Default)]
pub(super) struct Door(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: bool,
    waiting: Vec<Waker>,
    polled: Vec<ThreadId>,
    dropped: Vec<ThreadId>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Door {
    pub(super) fn open(&self) {
        let mut state = lock(&self.0);
        state.open = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// A future that is ready once the door is open, with `value`.
    pub(super) fn passage(&self, value: u32) -> Passage {
        Passage { state: self.0.clone(), value, first: true }
    }

    /// How many passages were polled, each counted once.
    pub(super) fn polled(&self) -> usize {
        lock(&self.0).polled.len()
    }

    pub(super) fn wait_polled(&self, count: usize, patience: Duration) {
        let seen = || format!("of {count} futures {} were polled", self.polled());
        wait_for(patience, || self.polled() >= count, seen);
    }

    /// Waits until so many are dropped, and looks where.
    pub(super) fn wait_dropped(&self, count: usize, patience: Duration) {
        let dropped = || lock(&self.0).dropped.clone();
        let seen = || format!("of {count} futures {} were dropped", dropped().len());
        wait_for(patience, || dropped().len() >= count, seen);
        if dropped().contains(&thread::current().id()) {
            broken!("a future was dropped on the loop thread");
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.open();
    }
}

pub(super) struct Passage {
    state: Arc<Mutex<State>>,
    value: u32,
    first: bool,
}

impl Future for Passage {
    type Output = u32;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u32> {
        let first = std::mem::take(&mut self.first);
        let mut state = lock(&self.state);
        if first {
            state.polled.push(thread::current().id());
        }
        if state.open {
            return Poll::Ready(self.value);
        }
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        lock(&self.state).dropped.push(thread::current().id());
    }
}

/// Pending once, and woken at once.
pub(super) async fn yield_once() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
