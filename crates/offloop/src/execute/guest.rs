//! Somebody else's executor, and the books that are kept for it.
//!
//! Invariant: a call is in the books from its submit until its [`Work`] has ended, so that its
//! offloop knows what waits and what runs there without asking: deadlines, cancels, `close` and
//! `shutdown` need no help of the executor.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Ring;
use super::awaited::Awaited;
use super::crew::{Crew, CrewCounts, tell_abandoned};
use crate::complete::{CallRef, Phase, Ran, Verdict, Work as Right};
use crate::contain::{contain, drop_contained};
use crate::failure::Reason;
use crate::priority::Priority;
use crate::sync::fence;
use crate::trace;

/// The seam between a call and the model that it runs under: what an executor of your own
/// implements, to be given to [`Builder::threads_on`](crate::Builder::threads_on) or
/// [`Builder::cores_on`](crate::Builder::cores_on).
///
/// It takes a [`Work`], and runs it once on a thread of its own. All else is done for it: the
/// queue's limit, deadlines, cancels, the outcome and its way back, `close` and `shutdown`.
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
/// use offloop::{Executor, Offloop, Work};
///
/// /// One thread that runs what it is sent.
/// struct OneThread(Sender<Work>);
///
/// impl Executor for OneThread {
///     fn submit(&self, work: Work) -> Result<(), Work> {
///         self.0.send(work).map_err(|unsent| unsent.0)
///     }
/// }
///
/// let (send, receive) = channel::<Work>();
/// std::thread::spawn(move || receive.into_iter().for_each(Work::run));
/// let off = Offloop::<Option<u32>>::builder().no_waker().cores_on(OneThread(send)).build()?;
/// off.call(|| 6 * 7).cores().then(|answer, outcome| *answer = outcome.ok());
/// # let mut answer = None;
/// # while answer.is_none() { off.deliver(&mut answer); std::thread::yield_now(); }
/// # assert_eq!(answer, Some(42));
/// # Ok::<(), offloop::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't run calls",
    note = "give `offloop_rayon::RayonExecutor::on(&pool)`, or one of your own: an `Executor` has one method"
)]
pub trait Executor: Send + Sync + 'static {
    /// Takes a call, and runs it later by [`Work::run`] on a thread that is not the caller's, which
    /// may be the loop's. Returns at once: it never waits for a function to end, starts no thread,
    /// and wakes one at the most.
    ///
    /// `Err` gives it back: the call comes to `Rejected(NoWorker)`.
    fn submit(&self, work: Work) -> Result<(), Work>;

    /// A running function passed its deadline and was given up: room for another worker is to be
    /// made, where the model can. As quick as `submit`; nothing by default.
    fn abandoned(&self) {}

    /// No call comes any more. Ends the threads and waits for those that run no call; for the
    /// others until `until` at the most. Nothing by default.
    fn stop(&self, until: Instant) {
        let _no_threads_to_wait_for = until;
    }

    /// How many threads it has, for `stats()`; 0 by default.
    fn threads(&self) -> usize {
        0
    }
}

/// A submitted call, to be run once; what an [`Executor`] is given.
///
/// Dropped without having run, its call comes to `Shutdown`, and the function is dropped by a thread of
/// offloop's own.
#[must_use = "a work that is dropped ends its call with `Shutdown`"]
pub struct Work {
    /// Here until it is run.
    right: Option<Right>,
    call: CallRef,
    books: Arc<Books>,
    /// Its number in the books.
    number: u64,
    priority: Priority,
}

impl Work {
    /// Runs the call's function on this thread, and completes the call.
    ///
    /// * A **panic** of the function is the call's outcome, and ends here.
    /// * A call whose outcome is **decided** already (cancelled, timed out, shut down) is not run:
    ///   its function is dropped here, and a panic of a destructor ends here, too.
    pub fn run(mut self) {
        let Some(right) = self.right.take() else { return };
        self.books.begin(self.number);
        match right.claim() {
            Ok(claimed) => {
                let ran = claimed.execute().complete(self.call.hub());
                if let Ran::Late(Verdict::TimedOut | Verdict::Shutdown) = ran {
                    self.call.lane().came_back();
                    trace::came_back(self.call.subject());
                }
            }
            Err(decided) => drop(decided),
        }
    }

