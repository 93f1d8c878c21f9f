//! **Execute**: a call's function runs somewhere else, under the model that fits.
//!
//! Contract of an [`Executor`], which `offloop-testkit`'s `executor_suite!` tests:
//! * E1 `submit` never blocks, starts no thread and runs no user code; it wakes one thread at the
//!   most (the own pools: none, when the keeper is woken anyway).
//! * E2 every [`Work`] is run once or dropped once, and not on the loop thread (inline excepted).
//! * E3 a call never waits behind a running one while fewer than the maximum run.
//! * E4 a higher priority goes first, and no priority starves.
//! * E5 an abandoned function's worker is replaced, up to a cap.
//! * E6 a worker that can't be started is an outcome for the calls that wait for it, never a hang.
//! * E7 `stop` ends every thread that is not inside a user's function.
//!
//! User code runs at one line: in `guard`.

mod awaited;
mod charge;
mod crew;
mod engine;
mod functions;
mod futures;
mod grave;
mod guard;
mod guest;
mod inline;
mod keeper;
mod named;
#[cfg(all(feature = "process", target_os = "linux"))]
mod process;
#[cfg(not(all(feature = "process", target_os = "linux")))]
#[path = "no_process.rs"]
mod process;
mod resident;
mod threads;

pub use self::engine::AbandonedCall;
pub use self::functions::Functions;
pub use self::futures::{AsyncCalls, AsyncExecutor, Task};
pub use self::guest::{Executor, Work};
#[cfg(feature = "testkit")]
pub use self::keeper::ManualClock;
#[cfg(feature = "process")]
#[cfg(all(feature = "process", target_os = "linux"))]
pub use self::process::SharedBuf;
#[cfg(all(fuzzing, feature = "process", target_os = "linux"))]
pub use self::process::fuzzing;
#[cfg(feature = "process")]
pub use self::process::{Processes, WorkerLine, run_if_worker};
pub use self::threads::{Cores, Threads};

#[cfg(not(feature = "testkit"))]
pub(crate) use self::keeper::ManualClock;

pub(crate) use self::crew::Crew;
pub(crate) use self::engine::{Annexes, Engine, Seat};
pub(crate) use self::functions::{Names, name_of};
pub(crate) use self::futures::{AsyncCrew, Eventual, EventualWith};
pub(crate) use self::guard::{Contextual, Detached, Plain, SharedRun, Spanned};
pub(crate) use self::named::{Named, NamedContextual};
#[cfg(not(feature = "process"))]
pub(crate) use self::process::Processes;
pub(crate) use self::process::Shop;
#[cfg(all(feature = "process", target_os = "linux"))]
pub(crate) use self::process::{Remote, would_serve};
pub(crate) use self::resident::{Birth, ContextualOnResource, OnResource, Resident, Unmade};
pub(crate) use self::threads::Apart;

/// Whether a submit may wake a worker by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ring {
    /// Wakes whoever is needed.
    Yes,
    /// Wakes nobody: the keeper is being woken for a timer, and tends the executors then.
    No,
}
