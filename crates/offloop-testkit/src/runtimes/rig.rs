//! How an async executor is brought to the suite. Invariant: the suite reaches it through an offloop
//! alone, as users do; but for its end, which it is given.

use std::sync::Arc;
use std::time::Duration;

use offloop::Builder;

use crate::small_loop::ExecutorState;

pub(super) type Configured = Builder<ExecutorState>;
pub(super) type End = Box<dyn FnOnce() + Send>;

type Configure = Arc<dyn Fn(Configured) -> Configured + Send + Sync>;
type ConfigureToEnd = Arc<dyn Fn(Configured) -> (Configured, End) + Send + Sync>;

/// An async executor under test: how an offloop gets it, and how many threads poll.
#[derive(Clone)]
pub struct AsyncSuite {
    pub(super) configure: Configure,
    pub(super) configure_to_end: Option<ConfigureToEnd>,
    pub(super) threads: usize,
    pub(super) patience: Duration,
}

impl AsyncSuite {
    /// `configure` puts a new executor on the builder; `threads` says how many futures it polls at
    /// the same time.
    ///
    /// # Panics
    /// If `threads` is 0.
    pub fn new(
        configure: impl Fn(Configured) -> Configured + Send + Sync + 'static,
        threads: usize,
    ) -> Self {
        assert!(threads > 0, "a runtime without threads polls nothing: say how many there are");
        let patience = Duration::from_secs(10);
        Self { configure: Arc::new(configure), configure_to_end: None, threads, patience }
    }

    /// How a runtime comes to its end while an offloop has it: `configure` puts a new one on the
    /// builder, and gives what ends it. That is called on a thread of the suite's own, once, and may
    /// wait.
    pub fn ended_by<E: FnOnce() + Send + 'static>(
        mut self,
        configure: impl Fn(Configured) -> (Configured, E) + Send + Sync + 'static,
    ) -> Self {
        self.configure_to_end = Some(Arc::new(move |builder| {
            let (builder, end) = configure(builder);
            (builder, Box::new(end))
        }));
        self
    }

    /// How long a check waits before it calls something lost; 10 s by default.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}
