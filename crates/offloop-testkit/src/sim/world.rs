//! What the seed rules: the executors, the wakes, the time, who is cancelled, and when it ends.
//!
//! Invariant: nothing here is borrowed while a function runs, because that function may come back
//! by [`pause`](super::pause).

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offloop::{ManualClock, Ticket, Work};

use super::executor::ManualExecutor;
use super::trace::{Step, Trace, Who};

/// Functions inside functions, at the most.
const DEPTH_MAX: usize = 3;

/// How an offloop comes to its end, where the test allows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Close,
    Shutdown,
}

pub(super) type Ender = Rc<dyn Fn(End)>;

/// A thing that may happen next.
#[derive(Clone, Copy)]
enum Event {
    Run(usize),
    Time,
    Cancel,
    End,
}

pub(super) struct World {
    pub(super) clock: ManualClock,
    /// Threads and cores.
    executors: [Lane; 2],
    random: RefCell<fastrand::Rng>,
    pub(super) trace: RefCell<Trace>,
    /// Wakes that were given and have not arrived.
    pub(super) posted: Arc<AtomicUsize>,
    /// The loop was woken, and has not begun the turn.
    pub(super) woken: Cell<bool>,
    tickets: RefCell<Vec<Ticket>>,
    /// An end that may come at any time.
    pub(super) end: Cell<Option<End>>,
    /// How to bring it about.
    pub(super) ender: RefCell<Option<Ender>>,
    depth: Cell<usize>,
}

struct Lane {
    name: &'static str,
    executor: ManualExecutor,
    /// How many calls may be under way, so that any of them may finish next.
    workers: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut lane = |name| {
            let executor = ManualExecutor::new();
            Lane { name, executor, workers: random.usize(1..=4) }
        };
        Self {
            clock: ManualClock::new(),
            executors: [lane("threads"), lane("cores")],
            random: RefCell::new(random),
            trace: RefCell::default(),
            posted: Arc::default(),
            woken: Cell::new(false),
            tickets: RefCell::default(),
            end: Cell::new(None),
            ender: RefCell::new(None),
            depth: Cell::new(0),
        }
    }

    pub(super) fn executor(&self, index: usize) -> ManualExecutor {
        self.executors[index].executor.clone()
    }

    pub(super) fn below(&self, count: usize) -> usize {
        self.random.borrow_mut().usize(..count)
    }

    pub(super) fn log(&self, step: Step) {
        self.trace.borrow_mut().push(self.depth.get(), step);
    }

    pub(super) fn add_ticket(&self, ticket: &Ticket) {
        self.tickets.borrow_mut().push(ticket.clone());
    }

    /// Whether a call that waits in an executor has no outcome yet.
    pub(super) fn has_undecided(&self) -> bool {
        let undecided = |line: &[Work]| line.iter().any(|work| !work.is_decided());
        self.executors.iter().any(|lane| lane.executor.look(undecided))
    }

    /// How many things that are on their way have to happen: calls to run, time to pass.
    pub(super) fn due(&self) -> usize {
        let calls: usize = self.executors.iter().map(|lane| lane.executor.len()).sum();
        calls + usize::from(self.clock.next_deadline().is_some())
    }

    /// Lets one thing happen off the loop; says whether there was one. A cancel and an end are on
    /// nobody's way, and happen unless it is `only_due`.
    pub(super) fn happen(&self, only_due: bool) -> bool {
        let mut events = Vec::new();
        for (index, lane) in self.executors.iter().enumerate() {
            if !lane.executor.is_empty() && self.depth.get() < DEPTH_MAX {
                // Twice, so that more is finished than cancelled.
                events.extend([Event::Run(index); 2]);
            }
        }
        if self.clock.next_deadline().is_some() {
            events.push(Event::Time);
        }
        if !only_due {
            if !self.tickets.borrow().is_empty() {
                events.push(Event::Cancel);
            }
            if self.end.get().is_some() && self.below(8) == 0 {
                events.push(Event::End);
            }
        }
        if events.is_empty() {
            return false;
        }
        match events[self.below(events.len())] {
            Event::Run(index) => self.run(&self.executors[index]),
            Event::Time => self.pass_time(),
            Event::Cancel => self.cancel(),
            Event::End => self.come_to_end(),
        }
        true
    }

    /// Runs one of the calls that may be under way.
    fn run(&self, lane: &Lane) {
        let count = lane.executor.len().min(lane.workers);
        let Some(index) = lane.executor.look(|line| nth_urgent(line, self.below(count))) else {
            return;
        };
        let Some(work) = lane.executor.take(index) else { return };
        let (on, who) = (lane.name, Who::of(&work));
        self.log(if work.is_decided() { Step::Skips { on, who } } else { Step::Runs { on, who } });
        self.depth.set(self.depth.get() + 1);
        let steps = self.trace.borrow().len();
        work.run();
        self.depth.set(self.depth.get() - 1);
        if self.trace.borrow().len() > steps {
            self.log(Step::Ends);
        }
    }

    /// Half of the time until the next deadline passes, or just enough for it.
    fn pass_time(&self) {
        let Some(next) = self.clock.next_deadline() else { return };
        let left = next.saturating_duration_since(self.clock.now());
        let by = if self.below(3) == 0 { left / 2 } else { left };
        self.log(Step::Time(by));
        self.clock.advance(by);
    }

    fn cancel(&self) {
        let index = self.below(self.tickets.borrow().len());
        let ticket = self.tickets.borrow_mut().swap_remove(index);
        self.log(Step::Cancels);
        ticket.cancel();
    }

    fn come_to_end(&self) {
        let (end, ender) = (self.end.take(), self.ender.borrow().clone());
        if let (Some(end), Some(ender)) = (end, ender) {
            ender(end);
        }
    }

    /// Wakes that were given may arrive: late, as one, or twice; says whether there were any.
    pub(super) fn bring_wakes(&self) -> bool {
        let posted = self.posted.swap(0, Ordering::SeqCst);
        if posted > 0 {
            self.log(Step::WakesArrive { posted });
            self.woken.set(true);
        }
        posted > 0
    }

    pub(super) fn has_posted(&self) -> bool {
        self.posted.load(Ordering::SeqCst) > 0
    }

    pub(super) fn advance(&self, by: Duration) {
        self.log(Step::Time(by));
        self.clock.advance(by);
    }
}

/// The call that is `nth` when the urgent go first.
fn nth_urgent(line: &[Work], nth: usize) -> Option<usize> {
    let mut order: Vec<usize> = (0..line.len()).collect();
    order.sort_by_key(|index| line[*index].priority());
    order.get(nth).copied()
}
