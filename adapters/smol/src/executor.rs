//! An executor behind the loop. Invariant: the threads hold the executor, and the last one to leave
//! drops it, with the tasks that have not ended.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use async_channel::{Receiver, Sender, bounded};
use async_executor::Executor;
use offloop::{AsyncExecutor, Task};

/// Runs async calls on an [`Executor`]: one with threads of its own, or the program's.
pub struct SmolExecutor {
    executor: Weak<Executor<'static>>,
    own: Option<Own>,
}

/// Threads that run an executor until they are told to leave.
struct Own {
    /// Closed, it ends them.
    run: Sender<()>,
    threads: Arc<Threads>,
}

#[derive(Default)]
struct Threads {
    count: Mutex<usize>,
    changed: Condvar,
}

impl SmolExecutor {
    /// On an executor of its own with one thread, which ends with the offloop.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new() -> io::Result<Self> {
        Self::with_threads(1)
    }

    /// The same with more threads, for futures that also compute. At least 1.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_threads(threads: usize) -> io::Result<Self> {
        let executor = Arc::new(Executor::new());
        let (run, runs) = bounded(1);
        // Dropped on an error, it ends those that have been started.
        let own = Own { run, threads: Arc::default() };
        for _ in 0..threads.max(1) {
            let (executor, runs, present) = (executor.clone(), runs.clone(), own.threads.enter());
            let named = thread::Builder::new().name("offloop-smol".to_owned());
            named.spawn(move || poll_until(executor, &runs, present))?;
        }
        Ok(Self { executor: Arc::downgrade(&executor), own: Some(own) })
    }

    /// On the program's executor, as long as the program runs it. When that is dropped, its calls come
    /// to `Shutdown`, and later ones to `Rejected(NoWorker)`: it is not kept alive here.
    pub fn on(executor: &Arc<Executor<'static>>) -> Self {
        Self { executor: Arc::downgrade(executor), own: None }
    }
}

/// A thread's whole life.
fn poll_until(executor: Arc<Executor<'static>>, runs: &Receiver<()>, present: Present) {
    // Nobody sends: it comes back when the sender is closed.
    let _closed = async_io::block_on(executor.run(runs.recv()));
    // First: who waits for the threads finds the tasks dropped.
    drop(executor);
    drop(present);
}

impl AsyncExecutor for SmolExecutor {
    fn spawn(&self, task: Task) -> Result<(), Task> {
        let Some(executor) = self.executor.upgrade() else { return Err(task) };
        executor.spawn(task).detach();
        // The program let go of it meanwhile: it ends here, and so do its futures, but this may be the
        // loop thread.
        if let Some(ended) = Arc::into_inner(executor) {
            let named = thread::Builder::new().name("offloop-smol".to_owned());
            // Where no thread is to be had it ends on this one after all.
            let _ending = named.spawn(move || drop(ended));
        }
        Ok(())
    }

    fn stop(&self, until: Instant) {
        if let Some(own) = &self.own {
            own.run.close();
            own.threads.wait_left(until);
        }
    }

    fn threads(&self) -> usize {
        self.own.as_ref().map_or(0, |own| *own.threads.lock())
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.run.close();
    }
}

/// A thread that has not left.
struct Present(Arc<Threads>);

impl Drop for Present {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.changed.notify_all();
    }
}

impl Threads {
    fn enter(self: &Arc<Self>) -> Present {
        *self.lock() += 1;
        Present(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_left(&self, until: Instant) {
        let time = until.saturating_duration_since(Instant::now());
        let some = |count: &mut usize| *count > 0;
        // What has not left by then is inside a poll that does not return.
        let _left = self.changed.wait_timeout_while(self.lock(), time, some);
    }
}

impl fmt::Debug for SmolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.own.is_some();
        f.debug_struct("SmolExecutor").field("own", &own).field("threads", &self.threads()).finish()
    }
}
