//! How an executor is brought to the suite. Invariant: the suite reaches the executor through an
//! offloop alone, as users do.

use std::sync::Arc;
use std::time::Duration;

use offloop::{Builder, Call, Origin};

use crate::small_loop::ExecutorState;

/// Which calls the executor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Those that say `.threads()`.
    Threads,
    /// Those that say `.cores()`.
    Cores,
    /// Those that say `.inline()`.
    Inline,
    /// Those that say `.process()`, which only calls of named functions can.
    #[cfg(feature = "process")]
    Process,
}

impl Place {
    /// The name that a macro was given.
    #[doc(hidden)]
    pub fn named(name: &str) -> Self {
        match name {
            "threads" => Self::Threads,
            "cores" => Self::Cores,
            "inline" => Self::Inline,
            #[cfg(feature = "process")]
            "process" => Self::Process,
            other => panic!("there is no place `{other}`: say threads, cores, inline or process"),
        }
    }
}

/// An executor under test: how an offloop gets it, where its calls go, and how many run at once.
#[derive(Clone)]
pub struct ExecutorSuite {
    pub(super) configure:
        Arc<dyn Fn(Builder<ExecutorState>) -> Builder<ExecutorState> + Send + Sync>,
    pub(super) place: Place,
    pub(super) workers: usize,
    pub(super) patience: Duration,
}

impl ExecutorSuite {
    /// `configure` puts a new executor on the builder; `place` says which calls it runs, and
    /// `workers` how many of them at the same time.
    ///
    /// # Panics
    /// If `workers` is 0, or the place another process, where the suite's closures can't go.
    pub fn new(
        configure: impl Fn(Builder<ExecutorState>) -> Builder<ExecutorState> + Send + Sync + 'static,
        place: Place,
        workers: usize,
    ) -> Self {
        assert!(workers > 0, "an executor without workers runs nothing: say how many run at once");
        #[cfg(feature = "process")]
        assert!(
            place != Place::Process,
            "a closure does not leave the process: see call_fn_suite!"
        );
        let patience = Duration::from_secs(10);
        Self { configure: Arc::new(configure), place, workers, patience }
    }

    /// How long a check waits before it calls something lost; 10 s by default.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Sends a call to the executor.
    pub(super) fn place<O: Origin, J>(&self, call: Call<O, J>) -> Call<O, J> {
        match self.place {
            Place::Threads => call.threads(),
            Place::Cores => call.cores(),
            Place::Inline => call.inline(),
            #[cfg(feature = "process")]
            Place::Process => unreachable!("`new` refuses it"),
        }
    }

    /// Whether the functions run inside `deliver`.
    pub(super) fn is_inline(&self) -> bool {
        self.place == Place::Inline
    }
}
