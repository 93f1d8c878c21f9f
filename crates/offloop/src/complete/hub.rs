//! What the calls of one offloop share: the way to the loop, the limits, the counters, the life.
//!
//! Invariant: `life` only grows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::cell::{CallRef, Work};
use super::lane::{Lane, LaneLimits};
use super::policy::{Desk, Load, Mail, Turnstile};
use super::state::{Came, Phase, Verdict};
use crate::contain::drop_contained;
use crate::deliver::{Notify, Parcel, Pusher};
use crate::padded::Padded;
use crate::timing::Number;
use crate::timing::Timing;

/// Where a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneId {
    Threads,
    Cores,
    Inline,
    /// It waits for another call's run, and needs no place of its own.
    Joined,
    /// A worker process.
    Process,
    /// An executor of futures.
    Async,
    /// The thread of one resource, which has a lane of its own.
    Resource,
}

impl LaneId {
    /// Those that an offloop has one each of.
    pub(crate) const COUNT: usize = 6;
}

/// How far an offloop is along to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Life {
    Open,
    /// `close`: nothing new, nothing queued; what runs may finish.
    Closing,
    /// `shutdown`: what runs is asked to stop.
    Stopping,
    /// Every outcome is decided.
    Stopped,
}

/// How many calls were submitted, and so the next one's number.
#[derive(Default)]
pub(crate) struct Submits {
    /// Written by the loop thread alone.
    by_loop: AtomicU64,
    by_handles: AtomicU64,
}

impl Submits {
    /// For the loop thread, which has it alone, so that it needs no read-modify-write.
    pub(crate) fn next_of_loop(&self) -> Number {
        let number = self.by_loop.load(Ordering::Relaxed);
        self.by_loop.store(number + 1, Ordering::Relaxed);
        Number::OfLoop(number)
    }

    pub(crate) fn next_of_handles(&self) -> Number {
        Number::OfHandles(self.by_handles.fetch_add(1, Ordering::Relaxed))
    }

    /// So many by the loop, and so many by handles.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.by_loop.load(Ordering::Relaxed), self.by_handles.load(Ordering::Relaxed))
    }
}

/// Decided outcomes by kind, for `stats()`.
#[derive(Default)]
pub(crate) struct Counts {
    /// Written by those who submit; the others by those who decide.
    pub(crate) submitted: Padded<Submits>,
    pub(crate) finished: AtomicU64,
    pub(crate) panicked: AtomicU64,
    /// Worker processes died under them.
    pub(crate) died: AtomicU64,
    /// Their data could not be encoded or decoded.
    pub(crate) unmoved: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) shut_down: AtomicU64,
    /// Of these, the ones that had not begun.
    pub(crate) never_started: AtomicU64,
    /// Functions that a shutdown found running, and that came to their end.
    pub(crate) finished_in_shutdown: AtomicU64,
    pub(crate) destructor_panics: AtomicU64,
}

impl Counts {
    /// A function came to its end, and that is the outcome; `by` is 1, or -1 to take it back.
    pub(super) fn finished(&self, came: Came, in_shutdown: bool, by: u64) {
        let counter = match came {
            Came::Value => &self.finished,
            Came::Panic => &self.panicked,
            Came::Died => &self.died,
            Came::Codec => &self.unmoved,
        };
        counter.fetch_add(by, Ordering::Relaxed);
        if in_shutdown {
            self.finished_in_shutdown.fetch_add(by, Ordering::Relaxed);
        }
    }

    pub(crate) fn verdict(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::TimedOut => &self.timed_out,
            Verdict::Cancelled(_) => &self.cancelled,
            Verdict::Rejected(_) => &self.rejected,
            Verdict::Shutdown => &self.shut_down,
        };
        // Whoever sees it counted sees what was done before.
        counter.fetch_add(1, Ordering::Release);
    }
}

/// User values that must be dropped off the loop thread.
pub(crate) enum Remains {
    /// A call that will not run, with its job.
    Work(Work),
    /// A result that nobody took, and whose it was.
    Value(Arc<Hub>, Box<dyn Send>),
}

