//! The test's own books: what happened to each call of one round, counted where it happens.
//! Invariant: each event of a call is counted at most once, and nothing here asks offloop.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread::{self, Thread};
use std::time::Instant;

use offloop::Ticket;

use crate::cancel::Order;
use crate::plan::{Ending, Plan};
use crate::watch;

/// What can happen to a call, once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Started,
    Ended,
    /// Its handler ran.
    Ran,
    /// Its handler was dropped unrun, on the loop thread.
    Unrun,
    /// Its handler was dropped unrun by the thread that submitted after the loop was gone.
    UnrunElsewhere,
    /// `try_then` gave it back, for good.
    Back,
    /// Its future had its outcome.
    Awaited,
    /// Its future was dropped before.
    Forgotten,
    /// The unobserved hook heard of it.
    Hooked,
    JobDropped,
    ValueMade,
    ValueDropped,
}

const EVENTS: usize = Event::ValueDropped as usize + 1;

/// The ends of a call that has a handler or a future.
const HEARD: [Event; 6] = [
    Event::Ran,
    Event::Unrun,
    Event::UnrunElsewhere,
    Event::Back,
    Event::Awaited,
    Event::Forgotten,
];

/// What an outcome was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Finished,
    Panicked,
    TimedOut,
    Cancelled,
    Rejected,
    Shutdown,
}

pub(crate) const KINDS: [Kind; 6] = [
    Kind::Finished,
    Kind::Panicked,
    Kind::TimedOut,
    Kind::Cancelled,
    Kind::Rejected,
    Kind::Shutdown,
];

/// One call. Times are in nanoseconds since the test began; 0 is never.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) plan: OnceLock<Plan>,
    events: [AtomicU8; EVENTS],
    kind: AtomicU8,
    pub(crate) submit_ns: AtomicU64,
    pub(crate) begin_ns: AtomicU64,
    pub(crate) end_ns: AtomicU64,
    pub(crate) cancel_ns: AtomicU64,
    pub(crate) deadline_ns: AtomicU64,
    /// For the canceller, when the function announces its end.
    pub(crate) ticket: Mutex<Option<Ticket>>,
}

impl Record {
    pub(crate) fn count(&self, event: Event) -> u8 {
        self.events[event as usize].load(SeqCst)
    }

    pub(crate) fn had(&self, event: Event) -> bool {
        self.count(event) != 0
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        KINDS.get(usize::from(self.kind.load(SeqCst)).wrapping_sub(1)).copied()
    }
}

/// Nanoseconds since the test began, and never 0.
pub(crate) fn now_ns() -> u64 {
    ns(Instant::now())
}

pub(crate) fn ns(at: Instant) -> u64 {
    static EPOCH: OnceLock<Instant> = OnceLock::new();
    at.saturating_duration_since(*EPOCH.get_or_init(Instant::now)).as_nanos() as u64 + 1
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The calls of one offloop, from its build until its last trace is gone.
pub(crate) struct Round {
    pub(crate) number: u64,
    records: Box<[Record]>,
    next: AtomicUsize,
    /// Calls whose handler or future still has to hear of them.
    open: AtomicUsize,
    /// Detached calls whose job is still there.
    detached: AtomicUsize,
    loop_thread: Thread,
    /// A close, a shutdown or the last drop has begun.
    pub(crate) ending: AtomicBool,
    /// The last drop has begun: no turn comes any more.
    pub(crate) gone: AtomicBool,
    /// A shutdown has returned: what the loop leaves from now on is dropped with its last handle.
    pub(crate) shut: AtomicBool,
    /// The last drop has returned: the loop thread itself drops what it still finds.
    pub(crate) over: AtomicBool,
    /// When the shutdown's time is up.
    pub(crate) up_ns: AtomicU64,
    /// What the hook heard: handlers dropped unrun, failures.
    pub(crate) hooked_unrun: AtomicUsize,
    pub(crate) hooked_failures: AtomicUsize,
    /// Destructors that panicked where offloop had to contain and to count it.
    pub(crate) blasts: AtomicUsize,
    /// Awaited inline calls that surely came to the loop, and those that perhaps did.
    pub(crate) inline_awaits: AtomicUsize,
    pub(crate) inline_perhaps: AtomicUsize,
    /// Calls that the system had no thread for.
    pub(crate) no_worker: AtomicUsize,
    /// Jobs and values dropped on the loop thread because no other was left.
    pub(crate) dropped_at_home: AtomicUsize,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) orders_open: AtomicUsize,
    faults: Mutex<Vec<String>>,
}

impl Round {
    pub(crate) fn new(number: u64, calls: usize, orders: mpsc::Sender<Order>) -> Self {
        Self {
            number,
            records: (0..calls).map(|_| Record::default()).collect(),
            next: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            detached: AtomicUsize::new(0),
            loop_thread: thread::current(),
            ending: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            shut: AtomicBool::new(false),
            over: AtomicBool::new(false),
            up_ns: AtomicU64::new(0),
            hooked_unrun: AtomicUsize::new(0),
            hooked_failures: AtomicUsize::new(0),
            blasts: AtomicUsize::new(0),
            inline_awaits: AtomicUsize::new(0),
            inline_perhaps: AtomicUsize::new(0),
            no_worker: AtomicUsize::new(0),
            dropped_at_home: AtomicUsize::new(0),
            orders,
            orders_open: AtomicUsize::new(0),
            faults: Mutex::new(Vec::new()),
        }
    }

