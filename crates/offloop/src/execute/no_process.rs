//! Systems, and builds, without worker processes. Invariant: a `Shop` can't be made, so that every
//! call to one comes to `Rejected(NotConfigured)`.

use std::sync::Arc;

use super::crew::Crew;
use super::keeper::Bell;
use crate::complete::Hub;

#[cfg(feature = "process")]
pub use self::options::Processes;

#[cfg(feature = "process")]
pub use self::line::WorkerLine;

#[cfg(feature = "process")]
#[path = "process/options.rs"]
mod options;

#[cfg(feature = "process")]
#[path = "process/line.rs"]
mod line;

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
