//! How an executor is brought to the suite, and its calls to the executor. Invariant: the line that
//! sends a call is the same for each of them but for one word.

use std::sync::Arc;
use std::time::Duration;

use offloop::{Builder, Outcome};

use crate::executors::Place;

/// The `S` of the offloops that the suite builds; opaque to the executor.
#[derive(Default)]
pub struct CallFnState {
    pub(super) outcomes: Vec<Outcome<u32>>,
    pub(super) progress: Vec<u32>,
}

/// A handler that keeps its outcome.
pub(super) fn keep(state: &mut CallFnState, outcome: Outcome<u32>) {
    state.outcomes.push(outcome);
}

/// An executor under test: how an offloop gets it, where its calls go, and how many run at once.
#[derive(Clone)]
pub struct CallFnSuite {
    pub(super) configure: Arc<dyn Fn(Builder<CallFnState>) -> Builder<CallFnState> + Send + Sync>,
    pub(super) place: Place,
    pub(super) workers: usize,
    pub(super) patience: Duration,
}

impl CallFnSuite {
    /// `configure` puts a new executor on the builder; `place` says which calls it runs, and
    /// `workers` how many of them at the same time.
    ///
    /// # Panics
    /// If `workers` is 0.
    pub fn new(
        configure: impl Fn(Builder<CallFnState>) -> Builder<CallFnState> + Send + Sync + 'static,
        place: Place,
        workers: usize,
    ) -> Self {
        assert!(workers > 0, "an executor without workers runs nothing: say how many run at once");
        let patience = Duration::from_secs(20);
        Self { configure: Arc::new(configure), place, workers, patience }
    }

    /// How long a check waits before it calls something lost; 20 s by default.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }

    /// Whether the functions run inside `deliver`.
    pub(super) fn is_inline(&self) -> bool {
        self.place == Place::Inline
    }
}

/// Sends a call to the executor of the suite. No function could: what a call of a named function
/// runs has a type that has no name.
macro_rules! placed {
    ($suite:expr, $call:expr) => {{
        let call = $call;
        match $suite.place {
            $crate::executors::Place::Threads => call.threads(),
            $crate::executors::Place::Cores => call.cores(),
            $crate::executors::Place::Inline => call.inline(),
            $crate::executors::Place::Process => call.process(),
        }
    }};
}
pub(super) use placed;
