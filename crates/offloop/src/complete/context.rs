//! What a running function can ask about its own call. Invariant: reading it costs one or two
//! loads, so a loop may ask each time round.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use super::cell::CallRef;
use super::policy::{Mail, Mailbox};

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
    /// one, or the call is cancelled, passes its deadline or is shut down; else it never waits. Nor
    /// does it in an async call; see [`progress_async`](Self::progress_async).
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
            Side::Here(call) => {
                if let Some((mail, mailbox)) = mailbox::<P>(call) {
                    mailbox.put(mail, call, value);
                }
            }
            #[cfg(all(feature = "process", target_os = "linux"))]
            Side::Away(call) => call.progress(&value, std::any::type_name::<P>()),
        }
    }

    /// Same as [`progress`](Self::progress), except that an async call waits for room as a future,
    /// and not with its thread.
    ///
    /// In an async call `progress` itself never waits, so that it holds no other call up; under
    /// [`on_each_progress`](crate::Call::on_each_progress) this is what keeps a future from running
    /// ahead of the loop. Inline, where the loop would wait for itself, it does not wait either. Dropped
    /// before it is ready, the value goes with it.
    ///
    /// # Panics
    /// As `progress`.
    pub async fn progress_async<P: Send + 'static>(&self, value: P) {
        match &self.0 {
            Side::Here(call) => {
                let Some((mail, mailbox)) = mailbox::<P>(call) else { return };
                let mut value = Some(value);
                poll_fn(|cx| mailbox.poll_put(mail, call, &mut value, cx)).await;
            }
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

/// Where the call's progress goes, if anywhere.
#[track_caller]
fn mailbox<P: Send + 'static>(call: &CallRef) -> Option<(&Arc<dyn Mail>, &Mailbox<P>)> {
    let mail = call.policy()?.mail.as_ref()?;
    match mail.as_any().downcast_ref::<Mailbox<P>>() {
        Some(mailbox) => Some((mail, mailbox)),
        None => panic!(
            "progress of type {} was sent, and the call's handler takes {}: give both the same",
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
