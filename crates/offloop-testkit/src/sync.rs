//! What checks wait for and make functions wait for. Invariant: a check's own wait ends after its
//! patience with a verdict; a function's wait ends with the check, whatever the verdict is.

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::promise::broken;

/// Waits until `condition` holds; the promise is broken when it does not within `patience`.
pub(crate) fn wait_for(
    patience: Duration,
    condition: impl FnMut() -> bool,
    seen: impl FnOnce() -> String,
) {
    if !holds_within(patience, condition) {
        broken!("{} within {patience:?}", seen());
    }
}

pub(crate) fn holds_within(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        thread::sleep(Duration::from_micros(500));
    }
}

/// A number that any thread counts up.
#[derive(Clone, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn subtract(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// What functions wait in front of. Its owner opens it, at the latest when it drops it.
#[derive(Default)]
pub(crate) struct Gate(Pass);

/// A function's side of a [`Gate`].
#[derive(Clone, Default)]
pub(crate) struct Pass(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn pass(&self) -> Pass {
        self.0.clone()
    }

    pub(crate) fn open(&self) {
        let (open, changed) = &*self.0.0;
        *open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Pass {
    /// Returns once the gate is open.
    pub(crate) fn wait(&self) {
        let (open, changed) = &*self.0;
        let mut is_open = open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_open {
            is_open = changed.wait(is_open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A thread that calls `open` once the shutdown that ends the call of `cx` has begun.
pub(crate) fn open_in_shutdown(
    cx: offloop::Context,
    patience: Duration,
    open: impl FnOnce() + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        // Without one the report of the shutdown is the verdict.
        holds_within(patience, || cx.is_cancelled());
        // A shutdown that waits for nothing has its report by then, as a rule.
        thread::sleep(Duration::from_millis(10));
        open();
    })
}

/// Whether a task was woken.
#[derive(Default)]
struct Woken(Mutex<bool>, Condvar);

impl Woken {
    /// Takes the wake that came, or that comes within `patience`.
    fn wait(&self, patience: Duration) -> bool {
        let woken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.1.wait_timeout_while(woken, patience, |woken| !*woken);
        std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }
}

/// The future's output, if its task is woken within `patience`: it is polled then and at no other
/// time.
pub(crate) fn block_on<F: IntoFuture>(future: F, patience: Duration) -> Option<F::Output> {
    let mut future = pin!(future.into_future());
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        if !woken.wait(patience) {
            return None;
        }
    }
}

/// Has a function own the value and do nothing with it.
pub(crate) fn touch<T>(_: &T) {}
