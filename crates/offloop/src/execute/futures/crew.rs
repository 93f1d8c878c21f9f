//! The async executor as its offloop drives it: the books of its tasks, and how they are stopped.
//!
//! Invariant: a call is in the books from its submit until its [`Task`] has ended, so that deadlines,
//! cancels, `close` and `shutdown` need nothing of the runtime but its polls.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::stall::Stalls;
use super::task::{Passenger, Task};
use super::{AsyncCalls, AsyncExecutor};
use crate::complete::{CallRef, Phase, Verdict, Work};
use crate::contain::{contain, drop_contained};
use crate::execute::Ring;
use crate::execute::awaited::Awaited;
use crate::execute::crew::{Crew, CrewCounts};
use crate::failure::Reason;
use crate::priority::Priority;
use crate::sync::fence;
use crate::trace;

/// The tasks that a runtime has.
#[derive(Default)]
pub(super) struct Books(Awaited<Listed>);

#[derive(Default)]
struct Listed {
    next: u64,
    /// By the call's own id, and in the order of their submits by number.
    tasks: HashMap<usize, (u64, Arc<Passenger>)>,
}

impl Books {
    pub(super) fn enter(&self, passenger: &Arc<Passenger>) {
        self.0.with(|listed| {
            listed.next += 1;
            listed.tasks.insert(passenger.call.id(), (listed.next, passenger.clone()));
        });
    }

    pub(super) fn leave(&self, passenger: &Passenger) {
        // Dropped when the lock is free again.
        let _gone = self.0.change(|listed| listed.tasks.remove(&passenger.call.id()));
    }

    fn find(&self, call: &CallRef) -> Option<Arc<Passenger>> {
        self.0.with(|listed| listed.tasks.get(&call.id()).map(|(_, one)| one.clone()))
    }

    /// The calls that have begun, or have not, in the order of their submits.
    fn calls(&self, begun: bool) -> Vec<CallRef> {
        let mut those: Vec<_> = self.0.with(|listed| {
            let those = listed.tasks.values().filter(|(_, one)| one.call.has_begun() == begun);
            those.map(|(number, one)| (*number, one.call.clone())).collect()
        });
        those.sort_by_key(|(number, _)| *number);
        those.into_iter().map(|(_, call)| call).collect()
    }
}

/// A runtime with its books.
#[derive(Clone)]
pub(crate) struct AsyncCrew {
    executor: Arc<dyn AsyncExecutor>,
    books: Arc<Books>,
    stalls: Arc<Stalls>,
}

impl AsyncCrew {
    pub(crate) fn new(executor: Arc<dyn AsyncExecutor>, options: &AsyncCalls) -> Self {
        let stalls = Arc::new(Stalls::new(options.stall));
        Self { executor, books: Arc::default(), stalls }
    }

    pub(crate) fn stalls(&self) -> Arc<Stalls> {
        self.stalls.clone()
    }

    /// It did not take the task.
    fn refused(&self, task: Task) {
        let Some(work) = task.into_work() else { return };
        let call = work.call().clone();
        work.turn_away(Verdict::Rejected(Reason::NoWorker));
        trace::refused(call.subject(), &Reason::NoWorker);
    }
}

impl Crew for AsyncCrew {
    /// Wakes the runtime even when the keeper is woken as well: only the runtime knows how.
    fn submit(&self, work: Work, _: Priority, _: Ring) {
        let task = Task::new(work, self.books.clone(), self.stalls.clone());
        match contain(|| self.executor.spawn(task)) {
            Ok(Ok(())) => {}
            Ok(Err(task)) => self.refused(task),
            // The unwinding has dropped the task, and so decided the call.
            Err(payload) => {
                drop_contained(payload);
            }
        }
        fence(crate::sync::Ordering::SeqCst);
    }

    /// The future is dropped where it is polled.
    fn cut_short(&self, call: &CallRef, from: Phase) {
        if from != Phase::Running {
            return;
        }
        let Some(passenger) = self.books.find(call) else { return };
        self.stalls.look(&passenger.watch, call);
        // The runtime's code.
        if let Err(payload) = contain(|| passenger.berth.wake()) {
            drop_contained(payload);
        }
    }

    fn tend(&self, _: Instant) -> Option<Instant> {
        None
    }

    fn turn_away(&self) {
        for call in self.books.calls(false) {
            call.decide(Verdict::Shutdown);
        }
    }

    fn wait_returned(&self, until: Instant) {
        self.books
            .0
            .wait_while(until, |listed| listed.tasks.values().any(|(_, one)| one.call.has_begun()));
    }

    fn running(&self) -> Vec<CallRef> {
        self.books.calls(true)
    }

    fn stop(&self) {}

    fn wait_left(&self, until: Instant) {
        if let Err(payload) = contain(|| self.executor.stop(until)) {
            drop_contained(payload);
        }
    }

    fn counts(&self) -> CrewCounts {
        let threads = contain(|| self.executor.threads()).unwrap_or_else(|payload| {
            drop_contained(payload);
            0
        });
        CrewCounts { threads, start_failures: 0 }
    }

    fn forget(&self) {
        // Its destructor may wait for threads that live in the parent.
        std::mem::forget(self.executor.clone());
    }
}
