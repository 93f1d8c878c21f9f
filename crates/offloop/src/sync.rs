//! The atomics and cells that the model checker must see: loom's under `--cfg loom`, std's
//! otherwise. Invariant: every atomic protocol of this crate takes its primitives from here.

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{
            AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
        },
    },
    thread::yield_now,
};

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(not(loom))]
pub(crate) use std::thread::yield_now;

/// std's cell with loom's way of reaching into it, so that one text serves both.
#[cfg(not(loom))]
#[derive(Debug, Default)]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Hands out a raw pointer; the caller states in a `SAFETY:` note why it is alone.
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Stands between a sequentially consistent write and a sequentially consistent read of something
/// else. Their one total order is enough, so it does nothing; the model checker takes such accesses
/// for acquire and release only, and gets the fence that makes up for it.
#[inline]
pub(crate) fn sc_write_then_read() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}
