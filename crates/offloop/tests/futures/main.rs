//! Async calls, through an offloop, on the smallest runtime there is. Invariant: what is asked here
//! of `call_async` is what the other tests ask of closures, and what only a future has: that it holds
//! no thread, and is dropped where it is polled.

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod policies;
mod runs;
mod runtime;
mod stalls;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

use crate::common::{Seen, TestLoop, wait_for};
use crate::runtime::Runtime;

/// A loop with a runtime of so many threads behind it.
fn looped<S: 'static>(threads: usize) -> (TestLoop<S>, Runtime) {
    let runtime = Runtime::new(threads);
    let its = runtime.clone();
    (TestLoop::with(|builder| builder.async_on(its)), runtime)
}

fn seen_by<T: Send + 'static>(threads: usize) -> TestLoop<Seen<T>> {
    looped(threads).0
}

/// What futures wait for, and what becomes of them. Clones are the same.
#[derive(Clone, Default)]
struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: bool,
    waiting: Vec<Waker>,
    polled: Vec<ThreadId>,
    dropped: Vec<ThreadId>,
}

impl Gate {
    fn open(&self) {
        let mut state = self.0.lock().unwrap();
        state.open = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// A future that is ready once the gate is open.
    fn pass(&self) -> Pass {
        Pass(self.clone())
    }

    /// How many passes are waiting, or were dropped, each by the threads that did so.
    fn polled(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().polled.clone()
    }

    fn dropped(&self) -> Vec<ThreadId> {
        self.0.lock().unwrap().dropped.clone()
    }

    fn wait_polled(&self, count: usize) {
        wait_for("the future waits", || self.polled().len() >= count);
    }

    fn wait_dropped(&self, count: usize) {
        wait_for("the future is dropped", || self.dropped().len() >= count);
        assert_eq!(self.dropped().len(), count);
        let here = thread::current().id();
        assert!(!self.dropped().contains(&here), "not on the loop thread");
    }
}

struct Pass(Gate);

impl Future for Pass {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.0.lock().unwrap();
        state.polled.push(thread::current().id());
        if state.open {
            return Poll::Ready(());
        }
        state.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().dropped.push(thread::current().id());
    }
}
