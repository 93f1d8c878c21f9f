//! The wake callback, which any thread may be in.
//!
//! Invariant: once `close` has returned, no thread is in it and none will be, so that what it was
//! given may be freed; nothing that could wait for it is called from inside it.

use std::cell::Cell;
use std::sync::{PoisonError, RwLock};

use offloop::LoopWaker;

use crate::abi::OFFLOOP_ERROR_NESTED;
use crate::foreign::Wake;
use crate::misuse::Misuse;

thread_local! {
    static WAKING: Cell<bool> = const { Cell::new(false) };
}

/// Fails inside a wake callback.
pub(crate) fn assert_outside() -> Result<(), Misuse> {
    if WAKING.try_with(Cell::get).unwrap_or(false) {
        let text = "a wake callback only makes the loop go round; it must not use offloop";
        return Err(Misuse::new(OFFLOOP_ERROR_NESTED, text));
    }
    Ok(())
}

pub(crate) struct Gate(RwLock<Option<Wake>>);

impl Gate {
    pub(crate) fn new(wake: Wake) -> Self {
        Self(RwLock::new(Some(wake)))
    }

    /// Waits for those who are in the callback.
    pub(crate) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl LoopWaker for Gate {
    fn wake(&self) {
        struct Outside;
        impl Drop for Outside {
            fn drop(&mut self) {
                let _ended = WAKING.try_with(|waking| waking.set(false));
            }
        }
        let wake = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = &*wake {
            let _ended = WAKING.try_with(|waking| waking.set(true));
            let _outside = Outside;
            wake.call();
        }
    }
}
