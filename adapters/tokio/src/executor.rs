//! A runtime behind the loop. Invariant: a task that the runtime does not take comes back, so that its
//! future is not dropped on the loop thread.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use offloop::{AsyncExecutor, Task};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// Runs async calls on a tokio runtime: one of its own, or the program's.
pub struct TokioExecutor {
    handle: Handle,
    own: Option<Own>,
}

/// A runtime that ends with its executor.
struct Own {
    runtime: Mutex<Option<Runtime>>,
    threads: Arc<Threads>,
}

/// The threads that a runtime has now, those included that run `spawn_blocking`.
#[derive(Default)]
struct Threads {
    count: Mutex<usize>,
    changed: Condvar,
}

impl TokioExecutor {
    /// On a runtime of its own with one thread, which has I/O and time as far as the program has these
    /// features of tokio. It ends with the offloop.
    ///
    /// # Errors
    /// The system gives no descriptor, or no thread: then tokio has panicked, which is contained.
    pub fn new() -> io::Result<Self> {
        Self::with_threads(1)
    }

    /// The same with more threads, for futures that also compute; 0 counts as 1.
    ///
    /// # Errors
    /// As for [`new`](Self::new). tokio itself waits without end where the system gives some of the threads
    /// and not all.
    pub fn with_threads(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads.max(1)).thread_name("offloop-tokio").enable_all();
        Self::build(builder)
    }

    /// On a runtime of its own that `builder` describes, of the multi-thread kind: nobody drives a
    /// runtime of the current-thread kind. Its hooks `on_thread_start` and `on_thread_stop` are taken.
    ///
    /// # Errors
    /// As for [`new`](Self::new); `InvalidInput` when it is of the current-thread kind.
    pub fn build(mut builder: Builder) -> io::Result<Self> {
        let threads = Arc::new(Threads::default());
        let (start, stop) = (threads.clone(), threads.clone());
        builder.on_thread_start(move || start.change(|count| *count += 1));
        builder.on_thread_stop(move || stop.change(|count| *count -= 1));
        let runtime = built(&mut builder)?;
        let handle = runtime.handle().clone();
        // Dropped on an error, it ends the runtime, where tokio allows that.
        let own = Own { runtime: Mutex::new(Some(runtime)), threads };
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
            let sentence = "nobody would drive a current-thread runtime here: describe one with \
                            threads, or drive yours and give its handle to TokioExecutor::on()";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, sentence));
        }
        own.threads.wait_came(handle.metrics().num_workers());
        Ok(Self { handle, own: Some(own) })
    }

    /// On the program's runtime, which goes on after the offloop. If it ends before, its calls come to
    /// `Shutdown`, and later ones to `Rejected(NoWorker)`.
    ///
    /// A runtime of the current-thread kind polls only while somebody drives it. A shutdown that waits, on
    /// the thread that drives it, uses up its time: call [`close`](offloop::Offloop::close) there, and go on
    /// until [`is_closed`](offloop::Offloop::is_closed).
    pub fn on(handle: Handle) -> Self {
        Self { handle, own: None }
    }
}

/// tokio panics when it gets no thread.
fn built(builder: &mut Builder) -> io::Result<Runtime> {
    panic::catch_unwind(AssertUnwindSafe(|| builder.build())).unwrap_or_else(|_| {
        let sentence = "tokio could not start the threads of its runtime: the system gave none";
        Err(io::Error::other(sentence))
    })
}

impl AsyncExecutor for TokioExecutor {
    fn spawn(&self, task: Task) -> Result<(), Task> {
        let passage = Passage { task: Some(task), entered: false };
        Returned::by(|| drop(self.handle.spawn(passage))).map_or(Ok(()), Err)
    }

    fn stop(&self, until: Instant) {
        if let Some(own) = &self.own {
            own.end();
            own.threads.wait_left(until);
        }
    }

    fn threads(&self) -> usize {
        self.own.as_ref().map_or(0, |own| *own.threads.lock())
    }
}

impl Own {
    /// Waits for nothing: the thread may drive a runtime itself, where tokio forbids that.
    fn end(&self) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.end();
    }
}

impl Threads {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut usize)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// So that an end right behind the start waits for them, too.
    fn wait_came(&self, workers: usize) {
        let _came = self.changed.wait_while(self.lock(), |count| *count < workers);
    }

    fn wait_left(&self, until: Instant) {
        let time = until.saturating_duration_since(Instant::now());
        let some = |count: &mut usize| *count > 0;
        // What has not left by then is inside a poll that does not return.
        let _left = self.changed.wait_timeout_while(self.lock(), time, some);
    }
}

/// A task on its way into a runtime. One that has ended drops it at once, inside `spawn`.
struct Passage {
    task: Option<Task>,
    entered: bool,
}

impl Future for Passage {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.entered = true;
        self.task.as_mut().map_or(Poll::Ready(()), |task| Pin::new(task).poll(cx))
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if !self.entered {
            Returned::offer(&mut self.task);
        }
    }
}

/// What a runtime has dropped inside a `spawn` of this thread.
enum Returned {
    NoSpawn,
    Nothing,
    Task(Task),
}

thread_local! {
    static RETURNED: RefCell<Returned> = const { RefCell::new(Returned::NoSpawn) };
}

impl Returned {
    /// The task that comes back from `spawn`, if it does.
    fn by(spawn: impl FnOnce()) -> Option<Task> {
        RETURNED.set(Self::Nothing);
        spawn();
        match RETURNED.replace(Self::NoSpawn) {
            Self::Task(task) => Some(task),
            Self::Nothing | Self::NoSpawn => None,
        }
    }

    /// Takes the task if its spawn is under way here; elsewhere its end is its runtime's.
    fn offer(task: &mut Option<Task>) {
        // At the end of a thread there is no such place any more, and no spawn.
        let _ended = RETURNED.try_with(|returned| {
            let mut returned = returned.borrow_mut();
            if matches!(*returned, Self::Nothing)
                && let Some(task) = task.take()
            {
                *returned = Self::Task(task);
            }
        });
    }
}

impl fmt::Debug for TokioExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.own.is_some();
        f.debug_struct("TokioExecutor")
            .field("own", &own)
            .field("threads", &self.threads())
            .finish()
    }
}
