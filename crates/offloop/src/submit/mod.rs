//! **Submit**: a call is described, admitted or refused, and sent on its way.
//!
//! Contract:
//! * S1 submitting never blocks, starts no thread and runs no user code but the waker.
//! * S2 a call that can't be taken is refused as a value: its handler hears so in a turn, or
//!   `try_then` gives everything back; it never runs later.
//! * S3 the handler stays on the loop thread; the job and a token leave it.
//! * S4 one wake at the most; two where a foreign executor wakes its thread, and the keeper is to be woken
//!   for a nearer deadline, which only we can.

mod builder;
mod call;
mod describe;
mod end;
mod entry;
mod error;
mod future;
mod handle;
mod offloop;
mod options;
mod policies;
mod process;
mod progress;
mod resource;
mod scope;
mod send;
mod stats;
mod ticket;

#[cfg(all(test, not(loom)))]
mod tests;

pub use self::builder::Builder;
pub use self::call::{Call, RejectedCall};
pub use self::end::ShutdownReport;
pub use self::error::Error;
pub use self::future::CallFuture;
pub use self::handle::Handle;
pub use self::offloop::{Offloop, WaitingCall, WeakOffloop};
#[cfg(feature = "process")]
pub use self::process::WorkerStats;
pub use self::resource::Resource;
pub use self::scope::Scope;
pub use self::send::Origin;
pub use self::stats::{ExecutorStats, Stats};
pub use self::ticket::{CancelGuard, Ticket};
