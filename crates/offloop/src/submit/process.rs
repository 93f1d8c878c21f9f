//! Calls that leave the process: `.process()`, and what `build` checks for them. Invariant: only a
//! named function whose argument and result are serde values gets there, by its types.

use std::sync::Arc;
#[cfg(all(feature = "process", target_os = "linux"))]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "process")]
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "process")]
use super::call::Call;
use super::error::Error;
#[cfg(feature = "process")]
use super::error::{Kind, Unfit};
#[cfg(feature = "process")]
use super::offloop::Offloop;
#[cfg(feature = "process")]
use super::send::Origin;
use crate::complete::{LaneId, LaneLimits};
#[cfg(feature = "process")]
use crate::execute::{Named, NamedContextual};
use crate::execute::{Names, Processes, Shop};
#[cfg(all(feature = "process", target_os = "linux"))]
use crate::execute::{Remote, would_serve};
#[cfg(feature = "process")]
use crate::failure::Reason;

/// Checks what was asked for, and starts the first workers.
#[cfg(all(feature = "process", target_os = "linux"))]
pub(super) fn open(
    processes: Option<Processes>,
    names: &mut Names,
    lanes: &mut [LaneLimits; LaneId::COUNT],
) -> Result<Option<Arc<Shop>>, Error> {
    let Some(processes) = processes else { return Ok(None) };
    let Processes { functions, config } = &processes;
    let unfit = match config {
        config if config.workers == 0 => Some(Unfit::NoWorkers),
        config if config.queue == 0 => Some(Unfit::NoQueue),
        config if config.program.is_some() => None,
        _ => match would_serve(functions) {
            None => Some(Unfit::Forgotten),
            Some(false) => Some(Unfit::OtherFunctions),
            Some(true) => None,
        },
    };
    if let Some(unfit) = unfit {
        return Err(Kind::Processes(unfit).into());
    }
    names.extend(functions.clone().into_names());
    lanes[LaneId::Process as usize].queue = config.queue;
    Ok(Some(Shop::open(processes).map_err(Kind::Manager)?))
}

/// There are none to be had.
#[cfg(not(all(feature = "process", target_os = "linux")))]
pub(super) fn open(
    processes: Option<Processes>,
    _: &mut Names,
    _: &mut [LaneLimits; LaneId::COUNT],
) -> Result<Option<Arc<Shop>>, Error> {
    match processes {
        None => Ok(None),
        #[cfg(feature = "process")]
        Some(_) => Err(Kind::Processes(Unfit::System).into()),
        #[cfg(not(feature = "process"))]
        Some(processes) => match processes.0 {},
    }
}

/// What became of the worker processes, and of what was sent to them; from
/// [`Offloop::stats`](crate::Offloop::stats).
#[cfg(feature = "process")]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Processes that were started and became ready.
    pub started: u64,
    /// Processes that were ended by a signal which offloop did not send.
    pub signalled: u64,
    /// Processes that ended by themselves, with an exit code.
    pub exited: u64,
    /// Processes that ended at their memory limit.
    pub out_of_memory: u64,
    /// Processes that ended, and the system did not say how.
    pub lost: u64,
    /// Processes that were killed because their call was decided while it ran.
    pub killed: u64,
    /// Processes that were replaced after [`recycle_after`](crate::Processes::recycle_after) calls.
    pub recycled: u64,
    /// Calls that were given to another process: their first one ended before they had begun, or they
    /// are [`idempotent`](crate::Call::idempotent).
    pub requeued: u64,
    /// Encoded arguments and results that went inside a message.
    pub inline_bytes: u64,
    /// Encoded arguments and results that went through shared memory.
    pub arena_bytes: u64,
    /// Why the last start failed, if one did.
    pub last_start_failure: Option<String>,
}

#[cfg(feature = "process")]
impl<S: 'static> Offloop<S> {
    pub(super) fn workers(&self) -> WorkerStats {
        #[cfg(target_os = "linux")]
        if let Some(shop) = self.link().engine.shop() {
            let tally = &shop.tally;
            let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            return WorkerStats {
                started: load(&tally.started),
                signalled: load(&tally.signalled),
                exited: load(&tally.exited),
                out_of_memory: load(&tally.out_of_memory),
                lost: load(&tally.lost),
                killed: load(&tally.killed),
                recycled: load(&tally.recycled),
                requeued: load(&tally.requeued),
                inline_bytes: load(&tally.inline_bytes),
                arena_bytes: load(&tally.arena_bytes),
                last_start_failure: shop.trouble(),
            };
        }
        WorkerStats::default()
    }
}

#[cfg(feature = "process")]
macro_rules! process_calls {
    ($job:ident, |$named:ident| $inner:expr) => {
        impl<O: Origin, F, A, T> Call<O, $job<F, A, T>>
        where
            F: 'static,
            A: Serialize + DeserializeOwned,
            T: Serialize + DeserializeOwned,
        {
            /// Runs it in a worker process: see [`Processes`](crate::Processes).
            ///
            /// Same as on a thread, except that:
            /// * a **crash** is its outcome, `Died`, and harms no other call;
            /// * a **cancel** or a **deadline** that comes while it runs kills its process, so the
            ///   function is really stopped, and [`Context::is_cancelled`](crate::Context) is of use
            ///   in a shutdown only;
            /// * argument and result are **encoded**, not on the loop thread, and what can't be is
            ///   `Codec`, and so is one whose values lie deeper inside one another than 256; a larger one
            ///   than allowed is `Rejected(TooLarge)`.
            ///
            /// The function has to be [registered](crate::Functions::add). What is no serde value stays
            /// in this process:
            ///
            /// ```compile_fail,E0599
            /// struct Handle;
            /// fn use_handle(_: Handle) {}
            /// # let off = offloop::Offloop::<()>::builder().no_waker().build().unwrap();
            /// off.call_fn(use_handle, Handle).process().detach();
            /// ```
            #[cfg_attr(not(target_os = "linux"), doc = "Not implemented for this system.")]
            pub fn process(mut self) -> Self {
                self.options.place_on(LaneId::Process);
                self.options.unavailable = None;
                #[cfg(target_os = "linux")]
                match self.origin.link().engine.shop() {
                    None => self.options.unavailable = Some(Reason::NotConfigured),
                    Some(shop) => match Remote::new(shop, std::any::TypeId::of::<F>()) {
                        None => self.options.unavailable = Some(Reason::Unregistered),
                        Some(remote) => {
                            let $named = &mut self.job;
                            $inner.set_remote(remote);
                        }
                    },
                }
                #[cfg(not(target_os = "linux"))]
                {
                    self.options.unavailable = Some(Reason::NotConfigured);
                }
                self
            }

            /// Says that running the function twice does the same as running it once: in a process, it
            /// is run again, up to three times, when its worker dies under it. A `SharedBuf` goes to the
            /// next run as the one that died has left it.
            pub fn idempotent(mut self) -> Self {
                let $named = &mut self.job;
                $inner.set_idempotent();
                self
            }
        }
    };
}

#[cfg(feature = "process")]
process_calls!(Named, |named| named);
#[cfg(feature = "process")]
process_calls!(NamedContextual, |named| named.0);
