//! Models of the completion: run with `--cfg loom`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use loom::thread;

use super::hub::{Hub, LaneId};
use super::{
    CallRef, Details, Job, Ran, Receiver, Route, Shown, TaskSlot, Verdict, Work, call, rig,
};
use crate::deliver::Popper;
use crate::failure::{By, Failure, Outcome};

/// Counts its drops.
struct Probe(Arc<AtomicUsize>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Give(Probe);

impl Job for Give {
    type Output = Probe;

    fn perform(self, _: &CallRef) -> Outcome<Probe> {
        Ok(self.0)
    }
}

struct Model {
    hub: Arc<Hub>,
    ready: Popper<CallRef>,
    drops: Arc<AtomicUsize>,
}

impl Model {
    fn new() -> Self {
        let (hub, ready) = rig::hub(8);
        Self { hub, ready, drops: Arc::new(AtomicUsize::new(0)) }
    }

    fn call(&self, route: Route) -> (Work, Receiver<Probe>) {
        self.hub.lane(LaneId::Threads).admit().expect("room for one");
        let details = Details { route, ..rig::details(LaneId::Threads) };
        let (work, receiver, _call) = call(&self.hub, Give(Probe(self.drops.clone())), details);
        (work, receiver)
    }

    fn drops(&self) -> usize {
        self.drops.load(Ordering::Relaxed)
    }

    /// How often the call was handed to the loop.
    fn hand_overs(&mut self) -> usize {
        std::iter::from_fn(|| self.ready.pop()).count()
    }
}

fn decide(call: &CallRef, verdict: Verdict) -> thread::JoinHandle<bool> {
    let call = call.clone();
    thread::spawn(move || call.decide(verdict).is_some())
}

/// Finish against cancel against deadline: one wins, one hand-over, the value dropped once.
#[test]
fn finish_cancel_and_deadline_decide_once() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, mut receiver) = model.call(Route::Loop);
        let cancel = decide(receiver.call(), Verdict::Cancelled(By::Caller));
        let deadline = decide(receiver.call(), Verdict::TimedOut);
        drop(work.try_run());
        let cancelled = cancel.join().expect("ends");
        let timed_out = deadline.join().expect("ends");
        match receiver.take().expect("decided") {
            Ok(_) => assert!(!cancelled && !timed_out),
            Err(Failure::Cancelled(By::Caller)) => assert!(cancelled && !timed_out),
            Err(Failure::TimedOut) => assert!(timed_out && !cancelled),
            Err(other) => panic!("{other}"),
        }
        drop(receiver);
        assert_eq!(model.hand_overs(), 1);
        assert_eq!(model.drops(), 1);
    });
}

/// Shutdown against a worker that finishes, and a job that is dropped unrun.
#[test]
fn shutdown_and_an_unrun_job_decide_once() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, mut receiver) = model.call(Route::Loop);
        let shutdown = decide(receiver.call(), Verdict::Shutdown);
        let executor = thread::spawn(move || drop(work));
        shutdown.join().expect("ends");
        executor.join().expect("ends");
        assert!(matches!(receiver.take(), Some(Err(Failure::Shutdown))));
        assert_eq!(model.hand_overs(), 1);
        assert_eq!(model.drops(), 1);
        assert_eq!(model.hub.lane(LaneId::Threads).queued(), 0);
    });
}

/// A receiver that leaves while the worker finishes: the result is dropped once, by one of them.
#[test]
fn an_orphaned_result_is_dropped_once() {
    loom::model(|| {
        let model = Model::new();
        let (work, receiver) = model.call(Route::Loop);
        let worker = thread::spawn(move || {
            drop(work.try_run());
        });
        drop(receiver);
        worker.join().expect("ends");
        assert_eq!(model.drops(), 1);
    });
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A task that puts its waker and looks once more never sleeps through the outcome.
#[test]
fn an_awaiting_task_is_woken() {
    loom::model(|| {
        let model = Model::new();
        model.hub.awaited().fetch_add(1, Ordering::Relaxed);
        let (work, mut receiver) = model.call(Route::Task(TaskSlot::new()));
        thread::spawn(move || {
            drop(work.try_run());
        });
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let outcome = loop {
            receiver.call().task().expect("awaited").put(waker.clone());
            let released = receiver.call().task().is_some_and(TaskSlot::is_released);
            if let Some(outcome) = released.then(|| receiver.take()).flatten() {
                break outcome;
            }
            thread::park();
        };
        assert!(outcome.is_ok());
    });
}

/// A call that is shown while it runs: whoever looks has it or has nothing, and it ends once.
#[test]
fn a_shown_call_is_alive() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, receiver) = model.call(Route::Loop);
        let shown = Arc::new(Shown::new());
        let look = {
            let shown = shown.clone();
            thread::spawn(move || {
                let seen = shown.get();
                seen.is_some_and(|call| call.decide(Verdict::Shutdown).is_some())
            })
        };
        let hub = model.hub.clone();
        let claimed = work.claim().ok().expect("nobody decides a call that is not shown");
        let ran = shown.execute(claimed).complete(&hub);
        assert!(!shown.is_there());
        drop(receiver);
        let decided = look.join().expect("the reader ends");
        assert_eq!(decided, matches!(ran, Ran::Late(Verdict::Shutdown)));
        assert_eq!(model.hand_overs(), 1);
        assert_eq!(model.drops(), 1);
    });
}

/// The hand of one who looks counts, also for the one that lets go of what it takes for the last.
#[test]
fn a_shown_call_outlives_those_who_look() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, receiver) = model.call(Route::Loop);
        drop(receiver);
        let shown = Arc::new(Shown::new());
        let look = {
            let (shown, hub) = (shown.clone(), model.hub.clone());
            thread::spawn(move || {
                let Some(call) = shown.get() else { return };
                thread::yield_now();
                assert_eq!(
                    Arc::strong_count(&hub),
                    4,
                    "the call, the model and two threads hold it"
                );
                drop(call);
            })
        };
        let hub = model.hub.clone();
        let claimed = work.claim().ok().expect("nobody decides it");
        shown.execute(claimed).complete(&hub);
        assert_eq!(model.hand_overs(), 1);
        look.join().expect("the reader ends");
        assert_eq!(Arc::strong_count(&hub), 2, "the call is gone");
    });
}

/// The last hands end at once: the call is freed, by one of them.
#[test]
fn the_last_hand_frees_the_call() {
    loom::model(|| {
        let mut model = Model::new();
        let (work, receiver) = model.call(Route::Loop);
        drop(work);
        assert_eq!(model.hand_overs(), 1);
        let hand = receiver.call().clone();
        let other = thread::spawn(move || drop(hand.clone()));
        drop(receiver);
        other.join().expect("it ends");
        assert_eq!(Arc::strong_count(&model.hub), 1, "the call is gone, and its hold on the hub");
    });
}
