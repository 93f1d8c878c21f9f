//! Threads and cores: one pool, elastic or fixed. The life of a worker is written once, in
//! `worker`; who is woken when, in `gate`; starting and ending, in `pool`.
//!
//! Invariant: a worker is counted before it is started, and leaves the count before it ends.

mod gate;
mod line;
mod linger;
mod options;
mod pool;
mod roster;
mod worker;

#[cfg(all(test, loom))]
mod loom;
#[cfg(all(test, not(loom)))]
mod tests;

pub use self::options::{Cores, Threads};

pub(crate) use self::options::Apart;
pub(crate) use self::pool::Pool;
pub(super) use self::roster::lock;
