//! Containment: code that is not ours may panic while it is dropped or woken, and the thread that
//! it happens on goes on. Invariant: nothing here unwinds.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Same as `f()`, except that a panic comes back as its payload.
pub(crate) fn contain<R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Same as `drop(value)`, except that a panic in a destructor ends here. Returns whether one did.
pub(crate) fn drop_contained<T>(value: T) -> bool {
    match contain(|| drop(value)) {
        Ok(()) => false,
        Err(payload) => {
            // A payload's own destructor may panic too; the one after that is leaked, so that
            // this ends.
            if let Err(second) = contain(|| drop(payload)) {
                std::mem::forget(second);
            }
            true
        }
    }
}
