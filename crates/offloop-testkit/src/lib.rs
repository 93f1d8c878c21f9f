//! Tests for what stands at the seams of [offloop], and for the handlers that stand on it.
//!
//! | you have | use | it tells |
//! | --- | --- | --- |
//! | handlers, and state that they change | [`check`] and [`Sim`] | whether they are right in every order of completions, wakes, cancels and deadlines; see [`sim`] |
//! | a test that decides itself who finishes when | [`ManualExecutor`], [`ManualClock`](offloop::ManualClock) | what your code does then, without threads and without waiting |
//! | a loop, or a waker for one | [`loop_suite!`] | whether it keeps each promise of [`loops`] |
//! | an executor | [`executor_suite!`] | whether it keeps each promise of [`executors`] |
//! | an executor for named functions, in this process or not | [`call_fn_suite!`] | whether it keeps each promise of [`named`] |
//! | an async executor | [`async_suite!`] | whether it keeps each promise of [`runtimes`] |
//!
//! The page [`testing`] shows the whole way, from a handler alone to every order of events.
//!
//! A suite is one macro call in a test file; it makes a `#[test]` of each promise, named after it.
//! One that fails says which promise is broken and what was seen:
//!
//! ```text
//! this loop breaks the promise `a_wake_before_the_loop_waits_is_not_lost` (D2, G10: a wake that
//! comes before the loop begins to wait ends that wait at once): the loop slept for 10.0s while the
//! check waited until 1 outcomes are handled; 1 calls were not delivered, so a wake was lost
//! ```
//!
//! The numbers are those of [`loops`], of [`executors`], of [`runtimes`], and of offloop's GUARANTEES.md.
//!
//! # An executor in five lines
//!
//! ```
//! # use std::sync::mpsc::{Sender, channel};
//! # struct MyPool(Sender<offloop::Work>);
//! # impl MyPool { fn new(_: usize) -> Self { MyPool(channel().0) } }
//! # impl offloop::Executor for MyPool {
//! #     fn submit(&self, work: offloop::Work) -> Result<(), offloop::Work> { Err(work) }
//! # }
//! # fn main() {}
//! use offloop_testkit::executor_suite;
//!
//! executor_suite! {
//!     |builder| builder.cores_on(MyPool::new(2)), place: cores, workers: 2
//! }
//! ```
//!
//! # A loop in ten
//!
//! ```
//! use std::sync::mpsc;
//! use offloop_testkit::{LoopRig, loop_suite};
//!
//! loop_suite!(|builder| {
//!     let (events, queue) = mpsc::channel();
//!     let off = builder.waker(move || events.send(())).build().unwrap();
//!     LoopRig::new(off, move |round, patience| {
//!         if queue.recv_timeout(patience).is_ok() {
//!             round.deliver();
//!         }
//!     })
//! }, without: [own_events_go_on_in_a_storm, two_offloops_share_it, a_dropped_offloop_leaves_the_loop_whole]);
//! # fn main() {}
//! ```
//!
//! [`LoopRig`] shows what the three that are left out need.
//!
//! Invariant: the kit knows of offloop what is public, and of what it tests the seam.

#![forbid(unsafe_code)]

mod alive;
mod macros;
mod promise;
mod small_loop;
mod sync;

pub mod executors;
pub mod loops;
#[cfg(feature = "process")]
pub mod named;
pub mod runtimes;
pub mod sim;
#[cfg(any(doc, doctest))]
pub mod testing;

pub use executors::{ExecutorState, ExecutorSuite, Place};
pub use loops::{LoopRig, LoopState, LoopSuite, Round};
#[cfg(feature = "process")]
pub use named::{CallFnState, CallFnSuite};
pub use runtimes::AsyncSuite;
pub use sim::{ManualExecutor, Sim, check};
