//! **Complete**: from "a worker has a result" to "the loop knows", exactly once.
//!
//! Contract:
//! * C1 one outcome is decided per call, by one swap of its state word; all others lose.
//! * C2 a function is claimed at most once, and only by the holder of its [`Work`].
//! * C3 the decider hands the call over: to the loop's ready queue, or to the waiting task.
//! * C4 a function that is not run, and a result that nobody takes, are dropped off the loop.
//! * C5 nothing here unwinds.

#[allow(unsafe_code)]
mod cell;
mod context;
mod flow;
mod hub;
mod lane;
mod policy;
mod state;
mod task;

#[cfg(all(test, loom))]
mod loom;
#[cfg(any(test, all(fuzzing, feature = "process", target_os = "linux")))]
pub(crate) mod rig;
#[cfg(all(test, not(loom)))]
mod tests;

pub use self::context::Context;

#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) use self::context::Away;

pub(crate) use self::cell::{
    CallRef, Claimed, Details, Flowing, Job, Ran, Receiver, Returned, Route, Shown, Work, call,
    refused,
};
pub(crate) use self::flow::{BoxFlow, Flow};
pub(crate) use self::hub::{Clock, Discard, Hub, LaneId, Life, Remains};
pub(crate) use self::lane::{Lane, LaneLimits, RUNNING_MAX};
pub(crate) use self::policy::{
    Desk, Follow, LatestLine, Load, Mailbox, Members, OrderLine, Policy, Post, ShareLine, Shared,
    Turnstile,
};
pub(crate) use self::state::{Phase, Verdict};
pub(crate) use self::task::TaskSlot;
