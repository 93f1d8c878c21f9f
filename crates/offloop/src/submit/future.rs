//! A call as a future. Invariant: submitted at the first poll, cancelled when dropped before its
//! outcome; it needs no `deliver`, because the decider wakes the task.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context as TaskContext, Poll, Waker};

use super::call::Call;
use super::entry::Standing;
use super::handle::Handle;
use super::offloop::Offloop;
use super::send::{Link, Options};
use crate::complete::{Job, LaneId, Receiver, Remains, Route, TaskSlot, Verdict, call};
use crate::deliver::{Arrivals, Token};
use crate::failure::{By, Outcome};

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
///   once it was polled.
/// * **Shutdown**: the outcome is `Shutdown`.
///
/// [`IntoFuture::into_future`]: std::future::IntoFuture::into_future
#[must_use = "a future does nothing until it is polled"]
pub struct CallFuture<O, J: Job>(Stage<O, J>);

enum Stage<O, J: Job> {
    Described(Call<O, J>),
    Submitted(Receiver<J::Output>),
    Over,
}

impl<O, J: Job> CallFuture<O, J> {
    pub(super) fn new(call: Call<O, J>) -> Self {
        Self(Stage::Described(call))
    }
}

/// The two handles that calls are made from.
pub trait Origin {
    /// Submits a call that wakes `waker`.
    fn submit_awaited<J: Job>(
        &self,
        job: J,
        options: Options,
        waker: Waker,
    ) -> Result<Receiver<J::Output>, Verdict>;
}

impl<S: 'static> Origin for Offloop<S> {
    fn submit_awaited<J: Job>(
        &self,
        job: J,
        options: Options,
        waker: Waker,
    ) -> Result<Receiver<J::Output>, Verdict> {
        submit(self.link(), job, options, waker, |make| {
            self.inbox().insert(|token| {
                let (entry, receiver) = make(token);
                (Box::new(entry), receiver)
            })
        })
    }
}

impl<S: 'static> Origin for Handle<S> {
    fn submit_awaited<J: Job>(
        &self,
        job: J,
        options: Options,
        waker: Waker,
    ) -> Result<Receiver<J::Output>, Verdict> {
        let link = self.link();
        let arrivals: &Arrivals<S> = &link.arrivals;
        submit(link, job, options, waker, |make| {
            let token = Token::remote(link.hub.next_remote());
            let (entry, receiver) = make(token);
            arrivals.push(token, Box::new(entry));
            receiver
        })
    }
}

type MakeStanding<'a, T> = &'a mut dyn FnMut(Token) -> (Standing, Receiver<T>);

/// `stand` puts an inline call's entry into the loop's table.
fn submit<S, J: Job>(
    link: &Link<S>,
    job: J,
    options: Options,
    waker: Waker,
    stand: impl FnOnce(MakeStanding<'_, J::Output>) -> Receiver<J::Output>,
) -> Result<Receiver<J::Output>, Verdict> {
    let hub = &link.hub;
    hub.counts.submitted.fetch_add(1, Ordering::Relaxed);
    if let Err(verdict) = link.admit(options.lane) {
        hub.counts.verdict(verdict);
        hub.discard(Remains::Value(hub.clone(), Box::new(job)));
        return Err(verdict);
    }
    hub.awaited().fetch_add(1, Ordering::Relaxed);
    let (lane, priority) = (options.lane, options.priority);
    let task = TaskSlot::new();
    task.put(waker);
    let mut parts = Some((job, options, task));
    let mut make = |token| {
        let (job, options, task) = parts.take().expect("made once");
        call(hub, job, options.details(token, Route::Task(task)))
    };
    if lane == LaneId::Inline {
        let receiver = stand(&mut |token| {
            let (work, receiver) = make(token);
            (Standing::new(work), receiver)
        });
        link.engine.stand_by(receiver.call());
        return Ok(receiver);
    }
    let (work, receiver) = make(Token::NONE);
    link.engine.submit(work, priority);
    Ok(receiver)
}

impl<O: Origin, J: Job> Future for CallFuture<O, J> {
    type Output = Outcome<J::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let mut receiver = match mem::replace(&mut self.0, Stage::Over) {
            Stage::Described(Call { origin, job, options }) => {
                match origin.submit_awaited(job, options, cx.waker().clone()) {
                    Ok(receiver) => receiver,
                    Err(verdict) => return Poll::Ready(Err(verdict.into())),
                }
            }
            Stage::Submitted(receiver) => {
                if let Some(task) = receiver.call().task() {
                    task.put(cx.waker().clone());
                }
                receiver
            }
            Stage::Over => panic!("a call's future was polled after its outcome"),
        };
        match receiver.take() {
            Some(outcome) => {
                // The decider may have looked for a waker before this one was put.
                if let Some(task) = receiver.call().task() {
                    task.clear();
                }
                Poll::Ready(outcome)
            }
            None => {
                self.0 = Stage::Submitted(receiver);
                Poll::Pending
            }
        }
    }
}

// Nothing in it is pinned: the job is moved to its worker.
impl<O, J: Job> Unpin for CallFuture<O, J> {}

impl<O, J: Job> Drop for CallFuture<O, J> {
    fn drop(&mut self) {
        if let Stage::Submitted(receiver) = &self.0 {
            if let Some(task) = receiver.call().task() {
                task.clear();
            }
            receiver.call().decide(Verdict::Cancelled(By::Caller));
        }
    }
}

impl<O, J: Job> fmt::Debug for CallFuture<O, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.0 {
            Stage::Described(_) => "described",
            Stage::Submitted(_) => "submitted",
            Stage::Over => "over",
        };
        f.debug_tuple("CallFuture").field(&stage).finish()
    }
}
