//! A sound async executor, and what can be wrong with one. Invariant: each [`Flaw`] breaks it in one
//! way, and `Flaw::None` in none.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use offloop::{AsyncExecutor, Task};

/// The runtime's threads have it, and no other thread of the tests.
const NAME: &str = "runtime";

/// How many errands may wait before a spawn does, where that is the flaw.
const ROOM: usize = 40;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Keeps each hundredth task for ever.
    LosesSome,
    /// Polls once inside the spawn, when a thread of no name does that.
    PollsInSpawn,
    /// Waits for room.
    Blocks,
    /// Has one thread, whatever it says.
    OneThread,
    /// Forgets a wake that comes while its future is polled.
    LosesWakes,
    /// What is woken goes first.
    WokenFirst,
    /// Ends no thread.
    NeverStops,
    /// Waits for its threads without end.
    StopsForEver,
    /// Keeps what it has when it ends.
    KeepsAtItsEnd,
    /// Takes what comes after its end, and polls nothing.
    TakesAfterItsEnd,
    /// Drops what comes after its end.
    DropsAfterItsEnd,
}

#[derive(Default)]
struct State {
    /// What is to be polled.
    ready: VecDeque<u64>,
    /// All that are not over, and are not being polled.
    tasks: HashMap<u64, Pin<Box<Task>>>,
    /// What was woken while it was polled.
    again: Vec<u64>,
    polled: Vec<u64>,
    spawned: u64,
    ends: bool,
}

struct Shared {
    flaw: Flaw,
    state: Mutex<State>,
    changed: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Clones are the same runtime.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Shared>);

struct Errand {
    number: u64,
    shared: Arc<Shared>,
}

impl Wake for Errand {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.shared.wake(self.number);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics here")
    }

    fn wake(&self, number: u64) {
        let mut state = self.lock();
        if state.polled.contains(&number) {
            if self.flaw != Flaw::LosesWakes {
                state.again.push(number);
            }
            return;
        }
        if !state.ready.contains(&number) && state.tasks.contains_key(&number) {
            state.ready.push_back(number);
            self.changed.notify_all();
        }
    }

    /// The next errand; `None` at the end.
    fn next(&self) -> Option<(u64, Pin<Box<Task>>)> {
        let mut state = self.lock();
        loop {
            if state.ends && self.flaw != Flaw::NeverStops {
                return None;
            }
            if let Some(number) = state.ready.pop_front() {
                self.changed.notify_all();
                if let Some(task) = state.tasks.remove(&number) {
                    state.polled.push(number);
                    return Some((number, task));
                }
            } else {
                state = self.changed.wait(state).expect("nobody panics here");
            }
        }
    }

    fn run(self: &Arc<Self>) {
        while let Some((number, mut task)) = self.next() {
            let waker = Waker::from(Arc::new(Errand { number, shared: self.clone() }));
            let over = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
            let mut task = Some(task);
            let mut state = self.lock();
            state.polled.retain(|polled| *polled != number);
            let again = state.again.iter().position(|again| *again == number);
            let again = again.map(|at| state.again.swap_remove(at)).is_some();
            if !over {
                state.tasks.extend(task.take().map(|task| (number, task)));
            }
            match (again && !over, self.flaw) {
                (true, Flaw::WokenFirst) => state.ready.push_front(number),
                (true, _) => state.ready.push_back(number),
                (false, _) => {}
            }
            drop(state);
            drop(task);
        }
    }
}

impl Runtime {
    pub(crate) fn new(threads: usize, flaw: Flaw) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { flaw, state, changed, threads: Mutex::default() });
        let threads = if flaw == Flaw::OneThread { 1 } else { threads };
        let thread = |_| {
            let shared = shared.clone();
            let named = thread::Builder::new().name(NAME.to_owned());
            named.spawn(move || shared.run()).expect("a thread")
        };
        let all = (0..threads).map(thread).collect();
        *shared.threads.lock().expect("nobody panics here") = all;
        Self(shared)
    }

    /// Ends the threads, waits for them until then, and drops the tasks that are not over.
    pub(crate) fn end(&self, until: Instant) {
        let flaw = self.0.flaw;
        self.0.lock().ends = true;
        self.0.changed.notify_all();
        let threads = mem::take(&mut *self.0.threads.lock().expect("nobody panics here"));
        for thread in threads {
            let waits = || flaw == Flaw::StopsForEver || Instant::now() < until;
            while !thread.is_finished() && waits() && flaw != Flaw::NeverStops {
                thread::yield_now();
            }
        }
        if flaw != Flaw::KeepsAtItsEnd {
            let tasks = mem::take(&mut self.0.lock().tasks);
            // Where no loop is.
            thread::spawn(move || drop(tasks)).join().expect("no task panics");
        }
    }
}

impl AsyncExecutor for Runtime {
    fn spawn(&self, task: Task) -> Result<(), Task> {
        let (flaw, mut task) = (self.0.flaw, Box::pin(task));
        if flaw == Flaw::PollsInSpawn
            && thread::current().name().is_none()
            && task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
        {
            return Ok(());
        }
        let mut state = self.0.lock();
        if state.ends {
            match flaw {
                Flaw::TakesAfterItsEnd => mem::forget(task),
                Flaw::DropsAfterItsEnd => drop(task),
                _ => return Err(*Pin::into_inner(task)),
            }
            return Ok(());
        }
        if flaw == Flaw::Blocks {
            let full = |state: &mut State| state.ready.len() >= ROOM;
            state = self.0.changed.wait_while(state, full).expect("nobody panics here");
        }
        state.spawned += 1;
        let number = state.spawned;
        state.tasks.insert(number, task);
        if flaw != Flaw::LosesSome || !number.is_multiple_of(100) {
            state.ready.push_back(number);
        }
        drop(state);
        self.0.changed.notify_all();
        Ok(())
    }

    fn stop(&self, until: Instant) {
        self.end(until);
    }

    fn threads(&self) -> usize {
        self.0.threads.lock().expect("nobody panics here").len()
    }
}
