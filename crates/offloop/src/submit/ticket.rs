//! A submitted call's ticket. Invariant: it can end a call early and do nothing else; a call
//! without one goes on all the same.

use std::fmt;

use crate::complete::{CallRef, Verdict};
use crate::failure::By;

/// A submitted call, to cancel it or to see whether it is decided.
///
/// Dropping a ticket changes nothing. Any thread may hold one.
#[derive(Clone)]
pub struct Ticket {
    call: CallRef,
}

impl Ticket {
    pub(crate) fn new(call: CallRef) -> Self {
        Self { call }
    }

    /// Cancels the call.
    ///
    /// * **Queued**: its function will not run; its outcome is `Cancelled(By::Caller)`.
    /// * **Running**: the outcome is the same, at once. `Context::is_cancelled` turns true; the
    ///   function keeps its worker until it returns, and what it returns is dropped.
    /// * **Decided**: nothing; a result that was completed before wins.
    ///
    /// The outcome is delivered in a later turn, like any other. Never blocks; any thread.
    pub fn cancel(&self) {
        self.call.decide(Verdict::Cancelled(By::Caller));
    }

    /// Whether the outcome is decided. It may still wait to be delivered.
    pub fn is_done(&self) -> bool {
        self.call.is_decided()
    }

    /// A guard that cancels the call when it is dropped.
    #[must_use = "a guard that is dropped at once cancels the call at once"]
    pub fn guard(&self) -> CancelGuard {
        CancelGuard { ticket: self.clone() }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("name", &self.call.name())
            .field("place", &format_args!("{}", self.call.place()))
            .field("is_done", &self.is_done())
            .finish()
    }
}

/// Cancels its call when dropped; see [`Ticket::guard`].
///
/// ```
/// # let off = offloop::Offloop::<()>::builder().no_waker().build()?;
/// let guard = off.call(|| 1 + 1).then(|_, _| {}).guard();
/// drop(guard); // the window was closed
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Debug)]
pub struct CancelGuard {
    ticket: Ticket,
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.ticket.cancel();
    }
}
