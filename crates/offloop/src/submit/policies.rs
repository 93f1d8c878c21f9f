//! The policies that need a key, a scope or a handler. Invariant: a policy only says what the submit
//! will do; the line of its key is looked up at once, and nobody stands in it before the submit.

use std::hash::Hash;

use super::call::Call;
use super::handle::Handle;
use super::offloop::Offloop;
use super::progress::Progress;
use super::scope::Scope;
use super::send::{Origin, assert_not_forked};
use crate::complete::{Job, LatestLine, Mailbox, OrderLine, ShareLine, Turnstile};

macro_rules! keyed_policies {
    ($handle:ident, $keys:expr $(, $send:ident)?) => {
        impl<S: 'static, J: Job> Call<$handle<S>, J> {
            /// Runs its handler after those of all calls with an equal key that were submitted
            /// before, and before those submitted after; the functions run in parallel.
            ///
            /// A failure keeps its place: a call that timed out early is heard of in its turn. An
            /// awaited call completes in its place.
            ///
            /// A key is any `Hash + Eq` value; keys of different types never meet, nor do those of
            /// different policies. Its `Eq` runs under a lock, and must not use offloop.
            pub fn in_order<K: Hash + Eq $(+ $send)? + 'static>(mut self, key: K) -> Self {
                let line = ($keys)(&self.origin).line(key, OrderLine::new);
                self.options.policy().order = Some(line);
                self
            }

            /// Runs its function when those of all calls with an equal key that were submitted before
            /// have ended: one at a time, in submit order.
            ///
            /// A function past its deadline still holds the others up until it returns: never do two
            /// run at once. So give each call a deadline of its own; it counts from the submit. See
            /// [`in_order`](Self::in_order) for keys.
            pub fn serial<K: Hash + Eq $(+ $send)? + 'static>(mut self, key: K) -> Self {
                let line = ($keys)(&self.origin).line(key, || Turnstile::new(1));
                self.options.policy().serial = Some(line);
                self
            }

            /// Supersedes all calls with an equal key that were submitted before: after its submit,
            /// none of them delivers an `Ok`. Those that are not decided come to
            /// `Cancelled(By::Superseded)`, and so do values that wait to be delivered.
            ///
            /// At most two functions of one key run at once, past their deadline not counted: the
            /// newest, and one that was superseded and has not returned. An awaited call that
            /// completed before keeps its value. See [`in_order`](Self::in_order) for keys.
            pub fn latest<K: Hash + Eq $(+ $send)? + 'static>(mut self, key: K) -> Self {
                let line = ($keys)(&self.origin).line(key, LatestLine::new);
                self.options.policy().latest = Some(line);
                self
            }

            /// Shares one run with all calls with an equal key and the same type of value, from the
            /// submit of the first until it ends: only the first one's function runs, and each gets a
            /// clone of its outcome, made by the worker.
            ///
            /// Executor, priority, resource and `serial` are the first one's; deadline, cancel, order
            /// and scope are each one's own. When all have left, the run is cancelled. See
            /// [`in_order`](Self::in_order) for keys.
            pub fn share<K: Hash + Eq $(+ $send)? + 'static>(mut self, key: K) -> Self
            where
                J::Output: Clone,
            {
                let line = || ShareLine::<J::Output>::new(Clone::clone);
                let line = ($keys)(&self.origin).line(key, line);
                self.options.share(line);
                self
            }

            /// Hears of the function's [`progress`](crate::Context::progress), on the loop thread, in
            /// turns: of the newest value each time.
            ///
            /// The function never waits: a value that the loop has not taken is replaced by the next
            /// one. What was sent before the outcome was decided is heard before the outcome. The handler
            /// names the type, `|app, percent: u32|`, and the function sends that type, `cx.progress(1u32)`.
            pub fn on_progress<P, H>(self, handler: H) -> Self
            where
                P: Send + 'static,
                H: FnMut(&mut S, P) $(+ $send)? + 'static,
            {
                self.watched(handler, false)
            }

            /// Hears of each value of the function's [`progress`](crate::Context::progress), in order.
            ///
            /// While 64 values wait for the loop, the function waits too, until the loop has taken
            /// one, or the call is cancelled, passes its deadline or is shut down. An inline call never
            /// waits.
            pub fn on_each_progress<P, H>(self, handler: H) -> Self
            where
                P: Send + 'static,
                H: FnMut(&mut S, P) $(+ $send)? + 'static,
            {
                self.watched(handler, true)
            }

            fn watched<P, H>(mut self, handler: H, each: bool) -> Self
            where
                P: Send + 'static,
                H: FnMut(&mut S, P) $(+ $send)? + 'static,
            {
                let mailbox = Mailbox::<P>::new(each);
                self.options.policy().mail = Some(mailbox.clone());
                let watch = Progress::new(mailbox, handler, Origin::link(&self.origin).hub.clone());
                self.extras.watch = Some(Box::new(watch));
                self
            }
        }
    };
}

keyed_policies!(Offloop, |off: &Offloop<S>| {
    assert_not_forked(&off.link().hub);
    off.local.keys.clone()
});
keyed_policies!(
    Handle,
    |handle: &Handle<S>| {
        assert_not_forked(&Origin::link(handle).hub);
        Origin::link(handle).keys.clone()
    },
    Send
);

impl<S: 'static, J: Job> Call<Offloop<S>, J> {
    /// Ends it with `scope`: when that is dropped, the call is cancelled and its handler is dropped
    /// unrun. See [`Scope`].
    ///
    /// Keep the scope: `.within(&off.scope())` ends the call in the same statement. Calls of a
    /// [`Handle`] have none, because a scope stays on the loop thread.
    ///
    /// # Panics
    /// When the scope belongs to another offloop.
    #[track_caller]
    pub fn within(mut self, scope: &Scope) -> Self {
        scope.list.assert_belongs_to(&self.origin.local);
        self.extras.scope = Some(scope.list.clone());
        self
    }
}
