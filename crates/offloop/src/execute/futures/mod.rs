//! The async executor: a call's future runs as a task of a runtime, and holds no thread while it
//! waits.
//!
//! # Invariants
//!
//! * **A1 One owner.** A call's future is in its [`Task`], and whoever polls or drops that polls or
//!   drops the future, on that thread; one that was never polled is dropped by a thread of offloop's
//!   own, for the loop's may be the one that drops the task.
//! * **A2 Whoever decides it, stops it.** A task registers its waker, then looks whether the call is
//!   decided, then polls; who decides the call, decides, then wakes. So a decided future is dropped
//!   at its next poll, and that comes. Model: `execute::futures::berth::loom`.
//! * **A3 An end is an outcome.** A task that its runtime drops unfinished decides `Shutdown`.
//! * **A4 A stall has a name.** A poll that takes longer than the limit is counted, with the place of
//!   its call: it held up all that the same thread had to poll.
//!
//! The runtime is a stranger to this crate: it comes as an [`AsyncExecutor`], from an adapter.

mod berth;
mod crew;
mod drive;
mod job;
mod options;
mod stall;
mod task;
#[cfg(test)]
mod tests;

use std::time::Instant;

pub(crate) use self::job::{Eventual, EventualWith};
pub use self::options::AsyncCalls;
pub use self::task::Task;

pub(crate) use self::crew::AsyncCrew;
pub(crate) use self::stall::{StallCounts, Stalls};

/// The seam between async calls and the runtime that polls them: what an adapter implements, to be
/// given to [`Builder::async_on`](crate::Builder::async_on).
///
/// It takes a [`Task`], which is a future, and polls it to its end like any other. All else is done
/// for it: the limit, deadlines, cancels, panics, the outcome and its way back, `close` and
/// `shutdown`.
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
/// use offloop::{AsyncExecutor, Offloop, Task};
///
/// /// One thread that runs one task after the other.
/// struct OneByOne(Sender<Task>);
///
/// impl AsyncExecutor for OneByOne {
///     fn spawn(&self, task: Task) -> Result<(), Task> {
///         self.0.send(task).map_err(|unsent| unsent.0)
///     }
/// }
/// # fn block_on(task: Task) {
/// #     struct Unpark(std::thread::Thread);
/// #     impl std::task::Wake for Unpark { fn wake(self: std::sync::Arc<Self>) { self.0.unpark() } }
/// #     let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
/// #     let (mut task, mut cx) = (Box::pin(task), std::task::Context::from_waker(&waker));
/// #     while task.as_mut().poll(&mut cx).is_pending() { std::thread::park() }
/// # }
///
/// let (send, receive) = channel::<Task>();
/// std::thread::spawn(move || receive.into_iter().for_each(block_on)); // your runtime's
/// let off = Offloop::<Option<u32>>::builder().no_waker().async_on(OneByOne(send)).build()?;
/// off.call_async(async { 6 * 7 }).then(|answer, outcome| *answer = outcome.ok());
/// # let mut answer = None;
/// # while answer.is_none() { off.deliver(&mut answer); std::thread::yield_now(); }
/// # assert_eq!(answer, Some(42));
/// # Ok::<(), offloop::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't run async calls",
    note = "give `offloop_tokio::TokioExecutor::on(handle)`, `offloop_smol::SmolExecutor::on(&executor)`, or one of your own"
)]
pub trait AsyncExecutor: Send + Sync + 'static {
    /// Takes a task, and polls it later, at first and whenever it is woken, until it is ready; not
    /// inside this call. Returns at once: it never waits, starts no thread, and wakes one at the
    /// most.
    ///
    /// `Err` gives it back: the call comes to `Rejected(NoWorker)`. A task that is dropped before it
    /// is ready, as by a runtime that shuts down or a `spawn` that panics, brings its call to `Shutdown`.
    ///
    /// A runtime that ends drops its tasks itself. It can't leave that to the last of their wakers:
    /// offloop has one of each task that waits, to have it dropped when its call is decided, so that a
    /// task which its own waker keeps would stay, and its call be open, until then.
    fn spawn(&self, task: Task) -> Result<(), Task>;

    /// No task comes any more. Ends the threads that it has of its own; waits for them until
    /// `until` at the most. Nothing by default.
    fn stop(&self, until: Instant) {
        let _no_threads_to_wait_for = until;
    }

    /// How many threads of its own it has, for `stats()`; 0 by default.
    fn threads(&self) -> usize {
        0
    }
}
