//! A sound executor, and what can be wrong with one. Invariant: each [`Flaw`] breaks it in one way,
//! and `Flaw::None` in none.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use offloop::{Executor, Work};

/// The workers' threads have it, and no other thread of the tests.
const NAME: &str = "pool-worker";

/// How long a queue may get before it makes the submitter wait, where that is the flaw.
const ROOM: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Keeps each hundredth call for ever.
    LosesSome,
    /// Drops each hundredth call.
    DropsSome,
    /// Runs a call at once when a thread of no name submits it.
    RunsOnTheSubmitter,
    /// Waits for room in the queue.
    Blocks,
    /// Has one worker, whatever it says.
    OneWorker,
    /// Gives each worker calls in turn, busy or not.
    TakesTurns,
    /// The newest first.
    NewestFirst,
    /// One more than it says.
    OneTooMany,
    /// Ends no thread.
    NeverStops,
    /// Waits for its threads without end.
    StopsForEver,
    /// Clears its queue of decided calls where it is submitted to, by a `run` that drops their functions.
    DropsOnTheSubmitter,
}

struct State {
    /// One for all, or one for each worker.
    lines: Vec<VecDeque<Work>>,
    submitted: usize,
    stops: bool,
    lost: Vec<Work>,
}

struct Shared {
    flaw: Flaw,
    state: Mutex<State>,
    changed: Condvar,
}

pub(crate) struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Pool {
    pub(crate) fn new(workers: usize, flaw: Flaw) -> Self {
        let threads = match flaw {
            Flaw::OneWorker => 1,
            Flaw::OneTooMany => workers + 1,
            _ => workers,
        };
        let lines = if flaw == Flaw::TakesTurns { threads } else { 1 };
        let lines = (0..lines).map(|_| VecDeque::new()).collect();
        let state = State { lines, submitted: 0, stops: false, lost: Vec::new() };
        let shared = Arc::new(Shared { flaw, state: Mutex::new(state), changed: Condvar::new() });
        let worker = |number: usize| {
            let shared = shared.clone();
            let named = thread::Builder::new().name(NAME.to_owned());
            named.spawn(move || shared.work(number)).expect("a thread")
        };
        let threads = Mutex::new((0..threads).map(worker).collect());
        Self { shared, threads }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics here")
    }

    fn work(&self, number: usize) {
        let mut state = self.lock();
        loop {
            let line = number % state.lines.len();
            let line = &mut state.lines[line];
            let work = match self.flaw {
                Flaw::NewestFirst => line.pop_back(),
                _ => line.pop_front(),
            };
            if let Some(work) = work {
                drop(state);
                self.changed.notify_all();
                work.run();
                state = self.lock();
            } else if state.stops && self.flaw != Flaw::NeverStops {
                return;
            } else {
                state = self.changed.wait(state).expect("nobody panics here");
            }
        }
    }
}

impl Executor for Pool {
    fn submit(&self, work: Work) -> Result<(), Work> {
        let flaw = self.shared.flaw;
        if flaw == Flaw::RunsOnTheSubmitter && thread::current().name().is_none() {
            work.run();
            return Ok(());
        }
        let mut state = self.shared.lock();
        if flaw == Flaw::Blocks {
            let full = |state: &mut State| state.lines[0].len() >= ROOM;
            state = self.shared.changed.wait_while(state, full).expect("nobody panics here");
        }
        state.submitted += 1;
        let turn = state.submitted % state.lines.len();
        let hundredth = state.submitted.is_multiple_of(100);
        match flaw {
            Flaw::LosesSome if hundredth => state.lost.push(work),
            Flaw::DropsSome if hundredth => {
                drop(state);
                drop(work);
                return Ok(());
            }
            _ => state.lines[turn].push_back(work),
        }
        let mut decided = VecDeque::new();
        if flaw == Flaw::DropsOnTheSubmitter && state.lines[0].len() < ROOM {
            let line = mem::take(&mut state.lines[0]);
            (decided, state.lines[0]) = line.into_iter().partition(Work::is_decided);
        }
        drop(state);
        self.shared.changed.notify_all();
        decided.into_iter().for_each(Work::run);
        Ok(())
    }

    fn stop(&self, until: Instant) {
        self.shared.lock().stops = true;
        self.shared.changed.notify_all();
        let threads = mem::take(&mut *self.threads.lock().expect("nobody panics here"));
        for thread in threads {
            let waits = || self.shared.flaw == Flaw::StopsForEver || Instant::now() < until;
            while !thread.is_finished() && waits() && self.shared.flaw != Flaw::NeverStops {
                thread::yield_now();
            }
        }
    }

    fn threads(&self) -> usize {
        self.threads.lock().expect("nobody panics here").len()
    }
}
