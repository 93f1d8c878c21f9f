//! An async call as its runtime sees it: a future of nothing.
//!
//! Invariant: whatever becomes of the task (ready, dropped, never polled), its call is decided and out
//! of the books.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};

use super::berth::Berth;
use super::crew::Books;
use super::stall::{Stalls, Watch};
use crate::complete::{CallRef, Flowing, Verdict, Work};

/// What the books know of a task.
pub(super) struct Passenger {
    pub(super) call: CallRef,
    pub(super) berth: Berth,
    pub(super) watch: Watch,
}

/// A submitted async call; what an [`AsyncExecutor`](super::AsyncExecutor) is given. A future like any
/// other, to be polled until it is ready.
///
/// * A **panic** of the call's future is the call's outcome, and ends here.
/// * A call whose outcome is **decided** (cancelled, timed out, shut down) has its future dropped at
///   the next poll, for which it is woken; then the task is ready.
/// * **Dropped** before it is ready, its call comes to `Shutdown`. The call's future is dropped with it if
///   it was polled, and else by a thread of offloop's own.
#[must_use = "a task that is dropped ends its call with `Shutdown`"]
pub struct Task {
    stage: Stage,
    passenger: Arc<Passenger>,
    books: Arc<Books>,
    /// It is out of the books.
    has_left: bool,
    stalls: Arc<Stalls>,
}

enum Stage {
    Waiting(Work),
    Flowing(Flowing),
    Over,
}

impl Task {
    pub(super) fn new(work: Work, books: Arc<Books>, stalls: Arc<Stalls>) -> Self {
        let call = work.call().clone();
        let (berth, watch) = (Berth::default(), Watch::default());
        let passenger = Arc::new(Passenger { call, berth, watch });
        books.enter(&passenger);
        Self { stage: Stage::Waiting(work), passenger, books, has_left: false, stalls }
    }

    /// The name that the call was given, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.passenger.call.name().map(AsRef::as_ref)
    }

    /// Where the call was submitted.
    pub fn place(&self) -> &'static Location<'static> {
        self.passenger.call.place()
    }

    /// The executor did not take it.
    pub(super) fn into_work(mut self) -> Option<Work> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Waiting(work) => Some(work),
            // Not ours to hand on: it has begun.
            Stage::Flowing(flowing) => {
                drop(flowing);
                None
            }
            Stage::Over => None,
        }
    }

    /// Its end. When it is ready, too: its runtime may keep it, and a shutdown is not to wait for that.
    fn leave(&mut self) {
        if std::mem::replace(&mut self.has_left, true) {
            return;
        }
        // A runtime that ends may hold a lock: it is not told to wake what it drops.
        self.passenger.berth.leave();
        // Before the books: what waits for them to be empty finds the outcome decided.
        match std::mem::replace(&mut self.stage, Stage::Over) {
            // It may be the loop thread that drops it: one on which it was to be handed over, or on
            // which a runtime ends. A future that was polled is dropped where that was to go on.
            Stage::Waiting(work) => work.turn_away(Verdict::Shutdown),
            begun => drop(begun),
        }
        self.books.leave(&self.passenger);
    }

    /// What is left after this poll.
    fn go_on(&self, stage: Stage, cx: &mut task::Context<'_>) -> Stage {
        let Passenger { call, berth, watch } = &*self.passenger;
        // First: whoever decides the call from here on finds the waker.
        berth.moor(cx.waker());
        let flowing = match stage {
            Stage::Waiting(work) => match work.claim() {
                Ok(claimed) => claimed.flow(),
                Err(decided) => {
                    drop(decided);
                    return Stage::Over;
                }
            },
            Stage::Flowing(flowing) => flowing,
            Stage::Over => return Stage::Over,
        };
        if call.is_decided() {
            drop(flowing);
            return Stage::Over;
        }
        match self.stalls.during(watch, call, || flowing.poll(cx)) {
            Err(flowing) if call.is_decided() => {
                drop(flowing);
                Stage::Over
            }
            Err(flowing) => Stage::Flowing(flowing),
            Ok(returned) => {
                returned.complete(call.hub());
                Stage::Over
            }
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.has_left {
            return Poll::Ready(());
        }
        let stage = std::mem::replace(&mut this.stage, Stage::Over);
        this.stage = this.go_on(stage, cx);
        match this.stage {
            Stage::Over => {
                this.leave();
                Poll::Ready(())
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("name", &self.name())
            .field("place", &format_args!("{}", self.place()))
            .finish_non_exhaustive()
    }
}
