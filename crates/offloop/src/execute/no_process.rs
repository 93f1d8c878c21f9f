//! Systems, and builds, without worker processes. Invariant: a `Shop` can't be made, so that every
//! call to one comes to `Rejected(NotConfigured)`.

use std::sync::Arc;

use super::crew::Crew;
use super::keeper::Bell;
use crate::complete::Hub;

#[cfg(feature = "process")]
pub use self::options::Processes;

#[cfg(feature = "process")]
pub use self::output::WorkerLine;

#[cfg(feature = "process")]
#[path = "process/options.rs"]
mod options;

/// What [`Processes`] speaks of.
#[cfg(feature = "process")]
mod output {
    /// A line that a worker printed; no worker does here.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct WorkerLine<'a> {
        /// The number of the process.
        pub process: u32,
        /// Whether it came by standard error; else by standard output.
        pub is_stderr: bool,
        /// The line, without its end.
        pub text: &'a str,
    }

    pub(super) type Hook = std::sync::Arc<dyn Fn(&WorkerLine<'_>) + Send + Sync>;
}

/// Nobody can ask for any.
#[cfg(not(feature = "process"))]
pub(crate) struct Processes(pub(crate) std::convert::Infallible);

/// What attendants, killers and the manager would share.
pub(crate) struct Shop(std::convert::Infallible);

/// The executor of one.
pub(super) fn crew(shop: Arc<Shop>, _: &Arc<Hub>, _: &Arc<Bell>) -> Arc<dyn Crew> {
    match shop.0 {}
}

/// Nothing was started as a worker here.
#[cfg(feature = "process")]
pub fn run_if_worker(functions: &super::Functions) {
    let _served_nowhere = functions;
}