impl Remains {
    /// Drops them on this thread, contained.
    pub(crate) fn dispose(self) {
        match self {
            Remains::Work(work) => drop(work),
            Remains::Value(hub, value) => hub.drop_here(value),
        }
    }
}

/// Where remains are dropped.
pub(crate) trait Discard: Send + Sync {
    /// Takes them, or gives them back when it has ended.
    fn discard(&self, remains: Remains) -> Result<(), Remains>;
}

/// Things that are to be found by whoever ends an offloop, each once.
pub(crate) struct Register<T: ?Sized>(Mutex<Listed<T>>);

/// By address, each with its number in the order of coming.
struct Listed<T: ?Sized> {
    next: u64,
    things: HashMap<usize, (u64, Arc<T>)>,
}

impl<T: ?Sized> Register<T> {
    fn new() -> Self {
        Self(Mutex::new(Listed { next: 0, things: HashMap::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, Listed<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, what: &Arc<T>) {
        let mut list = self.lock();
        list.next += 1;
        let number = list.next;
        list.things.insert(Arc::as_ptr(what).addr(), (number, what.clone()));
    }

    pub(crate) fn remove(&self, what: &Arc<T>) {
        let gone = self.lock().things.remove(&Arc::as_ptr(what).addr());
        drop(gone);
    }

    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        let mut all: Vec<_> = self.lock().things.values().cloned().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, thing)| thing).collect()
    }
}

/// What says the time, when it is not the system.
pub(crate) type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// A call whose progress waits for a turn.
pub(crate) type Pulse = Box<Parcel<CallRef>>;

pub(crate) struct Hub {
    pub(crate) notify: Notify,
    ready: Pusher<CallRef>,
    pulses: Pusher<Pulse>,
    lanes: [Lane; LaneId::COUNT],
    pub(crate) counts: Padded<Counts>,
    life: AtomicU8,
    /// Awaited calls that are not decided.
    awaited: AtomicUsize,
    /// Calls with a deadline that were decided before it; their timers are dead weight.
    pub(crate) dead_timers: AtomicUsize,
    /// Numbers the calls of handles.
    remote: AtomicU64,
    discard: Mutex<Option<Arc<dyn Discard>>>,
    desk: OnceLock<Weak<dyn Desk>>,
    /// Turnstiles at which calls wait.
    parked: Register<Turnstile>,
    /// Mailboxes at which functions wait for room.
    blocked: Register<dyn Mail>,
    /// Moved by a test, which so says what happens when; `None`: the system's.
    pub(crate) clock: Option<Clock>,
    epoch: Instant,
    fork: crate::sys::ForkCheck,
    pub(crate) timing: Timing,
}

impl Hub {
    pub(crate) fn new(
        notify: Notify,
        ready: Pusher<CallRef>,
        pulses: Pusher<Pulse>,
        limits: [LaneLimits; LaneId::COUNT],
        clock: Option<Clock>,
    ) -> Self {
        Self {
            notify,
            ready,
            pulses,
            lanes: limits.map(Lane::new),
            counts: Padded::default(),
            life: AtomicU8::new(Life::Open as u8),
            awaited: AtomicUsize::new(0),
            dead_timers: AtomicUsize::new(0),
            remote: AtomicU64::new(0),
            discard: Mutex::new(None),
            desk: OnceLock::new(),
            parked: Register::new(),
            blocked: Register::new(),
            timing: Timing::new(clock.as_ref().map_or_else(Instant::now, |clock| clock())),
            epoch: clock.as_ref().map_or_else(Instant::now, |clock| clock()),
            clock,
            fork: crate::sys::ForkCheck::new(),
        }
    }

    pub(crate) fn lane(&self, id: LaneId) -> &Lane {
        &self.lanes[id as usize]
    }

    /// Whether a call may still be on its way to a queue or wait in one.
    pub(crate) fn has_queued(&self) -> bool {
        self.lanes.iter().any(|lane| lane.queued() > 0)
    }

