//! Building an offloop. Invariant: whatever can't work is said here, in one sentence, and never
//! later.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use super::error::{Error, Kind};
use super::offloop::{Hook, Local, Offloop};
use super::send::Link;
use crate::complete::{Hub, LaneLimits};
use crate::deliver::{Inbox, LoopWake, LoopWaker, Notify, Turn, Unobserved, queue};
use crate::execute::{
    Annexes, Apart, AsyncCalls, AsyncCrew, AsyncExecutor, Cores, Engine, Executor, Functions,
    ManualClock, Processes, Seat, Threads,
};
use crate::keyed::Keys;
use crate::sys::WakeFd;

/// Calls that may wait for a turn to run them, inline, and for another call's run.
const INLINE_QUEUE: usize = 65_536;

enum Waking {
    Unsaid,
    Custom(Box<dyn LoopWaker>),
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has fd_waker"))]
    Fd,
    None,
}

/// Describes an [`Offloop`]; from [`Offloop::builder`].
///
/// All it needs is the way to wake your loop: one of [`waker`](Self::waker),
/// [`fd_waker`](Self::fd_waker) and [`no_waker`](Self::no_waker); the last one chosen counts.
#[must_use = "nothing is started until `build`"]
pub struct Builder<S: 'static = ()> {
    waking: Waking,
    threads: Threads,
    cores: Cores,
    /// Executors in the place of the own pools.
    threads_on: Option<Arc<dyn Executor>>,
    cores_on: Option<Arc<dyn Executor>>,
    async_calls: AsyncCalls,
    async_on: Option<Arc<dyn AsyncExecutor>>,
    clock: Option<ManualClock>,
    functions: Functions,
    processes: Option<Processes>,
    turn: Turn,
    hook: Option<Hook>,
    state: PhantomData<fn(&mut S)>,
}

