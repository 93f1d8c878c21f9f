//! The three things that wait on the loop thread: a handler, a detached call's failure, and an
//! awaited inline call. Invariant: the outcome is taken before the handler runs, and a job that
//! the entry keeps is run (inline) or sent to be dropped off the loop (refused).

use std::borrow::Cow;
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::Location;

use crate::complete::{CallRef, Receiver, Verdict, Work};
use crate::contain::drop_contained;
use crate::deliver::{Entry, Unobserved};
use crate::failure::Outcome;
use crate::recycle;

/// The part that all three share.
struct Kept(Cell<Option<Work>>);

impl Kept {
    /// Runs an inline call, here on the loop; a decided one's job is dropped elsewhere.
    fn settle(&self) {
        if let Some(work) = self.0.take() {
            settle(work);
        }
    }

    /// The same, for later.
    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        let work = self.0.take()?;
        Some(Box::new(move || settle(work)))
    }

    /// No turn comes any more.
    fn forgo(&self) {
        if let Some(work) = self.0.take() {
            work.turn_away(Verdict::Shutdown);
        }
    }
}

fn settle(work: Work) {
    if let Err(work) = work.try_run() {
        work.discard();
    }
}

/// Decides the call and lets its job go, while there is a thread to drop it on.
fn shutter(call: &CallRef, kept: &Kept) -> Box<dyn FnOnce()> {
    let (call, work) = (call.clone(), kept.0.take());
    Box::new(move || {
        call.decide(Verdict::Shutdown);
        if let Some(work) = work {
            work.discard();
        }
    })
}

fn unobserved<T>(call: &CallRef, outcome: Option<Outcome<T>>, handler_dropped: bool) -> Unobserved {
    Unobserved {
        name: call.name().cloned(),
        place: call.place(),
        failure: outcome.and_then(Result::err),
        handler_dropped,
    }
}

/// A handler that waits for its outcome.
pub(super) struct Pending<S, T: Send + 'static, H> {
    receiver: Receiver<T>,
    kept: Kept,
    handler: H,
    state: PhantomData<fn(&mut S)>,
}

impl<S, T: Send + 'static, H> Pending<S, T, H> {
    pub(super) fn new(receiver: Receiver<T>, kept: Option<Work>, handler: H) -> Self {
        Self { receiver, kept: Kept(Cell::new(kept)), handler, state: PhantomData }
    }
}

impl<S, T, H> Entry<S> for Pending<S, T, H>
where
    T: Send + 'static,
    H: FnOnce(&mut S, Outcome<T>),
{
    fn run(self: Box<Self>, state: &mut S, _: &dyn Fn(Unobserved)) {
        let mut this = recycle::unboxed(self);
        this.kept.settle();
        this.receiver.call().note_delivered();
        let outcome = this.receiver.take().expect("a ready call is decided");
        (this.handler)(state, outcome);
    }

    fn forgo(mut self: Box<Self>) -> Unobserved {
        self.kept.forgo();
        // A handle may be sending it just now.
        self.receiver.call().decide(Verdict::Shutdown);
        drop_contained(self.handler);
        let failure = self.receiver.take_failure();
        unobserved::<()>(self.receiver.call(), failure.map(Err), true)
    }

    fn shutter(&self) -> Box<dyn FnOnce()> {
        shutter(self.receiver.call(), &self.kept)
    }

    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        self.kept.starter()
    }

    fn place(&self) -> &'static Location<'static> {
        self.receiver.call().place()
    }

    fn name(&self) -> Option<Cow<'static, str>> {
        self.receiver.call().name().cloned()
    }

    fn is_decided(&self) -> bool {
        self.receiver.call().is_decided()
    }
}

/// A detached call: its failure goes to the hook; a value that others share is dropped off the loop.
pub(super) struct Unheard<T: Send + 'static> {
    receiver: Receiver<T>,
    kept: Kept,
}

impl<T: Send + 'static> Unheard<T> {
    pub(super) fn new(receiver: Receiver<T>, kept: Option<Work>) -> Self {
        Self { receiver, kept: Kept(Cell::new(kept)) }
    }
}

impl<S, T: Send + 'static> Entry<S> for Unheard<T> {
    fn run(mut self: Box<Self>, _: &mut S, hook: &dyn Fn(Unobserved)) {
        self.kept.settle();
        self.receiver.call().note_delivered();
        if let Some(failure) = self.receiver.take_failure() {
            hook(unobserved::<()>(self.receiver.call(), Some(Err(failure)), false));
        }
    }

    fn forgo(mut self: Box<Self>) -> Unobserved {
        self.kept.forgo();
        self.receiver.call().decide(Verdict::Shutdown);
        let failure = self.receiver.take_failure();
        unobserved::<()>(self.receiver.call(), failure.map(Err), false)
    }

    fn shutter(&self) -> Box<dyn FnOnce()> {
        shutter(self.receiver.call(), &self.kept)
    }

    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        self.kept.starter()
    }

    fn place(&self) -> &'static Location<'static> {
        self.receiver.call().place()
    }

    fn name(&self) -> Option<Cow<'static, str>> {
        self.receiver.call().name().cloned()
    }

    fn is_decided(&self) -> bool {
        self.receiver.call().is_decided()
    }
}

/// An inline call that is awaited or serves others: the turn runs it, and has no handler for it.
pub(super) struct Standing {
    call: CallRef,
    kept: Kept,
}

impl Standing {
    pub(super) fn new(work: Work) -> Self {
        Self { call: work.call().clone(), kept: Kept(Cell::new(Some(work))) }
    }

    pub(super) fn call(&self) -> &CallRef {
        &self.call
    }
}

impl<S> Entry<S> for Standing {
    fn run(self: Box<Self>, _: &mut S, _: &dyn Fn(Unobserved)) {
        self.kept.settle();
    }

    fn forgo(self: Box<Self>) -> Unobserved {
        self.kept.forgo();
        unobserved::<()>(&self.call, None, false)
    }

    fn shutter(&self) -> Box<dyn FnOnce()> {
        shutter(&self.call, &self.kept)
    }

    fn starter(&self) -> Option<Box<dyn FnOnce()>> {
        self.kept.starter()
    }

    fn place(&self) -> &'static Location<'static> {
        self.call.place()
    }

    fn name(&self) -> Option<Cow<'static, str>> {
        self.call.name().cloned()
    }

    fn is_decided(&self) -> bool {
        self.call.is_decided()
    }
}
