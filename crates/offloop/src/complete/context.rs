//! What a running function can ask about its own call. Invariant: reading it costs one or two
//! loads, so a loop may ask each time round.

use std::fmt;
#[cfg(all(feature = "process", target_os = "linux"))]
use std::sync::Arc;
use std::time::Instant;

use super::cell::CallRef;
use super::policy::Mailbox;

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
pub struct Context(Side);

/// On which side of a process boundary the function runs.
#[derive(Clone)]
enum Side {
    Here(CallRef),
    #[cfg(all(feature = "process", target_os = "linux"))]
    Away(Arc<dyn Away>),
}

/// A call whose books are kept by another process.
#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) trait Away: Send + Sync {
    fn is_unwanted(&self) -> bool;
    fn deadline(&self) -> Option<Instant>;
    /// `value` is of the named type.
    fn progress(&self, value: &(dyn std::any::Any + Send), type_name: &'static str);
}

impl Context {
    pub(crate) fn new(call: CallRef) -> Self {
        Self(Side::Here(call))
    }

    #[cfg(all(feature = "process", target_os = "linux"))]
    pub(crate) fn away(call: Arc<dyn Away>) -> Self {
        Self(Side::Away(call))
    }

    /// Whether the call's outcome is already decided, or offloop is shutting down, so that what
    /// the function returns is dropped or no longer wanted: true after a cancel, a passed
    /// deadline, a newer `latest` call, a closed scope, or `shutdown`. A shared run is cancelled
    /// when nobody waits for it any more.
    pub fn is_cancelled(&self) -> bool {
        match &self.0 {
            Side::Here(call) => call.is_unwanted(),
            #[cfg(all(feature = "process", target_os = "linux"))]
            Side::Away(call) => call.is_unwanted(),
        }
    }

    /// Sends how far the function is to the handler given by
    /// [`on_progress`](crate::Call::on_progress) or
    /// [`on_each_progress`](crate::Call::on_each_progress). Without one it does nothing.
    ///
    /// Under `on_each_progress` it waits while 64 values wait for the loop, until the loop has taken
    /// one, or the call is cancelled, passes its deadline or is shut down; else it never waits.
    /// What is sent when the outcome is decided already is dropped here.
    ///
    /// ```
    /// # let off = offloop::Offloop::<u32>::builder().no_waker().build()?;
    /// off.call_with(|cx| {
    ///     for percent in 1..=100u32 {
    ///         cx.progress(percent);
    ///     }
    /// })
    /// .on_progress(|bar: &mut u32, percent: u32| *bar = percent)
    /// .detach();
    /// # let mut bar = 0;
    /// # while off.pending() > 0 { off.deliver(&mut bar); std::thread::yield_now(); }
    /// # assert_eq!(bar, 100);
    /// # Ok::<(), offloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the handler takes values of another type; the message names both. In a worker process,
    /// when the type is none of those that may leave it; see `Functions::add_progress`.
    #[track_caller]
    pub fn progress<P: Send + 'static>(&self, value: P) {
        match &self.0 {
            Side::Here(call) => progress_here(call, value),
            #[cfg(all(feature = "process", target_os = "linux"))]
            Side::Away(call) => call.progress(&value, std::any::type_name::<P>()),
        }
    }

    /// When the call times out, if it has a deadline. Counted from the submit.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            Side::Here(call) => call.deadline(),
            #[cfg(all(feature = "process", target_os = "linux"))]
            Side::Away(call) => call.deadline(),
        }
    }
}

#[track_caller]
fn progress_here<P: Send + 'static>(call: &CallRef, value: P) {
    let Some(mail) = call.policy().and_then(|policy| policy.mail.as_ref()) else { return };
    match mail.as_any().downcast_ref::<Mailbox<P>>() {
        Some(mailbox) => mailbox.put(mail, call, value),
        None => panic!(
            "progress of type {} was sent, and the call's handler takes {}",
            std::any::type_name::<P>(),
            mail.type_name()
        ),
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
