//! A pool's beginning, growth and end.
//!
//! Invariant: submitters only ask for a worker; the keeper starts it. A start that fails is an
//! outcome for the calls that wait for it: at once when no worker is left, else after a second
//! in which no worker came free either.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::gate::{Gate, Step};
use super::line::Line;
use super::linger::Linger;
use super::options::{Apart, MAX};
use super::roster::{Roster, lock};
use super::worker;
use crate::complete::{CallRef, Discard, Hub, Phase, Remains, Verdict, Work};
use crate::execute::Ring;
use crate::execute::crew::{Crew, CrewCounts, tell_abandoned};
use crate::execute::keeper::Bell;
use crate::failure::Reason;
use crate::priority::Priority;
use crate::trace;

/// How long calls wait for a start that fails while other workers live.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two tries to start a worker after one failed.
const RETRY: Duration = Duration::from_millis(20);

/// A start that failed.
struct Trouble {
    since: Instant,
    retry_at: Instant,
}

pub(crate) struct Pool {
    pub(super) options: Apart,
    pub(super) line: Line,
    pub(super) gate: Gate,
    pub(super) roster: Roster,
    pub(super) linger: Linger,
    /// That of all its calls; a worker completes a call to it that may be gone by then.
    pub(super) hub: Arc<Hub>,
    bell: Arc<Bell>,
    /// A start was asked for.
    wanted: AtomicBool,
    stopping: AtomicBool,
    /// Touched by the keeper.
    trouble: Mutex<Option<Trouble>>,
    start_failures: std::sync::atomic::AtomicU64,
    /// Itself, for the workers that it starts: each holds its pool.
    this: std::sync::Weak<Pool>,
}

impl Pool {
    pub(crate) fn new(options: Apart, hub: Arc<Hub>, bell: Arc<Bell>) -> Arc<Self> {
        let max = options.max.min(MAX);
        let seats = max + options.abandoned.clamp(1, MAX);
        Arc::new_cyclic(|this| Self {
            line: Line::new(),
            gate: Gate::new(max, seats),
            roster: Roster::new(seats),
            linger: Linger::new(options.linger),
            hub,
            bell,
            wanted: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            trouble: Mutex::new(None),
            start_failures: std::sync::atomic::AtomicU64::new(0),
            this: this.clone(),
            options,
        })
    }

    fn push(&self, load: Remains, priority: Priority, ring: Ring) {
        self.line.push(load, priority);
        if ring == Ring::Yes {
            self.nudge();
        }
    }

    /// Wakes or asks for a worker if a call may wait unseen.
    fn nudge(&self) {
        self.take_step(self.gate.step(|| self.is_waiting()));
    }

    pub(super) fn take_step(&self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Wake(index) => self.roster.wake(index),
            Step::Start => {
                self.wanted.store(true, Ordering::Release);
                self.bell.ring();
            }
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.line.is_empty()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether it was stopped, and no thread and nothing to do is left.
    pub(crate) fn is_over(&self) -> bool {
        self.is_stopping() && !self.is_waiting() && self.roster.threads() == 0
    }

    /// A worker has left for good.
    pub(crate) fn left(&self) {
        if self.options.single {
            // The keeper forgets a resource whose thread has ended.
            self.bell.ring();
        }
    }

    fn start(&self, now: Instant) {
        if self.is_stopping() && !self.is_waiting() {
            self.gate.give_up_start();
            return;
        }
        if !self.gate.try_grow() {
            self.take_step(self.gate.leave_search(|| self.is_waiting()));
            return;
        }
        match self.roster.start(|index| self.spawn(index)) {
            Some(Ok(())) => *lock(&self.trouble) = None,
            Some(Err(_)) => self.start_failed(now, Reason::NoWorker),
            None => self.start_failed(now, Reason::Abandoned),
        }
    }

    fn spawn(&self, index: usize) -> std::io::Result<thread::JoinHandle<()>> {
        let mut thread = thread::Builder::new().name(format!("{}{index}", self.options.label));
        if let Some(bytes) = self.options.stack_size {
            thread = thread.stack_size(bytes);
        }
        let pool = self.this.upgrade().expect("a pool that is asked to start is alive");
        thread.spawn(move || worker::live(&pool, index))
    }

    fn start_failed(&self, now: Instant, reason: Reason) {
        self.gate.shrink();
        self.gate.give_up_start();
        let since = {
            let mut trouble = lock(&self.trouble);
            let since = trouble.as_ref().map_or(now, |trouble| trouble.since);
            *trouble = Some(Trouble { since, retry_at: now + RETRY });
            since
        };
        let hopeless = if reason == Reason::NoWorker {
            self.start_failures.fetch_add(1, Ordering::Relaxed);
            self.gate.live() == 0 || now - since >= PATIENCE
        } else {
            // A seat without a call is one of a worker that retired, and about to be free.
            self.gate.live() == 0 && self.roster.is_held_by_calls()
        };
        if hopeless {
            // Calls that come from now on may wait as long as these did.
            *lock(&self.trouble) = Some(Trouble { since: now, retry_at: now + RETRY });
            self.refuse_waiting(reason);
        }
    }

    /// Calls that wait for a worker that can't be had get their outcome. What only waits to be
    /// dropped waits on, and so do calls that come once the first is told: the start that failed
    /// was not theirs.
    fn refuse_waiting(&self, reason: Reason) {
        let waiting: Vec<Remains> = self.drain().collect();
        let mut kept = Vec::new();
        for load in waiting {
            match load {
                Remains::Work(work) if !work.call().is_decided() => {
                    let call = work.call().clone();
                    work.turn_away(Verdict::Rejected(reason));
                    trace::refused(call.subject(), &reason);
                }
                other => kept.push(other),
            }
        }
        for load in kept {
            self.line.push(load, Priority::Low);
        }
    }

    /// Takes everything that waits.
    pub(crate) fn drain(&self) -> impl Iterator<Item = Remains> + '_ {
        std::iter::from_fn(|| self.line.pop())
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }
}

