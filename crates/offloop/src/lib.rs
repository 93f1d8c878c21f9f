//! offloop takes an expensive synchronous call off the event loop that you already have, runs it
//! elsewhere, and brings exactly one outcome back onto that loop.
//!
//! ```text
//! your loop ──submit──▶ execute ──▶ complete ──deliver──▶ your loop
//!           (loop thread)  (elsewhere)   (hand-over)   (loop thread)
//! ```
//!
//! Invariant: the continuation never leaves the loop thread. A handler may capture `Rc`s, widgets
//! and raw handles; it waits in a table that the loop owns, and only a `Send` job and a token cross
//! threads.
//!
//! # In three steps
//!
//! ```
//! # use std::{sync::mpsc, time::Duration};
//! # use offloop::{Failure, Offloop};
//! # enum Event { Wake }
//! # struct App { off: Offloop<App>, price: Option<f64> }
//! # fn price(book: Vec<f64>) -> f64 { book.iter().sum() }
//! # let (events, queue) = mpsc::channel();
//! # let book = vec![1.0, 2.0];
//! // once, on the loop thread; `App` is what your handlers change
//! let off = Offloop::<App>::builder().waker(move || events.send(Event::Wake)).build()?;
//! let mut app = App { off, price: None };
//!
//! // where the expensive call was
//! app.off
//!     .call(move || price(book))
//!     .cores()
//!     .deadline(Duration::from_millis(500))
//!     .then(|app, outcome| match outcome {
//!         Ok(price) => app.price = Some(price),
//!         Err(Failure::TimedOut) => eprintln!("no price in time"),
//!         Err(other) => eprintln!("no price: {other}"),
//!     });
//!
//! // where your loop wakes up
//! # while app.price.is_none() {
//! # let Event::Wake = queue.recv().unwrap();
//! app.off.clone().deliver(&mut app);
//! # }
//! # Ok::<(), offloop::Error>(())
//! ```
//!
//! The [`guide`] has the whole way: how to [find and convert](guide::convert) the call that blocks, and
//! [which policy](guide::policies) is for which problem.
//!
//! # Where a call runs
//!
//! | | for | what it is |
//! | --- | --- | --- |
//! | [`threads`](Call::threads), the default | blocking I/O, DNS, a database | [`Threads`]: elastic, 0 to `max` |
//! | [`cores`](Call::cores) | computing | [`Cores`]: fixed, one per core less one |
//! | [`inline`](Call::inline) | what is too cheap to move; tests | the loop, in its next turn |
//!
//! # How it ends
//!
//! | | gets the outcome | refused at submit |
//! | --- | --- | --- |
//! | [`then`](Call::then) | the handler, on the loop thread, in a turn | an outcome, in a turn |
//! | [`try_then`](Call::try_then) | the same | at once, with call and handler given back |
//! | `.await` | the task, from whichever thread decides it | an outcome, at once |
//! | [`detach`](Call::detach) | nobody; a failure goes to [`on_unobserved`](Builder::on_unobserved) | the same |
//!
//! # What a deadline is not
//!
//! A deadline does not stop a thread. Its outcome is decided on time and the worker is replaced,
//! but the function runs until it returns: *abandoned*, counted in [`Stats`] and capped by
//! [`Threads::abandoned`]. A function that asks [`Context::is_cancelled`] can return early.

#![deny(unsafe_code)]

mod submit;

mod execute;

mod complete;

mod deliver;

mod contain;
mod failure;
#[cfg(any(doc, doctest))]
pub mod guide;
#[allow(unsafe_code)]
mod keyed;
mod padded;
mod priority;
mod sync;
mod sys;
mod timing;
mod trace;

pub use complete::Context;
pub use deliver::{Delivered, LoopWaker, Turn, Unobserved};
#[cfg(feature = "testkit")]
pub use execute::ManualClock;
pub use execute::{AbandonedCall, Cores, Executor, Threads, Work};
pub use failure::{By, CodecError, Conflict, Exit, Failure, Outcome, Panic, Reason};
pub use priority::Priority;
pub use submit::{
    Builder, Call, CallFuture, CancelGuard, Error, ExecutorStats, Functions, Handle, Offloop,
    Origin, RejectedCall, Resource, Scope, ShutdownReport, Stats, Ticket, WaitingCall, WeakOffloop,
};

#[cfg(feature = "stats")]
pub use timing::{CallStats, Latencies};

/// The README's program, compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
