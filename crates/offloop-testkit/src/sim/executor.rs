//! An executor without threads. Invariant: a work stays in the line, in submit order, until the one
//! who holds the executor runs it or the offloop ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use offloop::{Executor, Work};

/// Holds the calls that it is given until it is told to run one, on the thread that tells it.
///
/// For tests which decide themselves who finishes when; [`Sim`](crate::Sim) has two of them and
/// decides by a seed. Clones are the same executor: one goes to the offloop, one stays.
///
/// ```
/// use offloop::Offloop;
/// use offloop_testkit::ManualExecutor;
///
/// let disk = ManualExecutor::new();
/// let off = Offloop::<Vec<&str>>::builder().no_waker().threads_on(disk.clone()).build()?;
/// off.call(|| "first").then(|done, outcome| done.extend(outcome));
/// off.call(|| "second").then(|done, outcome| done.extend(outcome));
///
/// let mut done = vec![];
/// disk.run(1);
/// off.deliver(&mut done);
/// disk.run(0);
/// off.deliver(&mut done);
/// assert_eq!(done, ["second", "first"]);
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualExecutor {
    line: Arc<Mutex<Vec<Work>>>,
}

impl ManualExecutor {
    /// One with nothing to run.
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&self) -> MutexGuard<'_, Vec<Work>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many calls wait.
    pub fn len(&self) -> usize {
        self.line().len()
    }

    /// Whether no call waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the call at `index` out of the line; the first submitted has 0. To be run, or to be
    /// dropped, which ends it with `Shutdown`.
    pub fn take(&self, index: usize) -> Option<Work> {
        let mut line = self.line();
        (index < line.len()).then(|| line.remove(index))
    }

    /// Runs the call at `index` on this thread, and says whether there was one.
    pub fn run(&self, index: usize) -> bool {
        let work = self.take(index);
        work.map(Work::run).is_some()
    }

    /// Runs all that wait, in submit order, those included that come meanwhile.
    pub fn run_all(&self) {
        while self.run(0) {}
    }

    /// Looks at the calls that wait.
    pub(super) fn look<R>(&self, at: impl FnOnce(&[Work]) -> R) -> R {
        at(&self.line())
    }
}

impl Executor for ManualExecutor {
    fn submit(&self, work: Work) -> Result<(), Work> {
        self.line().push(work);
        Ok(())
    }

    fn stop(&self, _until: Instant) {
        // Dropped without the lock: a destructor may submit.
        let left = std::mem::take(&mut *self.line());
        drop(left);
    }
}
