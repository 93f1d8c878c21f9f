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
#![cfg_attr(
    feature = "process",
    doc = "| [`process`](Call::process) | what may crash, hang or leak; untrusted input | [`Processes`]: workers of their own |"
)]
//! | [`call_async`](Offloop::call_async) | what has native async I/O | a task of a runtime behind the loop: [`AsyncExecutor`] |
//! | [`call_on`](Offloop::call_on) | what can't be sent or shared | [`Resource`]: a thread of its own |
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
//!
//! # Seeing it
//!
//! [`Offloop::stats`] says what was submitted and what came of it, what each executor has to do at
//! present, and which handler held a turn up longest ([`Stats::longest_turn_place`]).
//!
//! With the feature `stats`, on by default, it also has the distributions of three times, by
//! executor and by [`name`](Call::name): how long calls waited in the queue, how long their
//! functions ran, and how long their outcomes waited for the loop. A long first one asks for more
//! threads, a long last one for a loop that does less at a time.
//!
//! ```
//! # let off = offloop::Offloop::<()>::builder().no_waker().build()?;
//! off.call(|| ()).name("save").then(|_, _| {});
//! # while off.pending() > 0 { off.deliver(&mut ()); std::thread::yield_now(); }
//! # #[cfg(feature = "stats")]
//! for (name, call) in off.stats().names {
//!     println!("{name}: waited {}; ran {}", call.queue_wait, call.run);
//! }
//! # Ok::<(), offloop::Error>(())
//! ```
//!
//! With the feature `tracing` a function, wherever it runs, and its handler run in the span in which
//! the call was submitted (of an awaited call: first polled). Events, all of the target `offloop`
//! and with the fields `name`, `place` and `reason`, tell what nobody may have been watching:
//!
//! | level | message | when |
//! | --- | --- | --- |
//! | warn | `call refused` | it was not taken, and not given back by `try_then`; or no worker could be had |
//! | warn | `call abandoned` | its function was given up: its deadline passed, or a shutdown did not wait longer |
//! | debug | `abandoned call came back` | that function has returned; it has no reason |
//! | warn | `async call stalled its thread` | a poll took longer than [`AsyncCalls::stall`]; its field is `took` |
//! | warn | `failure unobserved` | a detached call failed, or a handler was dropped because no turn came any more |
//!
//! A function in a worker process runs in a span `call` of that process, if a subscriber was set there
//! (in `Functions::worker_init`); its field `parent_span` is the submitter's span.
//!
//! The subscriber runs on whichever thread it happens on, the keeper of the deadlines included, so
//! one that blocks holds deadlines up. What it panics with ends there. Without a subscriber a call
//! pays for the look whether there is one.

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
#[allow(unsafe_code)]
mod recycle;
mod sync;
mod sys;
mod timing;
mod trace;

pub use complete::Context;
pub use deliver::{Delivered, LoopWaker, Turn, Unobserved};
#[cfg(feature = "testkit")]
pub use execute::ManualClock;
#[cfg(all(feature = "process", target_os = "linux"))]
pub use execute::SharedBuf;
/// What the project's fuzz targets reach. In no other build.
#[cfg(all(fuzzing, feature = "process", target_os = "linux"))]
#[doc(hidden)]
pub use execute::fuzzing;
pub use execute::{
    AbandonedCall, AsyncCalls, AsyncExecutor, Cores, Executor, Functions, Task, Threads, Work,
};
#[cfg(feature = "process")]
pub use execute::{Processes, WorkerLine};
pub use failure::{By, CodecError, Conflict, Exit, Failure, Outcome, Panic, Reason};
pub use priority::Priority;
#[cfg(feature = "process")]
pub use submit::WorkerStats;
pub use submit::{
    Builder, Call, CallFuture, CancelGuard, Error, ExecutorStats, Handle, Offloop, Origin,
    RejectedCall, Resource, Scope, ShutdownReport, Stats, Ticket, WaitingCall, WeakOffloop,
};

#[cfg(feature = "stats")]
pub use timing::{CallStats, Latencies};

/// Becoming a worker process.
#[cfg(feature = "process")]
pub mod worker {
    pub use crate::execute::run_if_worker;
}

/// The README's program, compiled and run with the doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
#[doc = include_str!("../README.md")]
struct Readme;
