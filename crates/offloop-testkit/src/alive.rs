//! Which threads a check has run on, and which of them live. Invariant: a thread is counted from its
//! first mark to its end, once.

use std::cell::RefCell;

use crate::sync::Count;

/// Counts the threads that were marked and have not ended.
struct Alive(Count);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.subtract();
    }
}

thread_local! {
    static ALIVE: RefCell<Option<Alive>> = const { RefCell::new(None) };
}

/// Counts this thread in `alive` for as long as it lives.
pub(crate) fn mark_thread(alive: &Count) {
    ALIVE.with_borrow_mut(|mark| {
        mark.get_or_insert_with(|| {
            alive.add();
            Alive(alive.clone())
        });
    });
}