    /// Whether the outcome is decided, so that `run` would only drop the function.
    pub fn is_decided(&self) -> bool {
        self.call.is_decided()
    }

    /// Which of the calls that wait should go first.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// The name that the call was given, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.call.name().map(AsRef::as_ref)
    }

    /// Where the call was submitted.
    pub fn place(&self) -> &'static Location<'static> {
        self.call.place()
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // First: what waits for the books to be empty finds the outcome decided. It may be the loop
        // thread that drops it: inside a submit, or with its executor.
        if let Some(right) = self.right.take() {
            right.turn_away(Verdict::Shutdown);
        }
        self.books.end(self.number);
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("name", &self.name())
            .field("place", &format_args!("{}", self.place()))
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// The calls that an executor has.
#[derive(Default)]
struct Books {
    /// By the order of their submits.
    calls: Awaited<BTreeMap<u64, Entry>>,
    next: AtomicU64,
}

struct Entry {
    call: CallRef,
    runs: bool,
}

impl Books {
    fn enter(&self, call: &CallRef) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let entry = Entry { call: call.clone(), runs: false };
        self.calls.with(|calls| calls.insert(number, entry));
        number
    }

    fn begin(&self, number: u64) {
        self.calls.with(|calls| {
            if let Some(entry) = calls.get_mut(&number) {
                entry.runs = true;
            }
        });
    }

    fn end(&self, number: u64) {
        // Dropped when the lock is free again.
        let _gone = self.calls.change(|calls| calls.remove(&number));
    }

    fn calls(&self, that: impl Fn(&Entry) -> bool) -> Vec<CallRef> {
        self.calls.with(|calls| {
            calls.values().filter(|entry| that(entry)).map(|entry| entry.call.clone()).collect()
        })
    }
}

/// Somebody's executor with its books.
pub(super) struct Guest {
    executor: Arc<dyn Executor>,
    books: Arc<Books>,
}

impl Guest {
    pub(super) fn new(executor: Arc<dyn Executor>) -> Self {
        Self { executor, books: Arc::default() }
    }
}

impl Crew for Guest {
    /// Wakes the executor even when the keeper is woken as well: only the executor knows how.
    fn submit(&self, work: Right, priority: Priority, _: Ring) {
        let call = work.call().clone();
        let number = self.books.enter(&call);
        let books = self.books.clone();
        let work = Work { right: Some(work), call, books, number, priority };
        match contain(|| self.executor.submit(work)) {
            Ok(Ok(())) => {}
            Ok(Err(mut work)) => {
                if let Some(right) = work.right.take() {
                    right.turn_away(Verdict::Rejected(Reason::NoWorker));
                }
                trace::refused(work.call.subject(), &Reason::NoWorker);
            }
            // The unwinding has dropped the work, and so decided the call.
            Err(payload) => {
                drop_contained(payload);
            }
        }
        fence(crate::sync::Ordering::SeqCst);
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        if from == Phase::Running {
            call.lane().abandon();
            if let Err(payload) = contain(|| self.executor.abandoned()) {
                drop_contained(payload);
            }
            tell_abandoned(call);
        }
    }

    fn tend(&self, _: Instant) -> Option<Instant> {
        None
    }

    fn turn_away(&self) {
        for call in self.books.calls(|entry| !entry.runs) {
            call.decide(Verdict::Shutdown);
        }
    }

    fn wait_returned(&self, until: Instant) {
        self.books.calls.wait_while(until, |calls| calls.values().any(|entry| entry.runs));
    }

    fn running(&self) -> Vec<CallRef> {
        self.books.calls(|entry| entry.runs)
    }

    fn stop(&self) {}

    fn wait_left(&self, until: Instant) {
        if let Err(payload) = contain(|| self.executor.stop(until)) {
            drop_contained(payload);
        }
    }

    fn counts(&self) -> CrewCounts {
        let threads = contain(|| self.executor.threads()).unwrap_or_else(|payload| {
            drop_contained(payload);
            0
        });
        CrewCounts { threads, start_failures: 0 }
    }

    fn forget(&self) {
        // Its destructor may wait for threads that live in the parent.
        std::mem::forget(self.executor.clone());
    }
}