impl Crew for Pool {
    fn submit(&self, work: Work, priority: Priority, ring: Ring) {
        self.push(Remains::Work(work), priority, ring);
    }

    fn cut_short(&self, call: &CallRef, from: Phase) {
        if from == Phase::Running {
            call.lane().abandon();
            if !self.options.single {
                self.take_step(self.gate.give_up_worker(|| self.is_waiting()));
            }
            tell_abandoned(call);
        }
    }

    /// Starts what was asked for, nudges for quiet submits, and retries.
    fn tend(&self, now: Instant) -> Option<Instant> {
        if self.wanted.swap(false, Ordering::Acquire) {
            self.start(now);
        }
        let retry_at = lock(&self.trouble).as_ref().map(|trouble| trouble.retry_at);
        if !self.is_waiting() {
            *lock(&self.trouble) = None;
            return None;
        }
        if retry_at.is_none_or(|at| at <= now) {
            self.nudge();
        }
        retry_at.map(|at| at.max(now + RETRY))
    }

    fn turn_away(&self) {
        for load in self.drain() {
            match load {
                Remains::Work(work) => work.turn_away(Verdict::Shutdown),
                value => value.dispose(),
            }
        }
    }

    fn wait_returned(&self, until: Instant) {
        self.roster.wait_returned(until);
    }

    fn running(&self) -> Vec<CallRef> {
        self.roster.running()
    }

    /// Each worker finishes what it does, then what waits, and leaves.
    fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        while let Some(index) = self.gate.claim_idle() {
            self.gate.search();
            self.roster.wake(index);
        }
        if self.is_waiting() {
            self.nudge();
        }
    }

    /// See [`Roster::wait_left`]. What waits to be dropped may need a worker started first, which
    /// the keeper does if it can be done.
    fn wait_left(&self, until: Instant) {
        loop {
            self.roster.wait_left(until);
            let hopeless = lock(&self.trouble).is_some() || self.roster.threads() > 0;
            if !self.is_waiting() || hopeless {
                return;
            }
            self.nudge();
            thread::sleep(Duration::from_micros(100));
        }
    }

    fn join(&self, until: Instant) {
        self.roster.wait_left(until);
    }

    fn counts(&self) -> CrewCounts {
        CrewCounts {
            threads: self.roster.threads(),
            start_failures: self.start_failures.load(Ordering::Relaxed),
        }
    }
}

impl Discard for Pool {
    fn discard(&self, remains: Remains) -> Result<(), Remains> {
        if self.is_stopping() {
            return Err(remains);
        }
        self.push(remains, Priority::Normal, Ring::Yes);
        // The pool may have ended between the look and the push.
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        if self.is_stopping() && self.roster.threads() == 0 {
            self.drain().for_each(Remains::dispose);
        }
        Ok(())
    }
}
