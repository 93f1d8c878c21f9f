//! Resources: values that stay on a thread of their own.
//!
//! Invariant: a resource's thread lives as long as a handle to it, or a call that is described for
//! it and not yet ended.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::offloop::Offloop;
use super::send::assert_not_forked;
use crate::complete::{Hub, Post};
use crate::execute::{Birth, Resident, Unmade};

/// A value that stays on a thread of its own, and is used by calls; from [`Offloop::resource`].
///
/// For what must not move, or not be used by two at once: a database connection, a COM object, a
/// device. Calls are made by [`Offloop::call_on`] and [`Handle::call_on`](crate::Handle::call_on).
///
/// `Clone`, `Send` and `Sync` whatever the value is. When the last clone is dropped, the calls that
/// wait are still run, then the value is dropped on its thread, and the thread ends.
pub struct Resource<R: 'static> {
    pub(super) tenancy: Arc<Tenancy>,
    pub(super) birth: Arc<Mutex<Birth<R>>>,
}

/// The right to a resource's thread.
pub(crate) struct Tenancy {
    resident: Arc<Resident>,
    hub: Arc<Hub>,
}

impl Tenancy {
    pub(crate) fn resident(&self) -> &Resident {
        &self.resident
    }

    pub(crate) fn post(&self) -> Arc<dyn Post> {
        self.resident.clone()
    }

    #[track_caller]
    pub(super) fn assert_belongs_to(&self, hub: &Arc<Hub>) {
        assert!(
            Arc::ptr_eq(&self.hub, hub),
            "this resource belongs to another offloop; make its calls from that one"
        );
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        if !self.hub.is_forked() {
            self.resident.dismiss();
        }
    }
}

impl<S: 'static> Offloop<S> {
    /// A value that stays on a thread of its own: the one that `make` returns there, when the first
    /// call comes.
    ///
    /// * **One at a time**, in submit order: its calls never overlap, and `priority` changes nothing.
    /// * **Panic** of a call: its outcome; the value stays as the call left it. Of `make`: the
    ///   outcome of this call and of all later ones.
    /// * **Deadline** of a call: its outcome on time. While its function still runs, the calls that
    ///   wait go on waiting, each for its own deadline, and new ones are refused with
    ///   `Reason::Abandoned`: there is no other thread that could run them.
    /// * **Drop** of the value: on its thread, after the last call.
    ///
    /// ```
    /// # use std::rc::Rc;
    /// # let off = offloop::Offloop::<usize>::builder().no_waker().build()?;
    /// let words = off.resource(|| Rc::new(vec!["one"])); // an `Rc`, which is not `Send`
    /// off.call_on(&words, |words| {
    ///     Rc::make_mut(words).push("two");
    ///     words.len()
    /// })
    /// .then(|count, outcome| *count = outcome.unwrap_or(0));
    /// # let mut count = 0;
    /// # while count == 0 { off.deliver(&mut count); std::thread::yield_now(); }
    /// # assert_eq!(count, 2);
    /// # Ok::<(), offloop::Error>(())
    /// ```
    ///
    /// # Panics
    /// In a forked child of the process that built offloop.
    #[track_caller]
    pub fn resource<R: 'static>(&self, make: impl FnOnce() -> R + Send + 'static) -> Resource<R> {
        let link = self.link();
        assert_not_forked(&link.hub);
        let unmade = Unmade::new(make, link.hub.clone());
        Resource {
            tenancy: Arc::new(Tenancy { resident: link.engine.resident(), hub: link.hub.clone() }),
            birth: Arc::new(Mutex::new(Birth::Unborn(unmade))),
        }
    }
}

impl<R> Clone for Resource<R> {
    fn clone(&self) -> Self {
        Self { tenancy: self.tenancy.clone(), birth: self.birth.clone() }
    }
}

impl<R> fmt::Debug for Resource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").finish_non_exhaustive()
    }
}
