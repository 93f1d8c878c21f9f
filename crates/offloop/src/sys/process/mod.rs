//! What worker processes need of Linux: a message socket, shared memory, a child that is watched by
//! a descriptor, and a clean start. Invariant: no `fork` of this process's memory, no signal
//! handler here, and no descriptor that survives an `exec`.

#[allow(unsafe_code)]
mod arena;
mod child;
#[allow(unsafe_code)]
mod clean;
#[allow(unsafe_code)]
mod region;
mod socket;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use self::arena::Arena;
pub(crate) use self::child::{Child, Piped, Start, read};
pub(crate) use self::clean::{Clean, Limits, is_worker, limit_cpu};
pub(crate) use self::region::{Lent, Region};
pub(crate) use self::socket::{Socket, wait_any};

/// What a worker process is told apart by, together with a message socket at descriptor 0.
pub(crate) const WORKER_KEY: &str = "OFFLOOP_WORKER";
