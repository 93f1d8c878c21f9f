//! What a running function can ask about its own call. Invariant: reading it costs one or two
//! loads, so a loop may ask each time round.

use std::fmt;
use std::time::Instant;

use super::cell::CallRef;

/// A function's view of its own call, handed to `call_with`.
///
/// `Clone`, `Send` and `Sync`: a function that starts threads of its own may give them one.
///
/// ```
/// # use offloop::{Context, Offloop};
/// fn search(cx: &Context, lines: &[String]) -> Option<usize> {
///     for (at, line) in lines.iter().enumerate() {
///         if cx.is_cancelled() {
///             return None; // nobody waits for this any more
///         }
///         if line.contains("needle") {
///             return Some(at);
///         }
///     }
///     None
/// }
/// # let off = Offloop::<()>::builder().no_waker().build()?;
/// # let lines = vec![];
/// off.call_with(move |cx| search(cx, &lines)).then(|_, outcome| println!("{outcome:?}"));
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Clone)]
pub struct Context {
    call: CallRef,
}

impl Context {
    pub(crate) fn new(call: CallRef) -> Self {
        Self { call }
    }

    /// Whether the call's outcome is already decided, or offloop is shutting down, so that what
    /// the function returns is dropped or no longer wanted: true after a cancel, a passed
    /// deadline or `shutdown`.
    pub fn is_cancelled(&self) -> bool {
        self.call.is_unwanted()
    }

    /// When the call times out, if it has a deadline. Counted from the submit.
    pub fn deadline(&self) -> Option<Instant> {
        self.call.deadline()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("is_cancelled", &self.is_cancelled())
            .field("deadline", &self.deadline())
            .finish()
    }
}
