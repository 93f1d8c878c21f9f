//! What attendants, killers and the manager share.
//!
//! Invariant: a call is in `calls` while its number is on a worker's leash; both change on the
//! attendant's side, and a killer takes the number from the one to cut the other.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::manager;
use super::options::{Config, Processes};
use super::output::Output;
use super::peer::Peer;
use super::rack::Rack;
use super::registry::Registry;
use crate::complete::CallRef;
use crate::execute::threads::lock;
use crate::failure::Exit;
use crate::sys::WakeFd;

/// How long the end waits, past its time, for the hook that hears what workers printed.
const HEARD_OUT: Duration = Duration::from_millis(500);

/// What became of workers and payloads, for `stats()`.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) started: AtomicU64,
    pub(crate) start_failures: AtomicU64,
    pub(crate) signalled: AtomicU64,
    pub(crate) exited: AtomicU64,
    pub(crate) out_of_memory: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) killed: AtomicU64,
    pub(crate) recycled: AtomicU64,
    pub(crate) requeued: AtomicU64,
    pub(crate) inline_bytes: AtomicU64,
    pub(crate) arena_bytes: AtomicU64,
}

impl Tally {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker ended by itself.
    pub(super) fn died(&self, exit: Exit) {
        Self::count(match exit {
            Exit::Signal(_) => &self.signalled,
            Exit::Code(_) => &self.exited,
            Exit::MemoryLimit => &self.out_of_memory,
            Exit::Unknown => &self.lost,
        });
    }
}

pub(crate) struct Shop {
    pub(super) config: Config,
    pub(crate) registry: Registry,
    pub(super) digest: u64,
    pub(super) rack: Rack,
    pub(crate) tally: Tally,
    /// By the call's own id.
    calls: Mutex<HashMap<usize, Held>>,
    /// The last number that a call was sent under.
    numbers: AtomicU64,
    manager: Mutex<Option<JoinHandle<()>>>,
    /// How long workers may take to leave by themselves.
    pub(super) leave_until: Mutex<Instant>,
    /// Where what the workers print goes, if it is heard.
    pub(super) output: Option<Arc<Output>>,
    /// Why the last start failed.
    trouble: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Held {
    peer: Arc<Peer>,
    number: u64,
}

impl Shop {
    pub(crate) fn open(processes: Processes) -> io::Result<Arc<Self>> {
        let bell = Arc::new(WakeFd::new()?);
        let this = Self::unmanaged(processes, &bell)?;
        let its = this.clone();
        let thread = std::thread::Builder::new().name("offloop-proc".into());
        let manager = thread
            .spawn(move || manager::run(&its, &bell))
            .inspect_err(|_| this.mute(Instant::now()))?;
        *lock(&this.manager) = Some(manager);
        Ok(this)
    }

    /// One whose processes somebody else starts, who is rung for them.
    pub(super) fn unmanaged(processes: Processes, bell: &Arc<WakeFd>) -> io::Result<Arc<Self>> {
        let Processes { functions, config } = processes;
        let registry = functions.registry;
        let output = config.output.clone().map(Output::start).transpose()?;
        Ok(Arc::new(Self {
            output,
            rack: Rack::new(config.workers, config.spare, bell),
            digest: registry.digest(),
            registry,
            config,
            tally: Tally::default(),
            calls: Mutex::default(),
            numbers: AtomicU64::new(0),
            manager: Mutex::new(None),
            leave_until: Mutex::new(Instant::now()),
            trouble: Mutex::new(None),
        }))
    }

    /// Puts a call on a worker's leash; gives the number that it goes by.
    pub(super) fn hold(&self, call: &CallRef, peer: &Arc<Peer>) -> u64 {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let held = peer.leash.hold(number);
        debug_assert!(held, "nobody cuts a worker without a call");
        lock(&self.calls).insert(call.id(), Held { peer: peer.clone(), number });
        number
    }

    /// The call is answered, or will not be. `false`: its worker was killed for it.
    pub(super) fn let_go(&self, call: &CallRef, peer: &Arc<Peer>, number: u64) -> bool {
        let held = lock(&self.calls).remove(&call.id());
        drop(held);
        peer.leash.let_go(number)
    }

    /// The call's outcome was decided while its function ran, or was about to: its worker is killed,
    /// and nobody else's.
    pub(crate) fn cut(&self, call: &CallRef) {
        let held = lock(&self.calls).get(&call.id()).cloned();
        let Some(Held { peer, number }) = held else {
            return self.rack.look_again();
        };
        if peer.leash.cut(number) {
            Tally::count(&self.tally.killed);
            peer.end();
            self.rack.lose(&peer);
        }
    }

    /// A shutdown has begun: functions that ask may return early.
    pub(crate) fn ask_to_stop(&self) {
        let held: Vec<Held> = lock(&self.calls).values().cloned().collect();
        for Held { peer, number } in held {
            peer.say_unwanted(number);
        }
    }

    /// How many calls may run at once.
    pub(super) fn workers(&self) -> usize {
        self.config.workers
    }

    pub(crate) fn processes(&self) -> usize {
        self.rack.processes()
    }

    pub(super) fn note_trouble(&self, what: String) {
        *lock(&self.trouble) = Some(what);
    }

    /// Why the last start failed, for a message.
    pub(crate) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).clone()
    }

    /// Ends all processes, gently until `until`, and then the manager.
    pub(crate) fn close(&self, until: Instant) {
        *lock(&self.leave_until) = until;
        self.rack.stop();
        let manager = lock(&self.manager).take();
        if let Some(manager) = manager {
            // It runs no user code; a panic of our own has been printed.
            let _ended = manager.join();
        }
        self.mute(until.max(Instant::now() + HEARD_OUT));
    }

    /// Nobody prints any more.
    fn mute(&self, until: Instant) {
        if let Some(output) = &self.output {
            output.stop(until);
        }
    }

    /// In a forked child, where the thread does not exist.
    pub(crate) fn forget(&self) {
        if let Ok(mut manager) = self.manager.try_lock() {
            std::mem::forget(manager.take());
        }
        if let Some(output) = &self.output {
            output.forget();
        }
    }
}
