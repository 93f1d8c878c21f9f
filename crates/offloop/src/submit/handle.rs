//! The handle for other threads. Invariant: `Send + Sync` whatever the loop's state is; nothing of
//! the loop thread is reachable through it.

use std::fmt;
use std::sync::Arc;

use super::entry::Standing;
use super::send::{Link, Origin};
use crate::complete::{CallRef, Work};
use crate::deliver::{Parts, Token, Watch};
use crate::timing::Number;

/// Submits calls to a loop from other threads, a running call included.
///
/// `Send + Sync + Clone` for any `S`. Its handlers are `Send`; they run on the loop thread like
/// all others. Calls of one thread reach the executor in the order of their submits. It keeps
/// nothing alive: once the loop's own handle is gone, its calls come to `Shutdown`.
///
/// A function that *waits* for another call of the same executor holds its worker meanwhile; if
/// all workers wait like that, none is left to run what they wait for. Give such calls a deadline,
/// use the other executor, or submit the second call from the first one's handler.
///
/// ```
/// # use offloop::Offloop;
/// # let off = Offloop::<Vec<u32>>::builder().no_waker().build()?;
/// let handle = off.handle();
/// off.call(move || {
///     for part in 0..4 {
///         handle.call(move || part * part).then(|done, outcome| done.extend(outcome));
///     }
/// })
/// .detach();
/// # let mut done = vec![];
/// # while done.len() < 4 { off.deliver(&mut done); std::thread::yield_now(); }
/// # Ok::<(), offloop::Error>(())
/// ```
pub struct Handle<S: 'static = ()> {
    link: Arc<Link<S>>,
}

impl<S: 'static> Handle<S> {
    pub(super) fn new(link: Arc<Link<S>>) -> Self {
        Self { link }
    }

    /// As [`Offloop::is_forked`](super::Offloop::is_forked), from any thread.
    pub fn is_forked(&self) -> bool {
        self.link.hub.is_forked()
    }
}

/// What a call from another thread has on the loop thread besides its handler.
pub struct HandleExtras<S> {
    pub(super) watch: Option<Box<dyn Watch<S> + Send>>,
}

impl<S> Default for HandleExtras<S> {
    fn default() -> Self {
        Self { watch: None }
    }
}

impl<S: 'static> Origin for Handle<S> {
    type State = S;
    type Extras = HandleExtras<S>;
    type Seat = std::convert::Infallible;

    fn link(&self) -> &Link<S> {
        &self.link
    }

    fn number(&self) -> Number {
        self.link.hub.counts.submitted.next_of_handles()
    }

    fn stand(&self, make: impl FnOnce(Token) -> Work) -> CallRef {
        let token = Token::remote(self.link.hub.next_remote());
        let entry = Standing::new(make(token));
        let call = entry.call().clone();
        self.link.arrivals.push(token, Parts { entry: Box::new(entry), watch: None });
        call
    }

    /// A scope belongs to the loop thread.
    fn enroll(_: &HandleExtras<S>, _: &CallRef) -> Option<Self::Seat> {
        None
    }
}

impl<S: 'static> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone() }
    }
}

impl<S: 'static> fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
