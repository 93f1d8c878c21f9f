//! offloop takes an expensive synchronous call off the event loop that you already have, runs it
//! elsewhere, and brings exactly one outcome back onto that loop.
//!
//! ```text
//! your loop ──submit──▶ execute ──▶ complete ──deliver──▶ your loop
//!           (loop thread)  (elsewhere)   (hand-over)   (loop thread)
//! ```

#![deny(unsafe_code)]

mod submit;

mod execute;

mod complete;

mod deliver;

mod contain;
mod failure;
mod sync;
mod sys;

pub use complete::Context;
pub use deliver::{Delivered, LoopWaker, Turn, Unobserved};
pub use execute::{AbandonedCall, Cores, Priority, Threads};
pub use failure::{By, CodecError, Exit, Failure, Outcome, Panic, Reason};
pub use submit::{
    Builder, Call, CallFuture, CancelGuard, Error, ExecutorStats, Handle, Offloop, RejectedCall,
    ShutdownReport, Stats, Ticket, WeakOffloop,
};