    pub(crate) fn life(&self) -> Life {
        match self.life.load(Ordering::SeqCst) {
            0 => Life::Open,
            1 => Life::Closing,
            2 => Life::Stopping,
            _ => Life::Stopped,
        }
    }

    /// Moves the life on, never back.
    pub(crate) fn advance(&self, life: Life) {
        self.life.fetch_max(life as u8, Ordering::SeqCst);
        if life >= Life::Stopping {
            for mail in self.blocked.all() {
                mail.look_again();
            }
        }
    }

    /// The time by which deadlines go.
    pub(crate) fn now(&self) -> Instant {
        self.clock.as_ref().map_or_else(Instant::now, |clock| clock())
    }

    /// A turn that found something ready has begun by the system's clock.
    pub(crate) fn turn_began(&self, at: Option<Instant>) {
        if self.clock.is_none() {
            self.timing.turn(at, self.counts.submitted.counts());
        }
    }

    /// A moment as nanoseconds; one beyond their range never comes.
    pub(super) fn to_ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn instant(&self, ns: u64) -> Instant {
        self.epoch + Duration::from_nanos(ns)
    }

    pub(crate) fn parked(&self) -> &Register<Turnstile> {
        &self.parked
    }

    pub(crate) fn blocked(&self) -> &Register<dyn Mail> {
        &self.blocked
    }

    pub(crate) fn set_desk(&self, desk: Weak<dyn Desk>) {
        // There is one engine, and it is started once.
        let _first = self.desk.set(desk);
    }

    fn desk(&self) -> Option<Arc<dyn Desk>> {
        self.desk.get()?.upgrade()
    }

    /// Sends on a call that waited at a turnstile.
    pub(super) fn forward(&self, load: Load) {
        match self.desk() {
            Some(desk) => desk.forward(load),
            None => {
                load.call().decide(Verdict::Shutdown);
            }
        }
    }

    /// A run that timed out was cut short.
    pub(super) fn cut_short(&self, call: &CallRef, from: Phase) {
        if let Some(desk) = self.desk() {
            desk.cut_short(call, from);
        }
    }

    /// Whether this process is a fork of the one that built this offloop.
    pub(crate) fn is_forked(&self) -> bool {
        self.fork.is_forked()
    }

    /// Gives a decided call to the loop.
    pub(crate) fn hand_over(&self, call: CallRef) {
        self.push(call);
        self.ask_for_turn();
    }

    /// Gives a call to the loop; the caller sees to the turn.
    pub(super) fn push(&self, call: CallRef) {
        self.ready.push(call);
    }

    /// Progress of this call waits for the loop.
    pub(super) fn announce_progress(&self, call: CallRef) {
        self.pulses.push(Parcel::new(call));
        self.ask_for_turn();
    }

    /// A forked child has its parent's way to wake the loop, and leaves it alone.
    pub(crate) fn ask_for_turn(&self) {
        if !self.is_forked() {
            self.notify.raise();
        }
    }

    pub(crate) fn awaited(&self) -> &AtomicUsize {
        &self.awaited
    }

    pub(crate) fn next_remote(&self) -> u64 {
        self.remote.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn set_discard(&self, to: Option<Arc<dyn Discard>>) {
        let mut discard = self.discard.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *discard, to);
        drop(discard);
        drop(old);
    }

    /// Has user values dropped off this thread; on it when no worker is left to do so.
    pub(crate) fn discard(&self, remains: Remains) {
        if self.is_forked() {
            // The lock, and the thread, are the parent's.
            return std::mem::forget(remains);
        }
        let to = self.discard.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let left = match to {
            Some(to) => to.discard(remains),
            None => Err(remains),
        };
        if let Err(remains) = left {
            remains.dispose();
        }
    }

    /// Drops user values on this thread, contained.
    pub(crate) fn drop_here<T>(&self, value: T) {
        if drop_contained(value) {
            self.counts.destructor_panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
