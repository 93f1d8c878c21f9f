//! One round of one executor: empty calls one by one, then large calls.
//!
//! Invariant: nothing else is in flight while a call is timed; the loop sleeps until it is woken,
//! as a loop that has nothing to do does.

use super::report::Column;
use anyhow::{Context, Result, bail};
use offloop::{Offloop, Outcome};
#[cfg(target_os = "linux")]
use offloop::{Processes, SharedBuf};
use offloop_tokio::TokioExecutor;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Empty calls in a round, one after the other: enough for a median that stands still.
const CALLS: u32 = 400;
/// Calls of the payload in a round, each of so many bytes both ways.
const LARGE_CALLS: u32 = 3;
const LARGE_BYTES: usize = 16 << 20;
const MIB_BOTH_WAYS: f64 = 2.0 * 16.0;

/// An executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    Inline,
    Threads,
    Cores,
    Async,
    #[cfg(target_os = "linux")]
    Process,
}

impl Place {
    pub(crate) const ALL: &[Place] = &[
        Place::Inline,
        Place::Threads,
        Place::Cores,
        Place::Async,
        #[cfg(target_os = "linux")]
        Place::Process,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Inline => "inline",
            Place::Threads => "threads",
            Place::Cores => "cores",
            Place::Async => "async",
            #[cfg(target_os = "linux")]
            Place::Process => "process",
        }
    }
}

/// What is called to see what calling costs.
pub(crate) fn nothing(_: ()) {}

/// Gives its payload back.
pub(crate) fn echo(bytes: ByteBuf) -> ByteBuf {
    bytes
}

/// The same with a payload that is not copied.
#[cfg(target_os = "linux")]
pub(crate) fn echo_shared(bytes: SharedBuf) -> SharedBuf {
    bytes
}

/// What a process has used.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Of all its threads, voluntary or not.
    pub(crate) switches: u64,
    pub(crate) private_bytes: u64,
}

/// Of the process that runs it; `None` where the system does not tell.
pub(crate) fn usage(_: ()) -> Option<Usage> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let used = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let switches = used.voluntary_context_switches() + used.involuntary_context_switches();
        let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
        let mut pages = pages.split(' ').skip(1).map_while(|field| field.parse::<u64>().ok());
        let private = pages.next()?.saturating_sub(pages.next()?);
        Some(Usage {
            switches: switches.unsigned_abs(),
            private_bytes: private * rustix::param::page_size() as u64,
        })
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Submits a call to an executor; the same text for all of them.
pub(super) fn submit<S, F, A, T>(
    off: &Offloop<S>,
    place: Place,
    (function, args): (F, A),
    then: impl FnOnce(&mut S, Outcome<T>) + 'static,
) where
    S: 'static,
    F: Fn(A) -> T + Send + Sync + 'static,
    A: Serialize + DeserializeOwned + Send + 'static,
    T: Serialize + DeserializeOwned + Send + 'static,
{
    if place == Place::Async {
        // A future that is ready at its first poll.
        off.call_async(async move { function(args) }).then(then);
        return;
    }
    let call = off.call_fn(function, args);
    let call = match place {
        Place::Threads => call.threads(),
        Place::Cores => call.cores(),
        #[cfg(target_os = "linux")]
        Place::Process => call.process(),
        Place::Inline | Place::Async => call.inline(),
    };
    call.then(then);
}

/// The handler of a timed call.
fn done<T: 'static>(result: Sender<Outcome<T>>) -> impl FnOnce(&mut bool, Outcome<T>) + 'static {
    move |done, outcome| {
        *done = true;
        // The receiver waits for it.
        let _ = result.send(outcome);
    }
}

/// The loop that makes the calls; its state is whether the call at hand has come back.
pub(crate) struct Bench {
    off: Offloop<bool>,
    bytes: Option<ByteBuf>,
    #[cfg(target_os = "linux")]
    shared: Option<SharedBuf>,
}

/// How long one call took, and for how long of that it had the loop.
struct Took {
    whole: Duration,
    on_loop: Duration,
}

impl Bench {
    pub(crate) fn new() -> Result<Bench> {
        let this = thread::current();
        let runtime = TokioExecutor::new().context("a tokio runtime cannot be started")?;
        let builder = Offloop::<bool>::builder().waker(move || this.unpark()).async_on(runtime);
        #[cfg(target_os = "linux")]
        let builder =
            builder.processes(Processes::new(crate::functions::functions()).workers(1).spare(0));
        let off = builder.build().context("offloop cannot be started")?;
        Ok(Bench {
            off,
            bytes: Some(ByteBuf::from(vec![1; LARGE_BYTES])),
            #[cfg(target_os = "linux")]
            shared: Some(SharedBuf::new(LARGE_BYTES)?),
        })
    }

