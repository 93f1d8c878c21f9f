//! The ways to begin a call, the same for the loop's handle and for handles on other threads.
//! Invariant: each only describes; nothing happens until an ending is called.

use std::panic::Location;

use super::call::Call;
use super::handle::Handle;
use super::offloop::Offloop;
use super::resource::Resource;
use super::send::Origin;
use crate::complete::Context;
use crate::execute::{
    Contextual, ContextualOnResource, Eventual, EventualWith, Named, NamedContextual, OnResource,
    Plain, name_of,
};

macro_rules! describe_calls {
    ($handle:ident) => {
        impl<S: 'static> $handle<S> {
            /// Describes a call of `f`.
            ///
            /// Same as `f()`, except that it runs off the loop and its outcome comes back onto it; the
            /// returned [`Call`] chooses where, and its ending submits it. An `f` that gives a future gives
            /// it back unrun: [`call_async`](Self::call_async) runs one.
            #[track_caller]
            pub fn call<F, T>(&self, f: F) -> Call<Self, Plain<F, T>>
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
            {
                Call::new(self.clone(), Plain::new(f), Location::caller())
            }

            /// Describes a call of `f`, which can look at its [`Context`]: whether anybody still wants
            /// the result, when it times out, and where its progress goes.
            #[track_caller]
            pub fn call_with<F, T>(&self, f: F) -> Call<Self, Contextual<F, T>>
            where
                F: FnOnce(&Context) -> T + Send + 'static,
                T: Send + 'static,
            {
                Call::new(self.clone(), Contextual::new(f), Location::caller())
            }

            /// Describes a call of a named function with one argument, a tuple for more.
            ///
            /// Same as `call(move || f(args))`, except that the call has a name: the one that `f` has
            /// in [`Functions`](crate::Functions), or else its path. `f` is a function itself, or a
            /// closure that captures nothing; a pointer to one does not compile.
            ///
            /// ```
            /// # let off = offloop::Offloop::<u64>::builder().no_waker().build()?;
            /// fn power((base, exponent): (u64, u32)) -> u64 {
            ///     base.pow(exponent)
            /// }
            /// off.call_fn(power, (2, 10)).cores().then(|n, outcome| *n = outcome.unwrap_or(0));
            /// # let mut n = 0;
            /// # while n == 0 { off.deliver(&mut n); std::thread::yield_now(); }
            /// # assert_eq!(n, 1024);
            /// # Ok::<(), offloop::Error>(())
            /// ```
            #[track_caller]
            pub fn call_fn<F, A, T>(&self, f: F, args: A) -> Call<Self, Named<F, A, T>>
            where
                F: Fn(A) -> T + Send + 'static,
                A: Send + 'static,
                T: Send + 'static,
            {
                let name = name_of::<F>(&Origin::link(self).names);
                Call::new(self.clone(), Named::new(f, args), Location::caller()).name(name)
            }

            /// Describes a call of a named function that gets its [`Context`] and one argument; see
            /// [`call_fn`](Self::call_fn).
            #[track_caller]
            pub fn call_fn_with<F, A, T>(
                &self,
                f: F,
                args: A,
            ) -> Call<Self, NamedContextual<F, A, T>>
            where
                F: Fn(&Context, A) -> T + Send + 'static,
                A: Send + 'static,
                T: Send + 'static,
            {
                let name = name_of::<F>(&Origin::link(self).names);
                Call::new(self.clone(), NamedContextual::new(f, args), Location::caller())
                    .name(name)
            }

            /// Describes a call of a future, for what has native async I/O.
            ///
            /// Same as awaiting `future` in the loop, if it could: it runs as a task of the
            /// [`AsyncExecutor`](crate::AsyncExecutor) that was given to
            /// [`Builder::async_on`](crate::Builder::async_on), and holds no thread while it waits.
            /// * **Thread**: it is polled, and dropped, on the executor's threads. What makes the future runs
            ///   on this one, where a runtime's sleep or socket may find no runtime: make it inside, by
            ///   `call_async(async { sleep(time).await })`.
            /// * **Cancel**, **deadline**: the future is dropped, there, at its next poll, for which it
            ///   is woken: what it awaits is given up.
            /// * **Panic**: an outcome, as everywhere.
            /// * **Blocking** in it holds up all that its thread polls; such polls are counted, see
            ///   [`Stats::async_stalls`](crate::Stats::async_stalls).
            ///
            /// Sent to [`threads`](Call::threads) or [`cores`](Call::cores) instead, it has a thread
            /// that waits with it, and needs no executor: for a future without a runtime. That thread
            /// looks whether the call is still wanted when the future wakes it.
            ///
            /// ```
            /// # use offloop::Offloop;
            /// # async fn look_up(host: &str) -> Option<[u8; 4]> { Some([127, 0, 0, 1]) }
            /// # let off = Offloop::<Option<[u8; 4]>>::builder().no_waker().build()?;
            /// off.call_async(async { look_up("localhost").await })
            ///     .threads() // not where the builder has `async_on`
            ///     .then(|found, outcome| *found = outcome.ok().flatten());
            /// # let mut found = None;
            /// # while found.is_none() { off.deliver(&mut found); std::thread::yield_now(); }
            /// # Ok::<(), offloop::Error>(())
            /// ```
            #[track_caller]
            pub fn call_async<F>(&self, future: F) -> Call<Self, Eventual<F>>
            where
                F: Future<Output: Send + 'static> + Send + 'static,
            {
                let mut call = Call::new(self.clone(), Eventual::new(future), Location::caller());
                call.options.flow(Origin::link(self).engine.polls());
                call
            }

            /// Describes a call of a future that can look at its [`Context`]: whether anybody still
            /// wants the result, when it times out, and where its progress goes; see
            /// [`call_async`](Self::call_async).
            ///
            /// `make` is called where the future is polled, when the call begins.
            ///
            /// ```
            /// # use offloop::{Context, Offloop};
            /// # let off = Offloop::<u32>::builder().no_waker().build()?;
            /// off.call_async_with(|cx: Context| async move {
            ///     for percent in 1..=100u32 {
            ///         cx.progress_async(percent).await;
            ///     }
            /// })
            /// #   .threads()
            /// .on_each_progress(|bar: &mut u32, percent: u32| *bar = percent)
            /// .detach();
            /// # let mut bar = 0;
            /// # while off.pending() > 0 { off.deliver(&mut bar); std::thread::yield_now(); }
            /// # assert_eq!(bar, 100);
            /// # Ok::<(), offloop::Error>(())
            /// ```
            #[track_caller]
            pub fn call_async_with<M, F>(&self, make: M) -> Call<Self, EventualWith<M, F>>
            where
                M: FnOnce(Context) -> F + Send + 'static,
                F: Future<Output: Send + 'static> + Send + 'static,
            {
                let job = EventualWith::new(make);
                let mut call = Call::new(self.clone(), job, Location::caller());
                call.options.flow(Origin::link(self).engine.polls());
                call
            }

            /// Describes a call of `f` with a resource's value, on the resource's thread; see
            /// [`Offloop::resource`].
            ///
            /// # Panics
            /// When the resource belongs to another offloop.
            #[track_caller]
            pub fn call_on<R, F, T>(
                &self,
                resource: &Resource<R>,
                f: F,
            ) -> Call<Self, OnResource<R, F, T>>
            where
                R: 'static,
                F: FnOnce(&mut R) -> T + Send + 'static,
                T: Send + 'static,
            {
                resource.tenancy.assert_belongs_to(&Origin::link(self).hub);
                let job = OnResource::new(resource.birth.clone(), f);
                let mut call = Call::new(self.clone(), job, Location::caller());
                call.options.stay_with(resource.tenancy.clone());
                call
            }

            /// Describes a call of `f` with a resource's value, which can look at its [`Context`]; see
            /// [`call_on`](Self::call_on).
            ///
            /// # Panics
            /// When the resource belongs to another offloop.
            #[track_caller]
            pub fn call_on_with<R, F, T>(
                &self,
                resource: &Resource<R>,
                f: F,
            ) -> Call<Self, ContextualOnResource<R, F, T>>
            where
                R: 'static,
                F: FnOnce(&mut R, &Context) -> T + Send + 'static,
                T: Send + 'static,
            {
                resource.tenancy.assert_belongs_to(&Origin::link(self).hub);
                let job = ContextualOnResource::new(resource.birth.clone(), f);
                let mut call = Call::new(self.clone(), job, Location::caller());
                call.options.stay_with(resource.tenancy.clone());
                call
            }
        }
    };
}

describe_calls!(Offloop);
describe_calls!(Handle);
