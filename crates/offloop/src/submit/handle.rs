//! The handle for other threads. Invariant: `Send + Sync` whatever the loop's state is; nothing of
//! the loop thread is reachable through it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::call::Call;
use super::send::Link;
use crate::complete::Context;
use crate::execute::{Contextual, Plain};

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

    pub(super) fn link(&self) -> &Link<S> {
        &self.link
    }

    /// Describes a call of `f`; see [`Offloop::call`](crate::Offloop::call).
    #[track_caller]
    pub fn call<F, T>(&self, f: F) -> Call<Self, Plain<F, T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Call::new(self.clone(), Plain::new(f), Location::caller())
    }

    /// Describes a call of `f`, which can look at its [`Context`]; see
    /// [`Offloop::call_with`](crate::Offloop::call_with).
    #[track_caller]
    pub fn call_with<F, T>(&self, f: F) -> Call<Self, Contextual<F, T>>
    where
        F: FnOnce(&Context) -> T + Send + 'static,
        T: Send + 'static,
    {
        Call::new(self.clone(), Contextual::new(f), Location::caller())
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
