//! offloop on a rayon pool: a [`RayonExecutor`].
//!
//! Invariant: nothing unwinds into rayon, and no pool is waited for.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use offloop::{Executor, Work};
use rayon::ThreadPool;

/// Runs computing calls on a rayon pool; for [`Builder::cores_on`](offloop::Builder::cores_on).
pub struct RayonExecutor {
    pool: Pool,
}

enum Pool {
    /// Until the offloop ends.
    Given(Mutex<Option<Arc<ThreadPool>>>),
    Global,
}

impl RayonExecutor {
    /// On this pool. Its threads end when the last owner has let go of it; the executor does so when
    /// its offloop ends.
    pub fn on(pool: &Arc<ThreadPool>) -> Self {
        Self { pool: Pool::Given(Mutex::new(Some(pool.clone()))) }
    }

    /// On rayon's global pool, which this starts if nobody has, so that no submit does. It never ends.
    ///
    /// To rayon a thread of another pool of yours belongs there: a call that it submits, by a
    /// [`Handle`](offloop::Handle), runs in that pool, and from there this starts nothing.
    ///
    /// # Panics
    /// rayon's, when it can't be started.
    pub fn global() -> Self {
        let _starts_it = rayon::current_num_threads();
        Self { pool: Pool::Global }
    }

    fn given(&self) -> Option<Arc<ThreadPool>> {
        match &self.pool {
            Pool::Given(pool) => pool.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            Pool::Global => None,
        }
    }
}

impl Executor for RayonExecutor {
    fn submit(&self, work: Work) -> Result<(), Work> {
        // In the order of submits, from one of the pool's own threads, too.
        match (&self.pool, self.given()) {
            (Pool::Global, _) => rayon::spawn_fifo(move || work.run()),
            (Pool::Given(_), Some(pool)) => pool.spawn_fifo(move || work.run()),
            (Pool::Given(_), None) => return Err(work),
        }
        Ok(())
    }

    /// Lets go of the pool, and waits for nobody: it may be the program's, and in use.
    fn stop(&self, _: Instant) {
        if let Pool::Given(pool) = &self.pool {
            let pool = pool.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(pool);
        }
    }

    fn threads(&self) -> usize {
        match &self.pool {
            Pool::Global => rayon::current_num_threads(),
            Pool::Given(_) => self.given().map_or(0, |pool| pool.current_num_threads()),
        }
    }
}

impl fmt::Debug for RayonExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let global = matches!(self.pool, Pool::Global);
        f.debug_struct("RayonExecutor").field("global", &global).finish_non_exhaustive()
    }
}
