//! How many worker processes, and what kind. Invariant: a value that can't work is an error of
//! `build`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::line::{Hook, WorkerLine};
use crate::execute::Functions;

/// Calls that may wait in front of the workers.
const QUEUE: usize = 65_536;

const GIB: usize = 1 << 30;

/// Everything but the functions.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) workers: usize,
    pub(crate) queue: usize,
    pub(super) spare: usize,
    pub(crate) program: Option<PathBuf>,
    pub(super) args: Vec<OsString>,
    pub(crate) max_payload: usize,
    pub(super) memory_limit: Option<u64>,
    pub(super) cpu_limit: Option<Duration>,
    pub(super) recycle_calls: Option<u64>,
    pub(super) recycle_bytes: Option<u64>,
    pub(super) handshake: Duration,
    pub(super) retry: Duration,
    pub(super) output: Option<Hook>,
}

/// Worker processes for calls that may crash, hang or leak: C libraries, untrusted input, what has
/// to be stopped on time.
///
/// Only named functions get there, by `.process()`; see [`Functions`]. Each worker runs one call at
/// a time. A worker that dies costs the one call that it ran; a call that is cancelled or passes its
/// deadline has its worker killed, and another one takes its place.
#[derive(Clone)]
#[must_use = "options do nothing until they are given to a `Builder`"]
pub struct Processes {
    pub(crate) functions: Functions,
    pub(crate) config: Config,
}

impl Processes {
    /// One worker per available core, and one more that is kept ready to replace one of them.
    pub fn new(functions: Functions) -> Self {
        let workers = thread::available_parallelism().map_or(1, |cores| cores.get());
        let config = Config {
            workers,
            queue: QUEUE,
            spare: 1,
            program: None,
            args: Vec::new(),
            max_payload: GIB,
            memory_limit: None,
            cpu_limit: None,
            recycle_calls: None,
            recycle_bytes: None,
            handshake: Duration::from_secs(10),
            retry: Duration::from_millis(20),
            output: None,
        };
        Self { functions, config }
    }

    /// How many calls run at the same time; by default as many as there are cores, because a worker
    /// that waits costs memory and one that computes a core.
    pub fn workers(mut self, processes: usize) -> Self {
        self.config.workers = processes;
        self
    }

    /// How many calls may wait; one more is refused. 65 536 by default.
    pub fn queue(mut self, calls: usize) -> Self {
        self.config.queue = calls;
        self
    }

    /// How many workers more are started and kept ready, so that a call need not wait for the
    /// replacement of one that died or was killed; 1 by default. 0 saves its memory, and a call after
    /// a death waits for a start, some milliseconds.
    pub fn spare(mut self, processes: usize) -> Self {
        self.config.spare = processes;
        self
    }

    /// Starts `path` as the worker instead of the present program again: for hosts whose executable
    /// is not yours (an extension of Python, a plug-in). Its `main` calls
    /// [`run_if_worker`](crate::worker::run_if_worker) with the same functions, which is checked.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.program = Some(path.into());
        self
    }

    /// An argument of the worker's command line, after those before it; none by default.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.config.args.push(arg.into());
        self
    }

    /// The largest argument, and the largest result, in encoded bytes; 1 GiB by default. A larger one
    /// is `Rejected(TooLarge)`. Each worker reserves twice as much address space, and uses memory for
    /// what is really sent.
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.config.max_payload = bytes;
        self
    }

    /// How much private memory a worker may use, in bytes; no limit by default. An allocation beyond
    /// it fails: a Rust program then aborts, and the call comes to `Died(Exit::MemoryLimit)`.
    /// Arguments and results on their way do not count.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.config.memory_limit = Some(bytes);
        self
    }

    /// How much CPU time one call may use, in whole seconds, at least 1; no limit by default. Beyond
    /// it the worker ends by `SIGXCPU`. Other than a deadline it does not count waiting.
    pub fn cpu_limit(mut self, time: Duration) -> Self {
        self.config.cpu_limit = Some(time);
        self
    }

    /// Replaces a worker after so many calls, for libraries that leak; never by default.
    pub fn recycle_after(mut self, calls: u64) -> Self {
        self.config.recycle_calls = Some(calls.max(1));
        self
    }

    /// Hears what workers print, line by line, on a thread of its own; by default they print where
    /// this program does.
    pub fn on_output(mut self, hook: impl Fn(&WorkerLine<'_>) + Send + Sync + 'static) -> Self {
        self.config.output = Some(Arc::new(hook));
        self
    }

    /// Replaces a worker that has more than so many bytes of private memory resident after a call;
    /// never by default. Other than [`memory_limit`](Self::memory_limit) it costs no call. Each call
    /// costs a look at the system's figures.
    pub fn recycle_above(mut self, bytes: u64) -> Self {
        self.config.recycle_bytes = Some(bytes);
        self
    }

    /// How long a new worker may take until it is ready; 10 s by default, which is long for a
    /// program and short for somebody who waits. One that takes longer is killed.
    pub fn handshake(mut self, time: Duration) -> Self {
        self.config.handshake = time;
        self
    }

    /// How long to wait after a start that failed; 20 ms by default, and twice as long after each one
    /// that follows, up to 2 s.
    pub fn back_off(mut self, time: Duration) -> Self {
        self.config.retry = time;
        self
    }
}

impl std::fmt::Debug for Processes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Processes")
            .field("workers", &self.config.workers)
            .field("queue", &self.config.queue)
            .field("spare", &self.config.spare)
            .field("program", &self.config.program)
            .field("functions", &self.functions)
            .finish_non_exhaustive()
    }
}
