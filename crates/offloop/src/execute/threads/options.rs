//! How many threads, and what kind. Invariant: a value that can't work is an error of `build`.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Calls that may wait in front of one executor.
const QUEUE: usize = 65_536;

/// Calls past their deadline that may still run, per executor.
const ABANDONED: usize = 64;

/// More threads than any system gives one process; larger numbers count as this one.
pub(crate) const MAX: usize = 32_768;

#[derive(Clone)]
pub(crate) struct Apart {
    pub(crate) max: usize,
    pub(crate) queue: usize,
    pub(crate) abandoned: usize,
    /// `None`: idle workers stay.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) stack_size: Option<usize>,
    pub(crate) nice: Option<i32>,
    pub(crate) pin: Option<Arc<[usize]>>,
    pub(crate) on_start: Option<Arc<dyn Fn() + Send + Sync>>,
    /// The thread's name begins with it.
    pub(crate) label: &'static str,
    /// One thread, which has what no other has: it is never replaced.
    pub(crate) single: bool,
    /// What is decided while it runs is killed, so that its thread comes back at once.
    pub(crate) kills: bool,
    /// A worker counts as searching from its function's return on, and not from when it has told of
    /// it: dearer per call, and one wake less where each call waits for the one before.
    pub(crate) searches_ahead: bool,
}

impl Apart {
    fn new(label: &'static str, max: usize) -> Self {
        Self {
            max,
            queue: QUEUE,
            abandoned: ABANDONED,
            keep_alive: None,
            linger: Duration::from_micros(50),
            stack_size: None,
            nice: None,
            pin: None,
            on_start: None,
            label,
            single: false,
            kills: false,
            searches_ahead: false,
        }
    }

    /// Those who wait for worker processes, one for each.
    #[cfg(all(feature = "process", target_os = "linux"))]
    pub(crate) fn attendants(workers: usize) -> Self {
        Self {
            kills: true,
            searches_ahead: true,
            keep_alive: Some(Duration::from_secs(10)),
            ..Self::new("offloop-p", workers)
        }
    }

    /// The one thread of a resource. While a call that passed its deadline still runs there, calls
    /// are refused: nothing else can run them.
    pub(crate) fn resident() -> Self {
        Self { single: true, abandoned: 1, ..Self::new("offloop-r", 1) }
    }

    /// The one thread that drops what nobody took.
    pub(crate) fn reaper() -> Self {
        Self {
            keep_alive: Some(Duration::from_secs(1)),
            linger: Duration::ZERO,
            ..Self::new("offloop-reap", 1)
        }
    }
}

/// Threads for calls that block: I/O, DNS, a database, a C library that waits.
///
/// An elastic pool: from no thread to [`max`](Self::max), each started when a call would wait
/// otherwise, and retired after [`keep_alive`](Self::keep_alive) of idleness. The loop thread
/// starts none of them.
///
/// ```
/// # use std::time::Duration;
/// let threads = offloop::Threads::new().max(16).keep_alive(Duration::from_secs(2));
/// # let _ = offloop::Offloop::<()>::builder().no_waker().threads(threads).build()?;
/// # Ok::<(), offloop::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "options do nothing until they are given to a `Builder`"]
pub struct Threads(pub(crate) Apart);

/// One thread per core for calls that compute.
///
/// A fixed pool: [`workers`](Self::workers) threads at the most, started as calls come and kept.
/// By default one per available core less one for the loop, and at least one.
#[derive(Clone)]
#[must_use = "options do nothing until they are given to a `Builder`"]
pub struct Cores(pub(crate) Apart);

impl Default for Threads {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Cores {
    fn default() -> Self {
        Self::new()
    }
}

impl Threads {
    /// 64 threads at most, each retired after 10 s of idleness.
    pub fn new() -> Self {
        let mut apart = Apart::new("offloop-t", 64);
        apart.keep_alive = Some(Duration::from_secs(10));
        Self(apart)
    }

    /// How many threads run calls at the same time, at most; 64 by default. Abandoned ones do not
    /// count. More than 32 768 counts as that.
    pub fn max(mut self, threads: usize) -> Self {
        self.0.max = threads;
        self
    }

    /// How long a thread stays without a call before it ends; 10 s by default.
    pub fn keep_alive(mut self, time: Duration) -> Self {
        self.0.keep_alive = Some(time);
        self
    }
}

impl Cores {
    /// One worker per available core less one, and at least one.
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Self(Apart::new("offloop-c", cores.saturating_sub(1).max(1)))
    }

    /// How many threads run calls at the same time.
    pub fn workers(mut self, threads: usize) -> Self {
        self.0.max = threads;
        self
    }
}

macro_rules! common_options {
    ($pool:ident) => {
        impl $pool {
            /// How many calls may wait; one more is refused. 65 536 by default. A call waits from
            /// its submit until a worker has taken it, also when one is idle, so leave room for a
            /// burst.
            pub fn queue(mut self, calls: usize) -> Self {
                self.0.queue = calls;
                self
            }

            /// How many calls past their deadline may still be running; while that many are, new
            /// calls are refused with `Reason::Abandoned`. 64 by default; 0 counts as 1.
            pub fn abandoned(mut self, calls: usize) -> Self {
                self.0.abandoned = calls;
                self
            }

            /// How long a worker looks for the next call before it sleeps; 50 µs by default. It
            /// costs CPU and saves a wake. One worker at a time does it, and it turns itself off
            /// on a machine with one CPU and where it finds nothing; `ZERO` turns it off for good.
            pub fn linger(mut self, time: Duration) -> Self {
                self.0.linger = time;
                self
            }

            /// The stack of each thread, in bytes; std's default otherwise. A stack overflow ends
            /// the whole program; a stack that the system does not give makes each call come to
            /// `Reason::NoWorker`.
            pub fn stack_size(mut self, bytes: usize) -> Self {
                self.0.stack_size = Some(bytes);
                self
            }

            /// The nice value of each thread, -20 to 19. Where workers may use more CPUs than are free, 10
            /// lets the loop thread go first. Linux only; elsewhere `build` says so.
            pub fn nice(mut self, nice: i32) -> Self {
                self.0.nice = Some(nice);
                self
            }

            /// The CPUs that the threads may run on. Linux only; elsewhere `build` says so.
            pub fn pin(mut self, cpus: impl IntoIterator<Item = usize>) -> Self {
                self.0.pin = Some(cpus.into_iter().collect());
                self
            }

            /// Runs first on each thread: to set thread-locals, or a name that a profiler shows. A
            /// panic in it is contained.
            pub fn on_start(mut self, f: impl Fn() + Send + Sync + 'static) -> Self {
                self.0.on_start = Some(Arc::new(f));
                self
            }
        }

        impl std::fmt::Debug for $pool {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($pool))
                    .field("max", &self.0.max)
                    .field("queue", &self.0.queue)
                    .field("keep_alive", &self.0.keep_alive)
                    .finish_non_exhaustive()
            }
        }
    };
}

common_options!(Threads);
common_options!(Cores);