    /// Starts what the executor starts at its first call, and maps the memory of its payload.
    pub(crate) fn warm_up(&mut self, column: &mut Column) -> Result<()> {
        let place = column.place;
        for _ in 0..CALLS / 4 {
            self.call(place, nothing, ())?;
        }
        #[cfg(target_os = "linux")]
        if place == Place::Process {
            let (_, used) = self.call(place, usage, ())?;
            column.worker_bytes = used.map(|used| used.private_bytes);
        }
        #[cfg(target_os = "linux")]
        self.large_in_place(place)?;
        self.large(place).map(drop)
    }

    /// Adds to each of its figures.
    pub(crate) fn round(&mut self, column: &mut Column) -> Result<()> {
        let place = column.place;
        let before = self.usages(place)?;
        let mut empty_ns = 0.0;
        for _ in 0..CALLS {
            let (took, ()) = self.call(place, nothing, ())?;
            column.hand_over_ns.push(ns(took.whole));
            column.on_loop_ns.push(ns(took.on_loop));
            empty_ns += ns(took.whole) / f64::from(CALLS);
        }
        let after = self.usages(place)?;
        if let (Some(before), Some(after)) = (before, after) {
            let switches = after.switches.saturating_sub(before.switches);
            column.switches_per_call.push(exact(switches) / f64::from(CALLS));
        }
        if place == Place::Async {
            for _ in 0..CALLS {
                column.yielding_ns.push(ns(self.yielding()?.whole));
            }
        }
        for _ in 0..LARGE_CALLS {
            let took = self.large(place)?;
            let per_mib = |took: &Took| (ns(took.whole) - empty_ns).max(0.0) / MIB_BOTH_WAYS;
            column.payload_ns_per_mib.push(per_mib(&took));
            column.payload_on_loop_ns.push(ns(took.on_loop));
            #[cfg(target_os = "linux")]
            column.in_place_ns_per_mib.push(per_mib(&self.large_in_place(place)?));
        }
        Ok(())
    }

    /// Ends the workers.
    pub(crate) fn end(self) {
        self.off.shutdown(Duration::from_secs(1));
    }

    /// Of this process, and of the worker when there is one.
    fn usages(&mut self, place: Place) -> Result<Option<Usage>> {
        let own = usage(());
        #[cfg(target_os = "linux")]
        if place == Place::Process {
            let (_, worker) = self.call(place, usage, ())?;
            let both = |(own, worker): (Usage, Usage)| Usage {
                switches: own.switches + worker.switches,
                ..own
            };
            return Ok(own.zip(worker).map(both));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (self, place);
        Ok(own)
    }

    fn large(&mut self, place: Place) -> Result<Took> {
        let Some(bytes) = self.bytes.take() else { bail!("a payload did not come back") };
        let (took, bytes) = self.call(place, echo, bytes)?;
        self.bytes = Some(bytes);
        Ok(took)
    }

    #[cfg(target_os = "linux")]
    fn large_in_place(&mut self, place: Place) -> Result<Took> {
        let Some(bytes) = self.shared.take() else { bail!("a payload did not come back") };
        let (took, bytes) = self.call(place, echo_shared, bytes)?;
        self.shared = Some(bytes);
        Ok(took)
    }

    /// A future that gives its thread to others once before it is ready.
    fn yielding(&mut self) -> Result<Took> {
        let (took, ()) = self.time(Place::Async, |off, result| {
            off.call_async(tokio::task::yield_now()).then(done(result));
        })?;
        Ok(took)
    }

    fn call<F, A, T>(&mut self, place: Place, function: F, args: A) -> Result<(Took, T)>
    where
        F: Fn(A) -> T + Send + Sync + 'static,
        A: Serialize + DeserializeOwned + Send + 'static,
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        self.time(place, |off, result| submit(off, place, (function, args), done(result)))
    }

    /// Makes one call and waits for it as a loop does.
    fn time<T>(
        &mut self,
        place: Place,
        make: impl FnOnce(&Offloop<bool>, Sender<Outcome<T>>),
    ) -> Result<(Took, T)> {
        let (result, came) = channel();
        let mut done = false;
        let began = Instant::now();
        make(&self.off, result);
        let submitted = began.elapsed();
        let (mut on_loop, mut whole) = (submitted, submitted);
        while !done {
            let turn = Instant::now();
            if self.off.deliver(&mut done).count == 0 {
                thread::park();
                continue;
            }
            on_loop += turn.elapsed();
            whole = began.elapsed();
        }
        let outcome = came.recv().context("the handler was dropped")?;
        let value = outcome.with_context(|| format!("a call in {} failed", place.name()))?;
        Ok((Took { whole, on_loop }, value))
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn ns(time: Duration) -> f64 {
    time.as_nanos() as f64
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn exact(count: u64) -> f64 {
    count as f64
}
