//! The other side: what a worker process does from its first line to its last.
//!
//! Invariant: `run_if_worker` returns in a process that was not started as a worker, and in no
//! other; nothing of the program's own `main` runs in a worker.

mod context;
mod serve;

#[cfg(fuzzing)]
pub(super) use self::serve::serve_at;

use std::process::exit;
use std::sync::OnceLock;

use crate::execute::Functions;
use crate::sys::process::is_worker;

/// The digest of the functions that this program would serve as a worker.
static SERVED: OnceLock<u64> = OnceLock::new();

/// What a worker ends with when it can't go on; as for a protocol error in `sysexits.h`.
const CAN_NOT: i32 = 76;

/// The first line of `main`, in a program that calls functions in processes: a worker process is the
/// same program again, and this is where it becomes a worker.
///
/// In the program itself it returns at once. In a worker it serves calls until the program that
/// started it has no more, or ends, and never returns: nothing after it runs, and nothing before it
/// should.
///
/// ```no_run
/// use offloop::{Functions, Offloop, Processes};
///
/// fn price(book: Vec<u32>) -> u32 {
///     book.into_iter().sum()
/// }
///
/// fn main() -> Result<(), offloop::Error> {
///     let functions = Functions::new().add("price", price);
///     offloop::worker::run_if_worker(&functions);
///     let off = Offloop::<u32>::builder().no_waker().processes(Processes::new(functions)).build()?;
///     off.call_fn(price, vec![1, 2, 3]).process().then(|total, outcome| {
///         *total = outcome.unwrap_or(0);
///     });
///     Ok(())
/// }
/// ```
pub fn run_if_worker(functions: &Functions) {
    if is_worker() {
        exit(serve::serve(&functions.registry));
    }
    // The first one counts: it is the one that a worker does not come past.
    let _first = SERVED.set(functions.registry.digest());
}

/// Whether a worker that is this program again would serve these functions; `None`: it would not
/// become a worker at all.
pub(crate) fn would_serve(functions: &Functions) -> Option<bool> {
    Some(*SERVED.get()? == functions.registry.digest())
}