impl<S: 'static> Builder<S> {
    pub(super) fn new() -> Self {
        Self {
            waking: Waking::Unsaid,
            threads: Threads::new(),
            cores: Cores::new(),
            threads_on: None,
            cores_on: None,
            async_calls: AsyncCalls::new(),
            async_on: None,
            clock: None,
            functions: Functions::new(),
            processes: None,
            turn: Turn::default(),
            hook: None,
            state: PhantomData,
        }
    }

    /// Wakes the loop with `waker`: a closure, a [`std::task::Waker`], or an adapter's own.
    pub fn waker(mut self, waker: impl LoopWaker) -> Self {
        self.waking = Waking::Custom(Box::new(waker));
        self
    }

    /// Wakes the loop by a descriptor that it watches; see [`Offloop::as_fd`]. Unix.
    #[cfg(unix)]
    pub fn fd_waker(mut self) -> Self {
        self.waking = Waking::Fd;
        self
    }

    /// Wakes nobody: for a loop that polls, and calls `deliver` each time round.
    pub fn no_waker(mut self) -> Self {
        self.waking = Waking::None;
        self
    }

    /// The pool for blocking calls.
    pub fn threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// The pool for computing calls.
    pub fn cores(mut self, cores: Cores) -> Self {
        self.cores = cores;
        self
    }

    /// Runs the calls for blocking threads on `executor`, in place of the own pool; of
    /// [`threads`](Self::threads), the limits `queue` and `abandoned` still count.
    pub fn threads_on(mut self, executor: impl Executor) -> Self {
        self.threads_on = Some(Arc::new(executor));
        self
    }

    /// Runs the computing calls on `executor`, in place of the own pool; of
    /// [`cores`](Self::cores), the limits `queue` and `abandoned` still count.
    pub fn cores_on(mut self, executor: impl Executor) -> Self {
        self.cores_on = Some(Arc::new(executor));
        self
    }

    /// Polls the futures of `call_async` by `executor`: a runtime's, from an adapter, or your own.
    /// Without, such calls come to `Rejected(NotConfigured)`.
    pub fn async_on(mut self, executor: impl AsyncExecutor) -> Self {
        self.async_on = Some(Arc::new(executor));
        self
    }

    /// The limits of async calls.
    pub fn async_calls(mut self, limits: AsyncCalls) -> Self {
        self.async_calls = limits;
        self
    }

    /// Names functions for `call_fn`.
    pub fn functions(mut self, functions: Functions) -> Self {
        self.functions = functions;
        self
    }

    /// Worker processes for the calls of functions that are registered with them; without, such calls
    /// come to `Rejected(NotConfigured)`. Linux only; elsewhere `build` says so.
    ///
    /// `build` starts the first of them in the background.
    #[cfg(feature = "process")]
    pub fn processes(mut self, processes: Processes) -> Self {
        self.processes = Some(processes);
        self
    }

    /// Has deadlines go by a clock that is moved by hand. For tests.
    #[cfg(feature = "testkit")]
    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// How much one `deliver` may do.
    pub fn turn(mut self, turn: Turn) -> Self {
        self.turn = turn;
        self
    }

    /// Hears of failures that no handler saw: of detached calls, inside a turn, and of calls whose
    /// handler was dropped because no turn came any more, when the last handle is dropped. Runs on
    /// the loop thread.
    pub fn on_unobserved(mut self, hook: impl Fn(&Unobserved) + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Starts the one thread that each offloop has, the keeper, and gives the handle for the
    /// calling thread's loop. Workers are started when calls come.
    ///
    /// # Errors
    /// No way to wake the loop was chosen; an option can't work, or not on this system; the system
    /// gives no thread or no descriptor.
    pub fn build(self) -> Result<Offloop<S>, Error> {
        let (threads, cores) = (self.threads.0, self.cores.0);
        check("Threads::max", &threads)?;
        check("Cores::workers", &cores)?;
        let mut wake_fd = None;
        let waker = match self.waking {
            Waking::Custom(waker) => LoopWake::Custom(waker),
            Waking::Fd => {
                let fd = wake_fd.insert(Arc::new(WakeFd::new().map_err(Kind::Descriptor)?));
                LoopWake::Fd(Arc::downgrade(fd))
            }
            Waking::None => LoopWake::None,
            Waking::Unsaid => return Err(Kind::NoWaker.into()),
        };
        let limits = |of: &Apart| {
            let (queue, abandoned) = (of.queue, of.abandoned.max(1));
            LaneLimits { queue, abandoned, with_running: false }
        };
        let unbound =
            LaneLimits { queue: INLINE_QUEUE, abandoned: usize::MAX, with_running: false };
        let futures = LaneLimits { queue: self.async_calls.max, with_running: true, ..unbound };
        let mut lanes = [limits(&threads), limits(&cores), unbound, unbound, unbound, futures];
        let mut names = self.functions.into_names();
        let shop = super::process::open(self.processes, &mut names, &mut lanes)?;
        let ((push, pop), (push_pulse, pop_pulse)) = (queue(), queue());
        let clock = self.clock.as_ref().map(ManualClock::source);
        let hub = Arc::new(Hub::new(Notify::new(waker), push, push_pulse, lanes, clock));
        let (inbox, arrivals) = Inbox::new(pop, pop_pulse);
        let seat = |own, guest: Option<_>| guest.map_or(Seat::Own(own), Seat::Guest);
        let (threads, cores) = (seat(threads, self.threads_on), seat(cores, self.cores_on));
        let futures = self.async_on.map(|executor| AsyncCrew::new(executor, &self.async_calls));
        let annexes = Annexes { clock: self.clock, shop, futures };
        let engine = Engine::start(hub.clone(), threads, cores, annexes);
        let engine = engine.map_err(Kind::Keeper)?;
        let keys = Keys::on_this_thread();
        let local = Local {
            inbox,
            link: Arc::new(Link { hub, engine, arrivals, keys: keys.keys(), names }),
            keys: Rc::new(keys),
            wake_fd,
            turn: self.turn,
            hook: self.hook,
            report: OnceCell::new(),
            unobserved: Cell::new(0),
            dropped_handlers: Cell::new(0),
        };
        Ok(Offloop { local: Rc::new(local) })
    }
}

impl<S: 'static> fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("threads", &self.threads)
            .field("cores", &self.cores)
            .field("turn", &self.turn)
            .finish_non_exhaustive()
    }
}

fn check(max: &'static str, options: &Apart) -> Result<(), Error> {
    if options.max == 0 {
        return Err(Kind::NoThreads(max).into());
    }
    if options.queue == 0 {
        return Err(Kind::NoQueue.into());
    }
    // On a thread of its own, so that the loop's stays as it is.
    let trial = |f: &(dyn Fn() -> io::Result<()> + Sync)| {
        thread::scope(|scope| {
            let tried = thread::Builder::new().spawn_scoped(scope, f).map_err(Kind::Keeper)?;
            Ok(tried.join().expect("a system call does not panic"))
        })
    };
    if let Some(nice) = options.nice {
        if !(-20..=19).contains(&nice) {
            return Err(Kind::NiceRange(nice).into());
        }
        let set = move || crate::sys::nice(nice);
        let result: Result<io::Result<()>, Kind> = trial(&set);
        result?.map_err(|error| Kind::Nice(nice, error))?;
    }
    if let Some(cpus) = &options.pin {
        if cpus.is_empty() {
            return Err(Kind::NoCpus.into());
        }
        let set = || crate::sys::pin(cpus);
        let result: Result<io::Result<()>, Kind> = trial(&set);
        result?.map_err(|error| Kind::Pin(cpus.to_vec(), error))?;
    }
    Ok(())
}
