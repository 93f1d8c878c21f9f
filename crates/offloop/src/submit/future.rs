//! A call as a future. Invariant: submitted at the first poll, cancelled when dropped before its
//! outcome; it needs no `deliver`, because the decider wakes the task.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, Waker};

use super::call::Call;
use super::send::{Made, Origin, dispatch, make};
use crate::complete::{Job, Receiver, Route, TaskSlot, Verdict};
use crate::deliver::Token;
use crate::execute::Spanned;
use crate::failure::{By, Outcome};
use crate::trace::Parent;

/// The future of a call, made by `.await` or [`IntoFuture::into_future`].
///
/// Same as `async { Ok(f()) }`, except:
/// * **Thread**: `f` runs where the call says, from the first poll on. Any runtime polls it; the
///   worker wakes the task itself, so neither `deliver` nor a waker of the loop is needed (an
///   inline call needs the loop's next turn, which runs it). From a `Handle` it is `Send`.
/// * **Order**: of completion.
/// * **Cancel**: dropping it cancels the call, as [`Ticket::cancel`](crate::Ticket::cancel) does.
/// * **Panic**: of `f`, an outcome. Polled after its outcome, it panics.
/// * **Drop**: of `f`, and of a result that nobody takes, off the thread that drops the future,
///   once it was polled; on it when the loop's own handle is gone.
/// * **Shutdown**: the outcome is `Shutdown`.
///
/// [`IntoFuture::into_future`]: std::future::IntoFuture::into_future
#[must_use = "a future does nothing until it is polled"]
pub struct CallFuture<O: Origin, J: Job>(Stage<O, J>);

enum Stage<O: Origin, J: Job> {
    Described(Call<O, J>),
    /// With its place in a scope.
    Submitted(Receiver<J::Output>, Option<O::Seat>),
    Over,
}

impl<O: Origin, J: Job> CallFuture<O, J> {
    pub(super) fn new(call: Call<O, J>) -> Self {
        Self(Stage::Described(call))
    }
}

/// The right to an awaited call's outcome, and its place in a scope.
type Submitted<O, J> = (Receiver<<J as Job>::Output>, Option<<O as Origin>::Seat>);

/// Submits a call that wakes `waker`; a refused one is told so in its place, as by `then`.
fn submit<O: Origin, J: Job>(call: Call<O, J>, waker: Waker) -> Submitted<O, J> {
    let Call { origin, job, options, extras } = call;
    let link = origin.link();
    let hub = &link.hub;
    let admitted = link.admit(&options, true);
    let number = origin.number();
    hub.awaited().fetch_add(1, Ordering::Relaxed);
    let job = Spanned { parent: Parent::current(), job };
    let task = TaskSlot::new();
    task.put(waker);
    let route = Route::Task(task);
    let Made { receiver, kept, sent } = if admitted.is_ok() && options.runs_inline() {
        let mut made = None;
        origin.stand(|token| {
            let mut this = make(hub, number, job, options, token, route, Ok(()));
            let work = this.kept.take().expect("an inline call's work is kept");
            made = Some(this);
            work
        });
        made.expect("made once")
    } else {
        make(hub, number, job, options, Token::NONE, route, admitted)
    };
    if let Some(refused) = kept {
        refused.discard();
    }
    let seat = O::enroll(&extras, receiver.call());
    dispatch(&origin, sent);
    (receiver, seat)
}

impl<O: Origin, J: Job> Future for CallFuture<O, J> {
    type Output = Outcome<J::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let (mut receiver, seat) = match mem::replace(&mut self.0, Stage::Over) {
            Stage::Described(call) => submit(call, cx.waker().clone()),
            Stage::Submitted(receiver, seat) => {
                if let Some(task) = receiver.call().task() {
                    task.put(cx.waker().clone());
                }
                (receiver, seat)
            }
            Stage::Over => panic!("a call's future was polled after its outcome"),
        };
        let released = receiver.call().task().is_none_or(TaskSlot::is_released);
        match released.then(|| receiver.take()).flatten() {
            Some(outcome) => {
                // The decider may have looked for a waker before this one was put.
                if let Some(task) = receiver.call().task() {
                    task.clear();
                }
                receiver.call().note_delivered();
                Poll::Ready(outcome)
            }
            None => {
                self.0 = Stage::Submitted(receiver, seat);
                Poll::Pending
            }
        }
    }
}

// Nothing in it is pinned: the job is moved to its worker.
impl<O: Origin, J: Job> Unpin for CallFuture<O, J> {}

impl<O: Origin, J: Job> Drop for CallFuture<O, J> {
    fn drop(&mut self) {
        if let Stage::Submitted(receiver, _) = &self.0
            && !receiver.call().hub().is_forked()
        {
            if let Some(task) = receiver.call().task() {
                task.clear();
            }
            receiver.call().decide(Verdict::Cancelled(By::Caller));
        }
    }
}

impl<O: Origin, J: Job> fmt::Debug for CallFuture<O, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.0 {
            Stage::Described(_) => "described",
            Stage::Submitted(..) => "submitted",
            Stage::Over => "over",
        };
        f.debug_tuple("CallFuture").field(&stage).finish()
    }
}
