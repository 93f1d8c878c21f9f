//! **Execute**: a call's function runs somewhere else, under the model that fits.
//!
//! Contract of an [`Executor`]:
//! * E1 `submit` never blocks, starts no thread and runs no user code; it wakes at most one
//!   thread, and none when it is told to stay quiet because the keeper is woken anyway.
//! * E2 every `Work` is run once or dropped once, and not on the loop thread (inline excepted).
//! * E3 a call never waits behind a running one while fewer than the maximum run.
//! * E4 a higher priority goes first, and no priority starves.
//! * E5 an abandoned function's worker is replaced, up to a cap.
//! * E6 a worker that can't be started is an outcome for the calls that wait for it, never a hang.
//! * E7 `stop` ends every thread that is not inside a user's function.
//!
//! User code runs at one line: in `guard`.

mod charge;
mod engine;
mod grave;
mod guard;
mod inline;
mod keeper;
mod threads;

pub use self::threads::{Cores, Threads};

pub use self::engine::AbandonedCall;
pub(crate) use self::engine::Engine;
pub(crate) use self::guard::{Contextual, Detached, Plain};
pub(crate) use self::threads::Apart;

use crate::complete::Work;

/// Which of the calls that wait for the same executor goes first.
///
/// Of the calls that workers take, at least one in 4 is of normal or low priority if one waits,
/// and at least one in 16 of low; so a flood of urgent calls delays the others and starves none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Priority {
    /// Before the others.
    High,
    /// The default.
    #[default]
    Normal,
    /// After the others.
    Low,
}

/// Whether a submit may wake a worker by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ring {
    /// Wakes whoever is needed.
    Yes,
    /// Wakes nobody: the keeper is being woken for a timer, and tends the executors then.
    No,
}

/// The seam between a call and the model that it runs under; see the module's contract.
pub(crate) trait Executor: Send + Sync {
    fn submit(&self, work: Work, priority: Priority, ring: Ring);
}
