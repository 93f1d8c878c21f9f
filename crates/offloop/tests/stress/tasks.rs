//! A small executor, one per thread that awaits calls. Invariant: a task is polled only when it
//! was woken (or, now and then, without a reason, as executors may), so a lost wake is a hang.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use offloop::{Failure, Outcome};

use crate::cancel;
use crate::ledger::{Event, Round, lock};
use crate::plan::{Ending, Lane};
use crate::probe::Value;

type CallTask = Pin<Box<dyn Future<Output = Outcome<Value>>>>;

struct Task {
    future: CallTask,
    waker: Waker,
    /// Looks until it is dropped.
    patience: Option<u64>,
}

struct Woken {
    ids: Mutex<Vec<usize>>,
    thread: Thread,
}

struct TaskWaker {
    woken: Arc<Woken>,
    id: usize,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.woken.ids).push(self.id);
        self.woken.thread.unpark();
    }
}

pub(crate) struct Tasks {
    round: Arc<Round>,
    tasks: HashMap<usize, Task>,
    woken: Arc<Woken>,
    looks: u64,
}

impl Tasks {
    pub(crate) fn new(round: &Arc<Round>) -> Self {
        let woken = Woken { ids: Mutex::new(Vec::new()), thread: thread::current() };
        Self { round: round.clone(), tasks: HashMap::new(), woken: Arc::new(woken), looks: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether some future is to be dropped, so that looking on is not idle.
    pub(crate) fn is_impatient(&self) -> bool {
        self.tasks.values().any(|task| task.patience.is_some())
    }

    /// Polls a new call's future, which submits it.
    pub(crate) fn spawn(
        &mut self,
        id: usize,
        future: impl Future<Output = Outcome<Value>> + 'static,
    ) {
        let plan = *self.round.plan(id);
        let patience = match plan.ending {
            Ending::AwaitDropped(looks) => Some(looks),
            _ => None,
        };
        let waker = Waker::from(Arc::new(TaskWaker { woken: self.woken.clone(), id }));
        let mut task = Task { future: Box::pin(future), waker, patience };
        let polled = poll(&mut task);
        if plan.lane == Lane::Inline {
            match &polled {
                Poll::Pending => self.round.inline_awaits.fetch_add(1, SeqCst),
                Poll::Ready(Err(Failure::Rejected(_))) => 0,
                Poll::Ready(_) => self.round.inline_perhaps.fetch_add(1, SeqCst),
            };
        }
        match polled {
            Poll::Ready(outcome) => self.finish(id, task, outcome),
            Poll::Pending => {
                self.tasks.insert(id, task);
            }
        }
    }

    fn finish(&self, id: usize, task: Task, outcome: Outcome<Value>) {
        drop(task);
        self.round.judge(id, outcome);
        self.round.note(id, Event::Awaited);
    }

    /// Polls what was woken, and drops what was waited for long enough. Says whether it did.
    pub(crate) fn look(&mut self) -> bool {
        // First, so that some are dropped that have their outcome.
        let dropped = self.drop_some();
        let mut woken = mem::take(&mut *lock(&self.woken.ids));
        let did = dropped || !woken.is_empty();
        self.looks += 1;
        if self.looks.is_multiple_of(64) {
            woken.extend(self.tasks.keys().next());
        }
        for id in woken {
            if let Some(mut task) = self.tasks.remove(&id) {
                match poll(&mut task) {
                    Poll::Ready(outcome) => self.finish(id, task, outcome),
                    Poll::Pending => {
                        self.tasks.insert(id, task);
                    }
                }
            }
        }
        did
    }

    fn drop_some(&mut self) -> bool {
        let mut over = Vec::new();
        for (&id, task) in &mut self.tasks {
            match &mut task.patience {
                Some(0) => over.push(id),
                Some(looks) => *looks -= 1,
                None => {}
            }
        }
        for id in &over {
            cancel::stamp(&self.round, *id);
            drop(self.tasks.remove(id));
            self.round.note(*id, Event::Forgotten);
        }
        !over.is_empty()
    }

    /// Runs until every task is at its end, without a loop that delivers.
    pub(crate) fn finish_all(&mut self) {
        while !self.is_empty() {
            if !self.look() && !self.is_impatient() {
                thread::park();
            }
        }
    }
}

fn poll(task: &mut Task) -> Poll<Outcome<Value>> {
    task.future.as_mut().poll(&mut Context::from_waker(&task.waker))
}