    /// A new call, while there is room for one.
    pub(crate) fn take_id(&self) -> Option<usize> {
        let id = self.next.fetch_add(1, SeqCst);
        let fits = id < self.records.len();
        if fits {
            self.open.fetch_add(1, SeqCst);
        }
        fits.then_some(id)
    }

    pub(crate) fn used(&self) -> usize {
        self.next.load(SeqCst).min(self.records.len())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.used() == self.records.len()
    }

    /// Takes a new call's plan into the books.
    pub(crate) fn register(&self, id: usize, plan: Plan) {
        let record = self.record(id);
        let _first = record.plan.set(plan);
        let now = now_ns();
        record.submit_ns.store(now, SeqCst);
        if let Some(time) = plan.deadline {
            record.deadline_ns.store(now + time.as_nanos() as u64, SeqCst);
        }
        if plan.ending == Ending::Detach {
            self.detached.fetch_add(1, SeqCst);
            self.open.fetch_sub(1, SeqCst);
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(SeqCst)
    }

    /// How many calls are under way, about.
    pub(crate) fn load(&self) -> usize {
        self.open() + self.detached.load(SeqCst)
    }

    pub(crate) fn record(&self, id: usize) -> &Record {
        &self.records[id]
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records[..self.used()]
    }

    pub(crate) fn plan(&self, id: usize) -> &Plan {
        self.record(id).plan.get().expect("a call has its plan before it is submitted")
    }

    pub(crate) fn on_loop(&self) -> bool {
        thread::current().id() == self.loop_thread.id()
    }

    pub(crate) fn is_set(flag: &AtomicBool) -> bool {
        flag.load(SeqCst)
    }

    /// Counts an event; twice is a fault.
    pub(crate) fn note(&self, id: usize, event: Event) {
        watch::progress();
        let record = self.record(id);
        if record.events[event as usize].fetch_add(1, SeqCst) != 0 {
            self.fault(id, &format!("{event:?} happened twice"));
        }
        if HEARD.contains(&event) {
            self.open.fetch_sub(1, SeqCst);
        } else if event == Event::JobDropped && self.plan(id).ending == Ending::Detach {
            self.detached.fetch_sub(1, SeqCst);
        } else {
            return;
        }
        // The loop may sleep because too many calls are under way.
        if !self.on_loop() {
            self.loop_thread.unpark();
        }
    }

    pub(crate) fn unpark_loop(&self) {
        self.loop_thread.unpark();
    }

    pub(crate) fn fault(&self, id: usize, what: &str) {
        let plan = self.record(id).plan.get();
        let mut faults = lock(&self.faults);
        if faults.len() < 20 {
            faults.push(format!("call {id}: {what} ({plan:?}, {})", self.describe(id)));
        }
    }

    pub(crate) fn describe(&self, id: usize) -> String {
        let record = self.record(id);
        let events: Vec<u8> = record.events.iter().map(|count| count.load(SeqCst)).collect();
        format!(
            "events {events:?}, outcome {:?}, submit {} begin {} end {} cancel {} deadline {}",
            record.kind(),
            record.submit_ns.load(SeqCst),
            record.begin_ns.load(SeqCst),
            record.end_ns.load(SeqCst),
            record.cancel_ns.load(SeqCst),
            record.deadline_ns.load(SeqCst),
        )
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        lock(&self.faults).clone()
    }

    /// A fault of the round as a whole.
    pub(crate) fn fault_of_all(&self, what: String) {
        lock(&self.faults).push(what);
    }

    /// Lets go of what the books hold of offloop.
    pub(crate) fn release(&self) {
        for record in self.records() {
            drop(lock(&record.ticket).take());
        }
    }

    pub(crate) fn set_kind(&self, id: usize, kind: Kind) {
        self.record(id).kind.store(kind as u8 + 1, SeqCst);
    }

    /// Calls that nobody has heard of, or that still run.
    pub(crate) fn unheard(&self) -> Vec<usize> {
        (0..self.used()).filter(|&id| !self.is_heard(id)).collect()
    }

    /// Calls that are not at their end in every respect.
    pub(crate) fn pending(&self) -> Vec<usize> {
        (0..self.used()).filter(|&id| !self.is_settled(id)).collect()
    }

    fn is_heard(&self, id: usize) -> bool {
        let record = self.record(id);
        let Some(plan) = record.plan.get() else { return false };
        record.count(Event::Started) == record.count(Event::Ended)
            && (plan.ending == Ending::Detach || HEARD.iter().any(|&event| record.had(event)))
    }

    pub(crate) fn is_settled(&self, id: usize) -> bool {
        let record = self.record(id);
        self.is_heard(id)
            && record.had(Event::JobDropped)
            && record.count(Event::ValueMade) == record.count(Event::ValueDropped)
    }
}
