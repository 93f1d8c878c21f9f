//! Models of the gate, with a counter for a queue, and of the line: run with `--cfg loom`.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use super::gate::{Gate, Step};
use super::line::Calls;
use crate::deliver::Parcel;
use crate::priority::Priority;

struct Model {
    gate: Gate,
    queue: AtomicUsize,
    done: AtomicUsize,
    total: usize,
    stopping: AtomicBool,
    /// Whether idle workers time out at once.
    retires: bool,
    threads: Mutex<Vec<Option<thread::Thread>>>,
    main: thread::Thread,
}

impl Model {
    fn new(max: usize, total: usize, retires: bool) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(max, 4),
            queue: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            total,
            stopping: AtomicBool::new(false),
            retires,
            threads: Mutex::new(vec![]),
            main: thread::current(),
        })
    }

    fn is_waiting(&self) -> bool {
        self.queue.load(Ordering::Relaxed) > 0
    }

    fn has_reason(&self) -> bool {
        self.is_waiting() || self.stopping.load(Ordering::Relaxed)
    }

    fn pop(&self) -> bool {
        let less = |count: usize| count.checked_sub(1);
        self.queue.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less).is_ok()
    }

    fn push(self: &Arc<Self>) {
        self.queue.fetch_add(1, Ordering::Release);
        self.take_step(self.gate.step(|| self.is_waiting()));
    }

    fn take_step(self: &Arc<Self>, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Wake(index) => {
                let threads = self.threads.lock().expect("no poison");
                threads[index].as_ref().expect("an idle worker sits").unpark();
            }
            Step::Start => {
                if self.gate.try_grow() {
                    let mut threads = self.threads.lock().expect("no poison");
                    let index = threads.len();
                    threads.push(None);
                    let model = self.clone();
                    thread::spawn(move || model.live(index));
                } else {
                    let step = self.gate.leave_search(|| self.is_waiting());
                    self.take_step(step);
                }
            }
        }
    }

    /// `worker::search`, with a counter for the queue and no linger.
    fn live(self: &Arc<Self>, index: usize) {
        self.threads.lock().expect("no poison")[index] = Some(thread::current());
        loop {
            if self.pop() {
                let step = self.gate.leave_search(|| self.is_waiting());
                self.take_step(step);
                self.perform();
                while self.pop() {
                    self.perform();
                }
                self.gate.search();
            } else if self.stopping.load(Ordering::Relaxed) {
                return;
            } else if self.gate.go_idle(index, || self.has_reason()) && !self.idle(index) {
                return;
            }
        }
    }

    fn idle(&self, index: usize) -> bool {
        while self.gate.is_idle(index) {
            if self.retires {
                return !self.gate.cancel_idle(index) || !self.gate.retire(|| self.is_waiting());
            }
            thread::park();
        }
        true
    }

    fn perform(&self) {
        if self.done.fetch_add(1, Ordering::AcqRel) + 1 == self.total {
            self.main.unpark();
        }
    }

    /// Sleeps until all calls are done. A call that nobody takes is a deadlock, which loom reports.
    fn finish(self: &Arc<Self>) {
        while self.done.load(Ordering::Acquire) < self.total {
            thread::park();
        }
        self.stopping.store(true, Ordering::Relaxed);
        loom::sync::atomic::fence(Ordering::SeqCst);
        while let Some(index) = self.gate.claim_idle() {
            self.gate.search();
            self.take_step(Step::Wake(index));
        }
    }
}

fn check(max: usize, calls: usize, retires: bool) {
    loom::model(move || {
        let model = Model::new(max, calls, retires);
        for _ in 0..calls {
            model.push();
        }
        model.finish();
    });
}

#[test]
fn every_call_finds_a_worker_that_may_go_idle() {
    check(1, 2, false);
}

#[test]
fn every_call_finds_a_worker_that_may_retire() {
    check(1, 2, true);
}

#[test]
fn two_workers_leave_no_call_behind() {
    check(2, 2, false);
}

/// Two threads submit at the same time.
#[test]
fn two_submitters_leave_no_call_behind() {
    loom::model(|| {
        let model = Model::new(1, 2, false);
        let other = model.clone();
        let submitter = thread::spawn(move || other.push());
        model.push();
        model.finish();
        submitter.join().expect("ends");
    });
}

/// A call that comes while the only worker is given up finds the next one.
#[test]
fn a_worker_that_is_given_up_leaves_no_call_behind() {
    loom::model(|| {
        let model = Model::new(1, 1, false);
        assert!(model.gate.try_grow(), "the first worker, inside a function for ever");
        let other = model.clone();
        let submitter = thread::spawn(move || other.push());
        model.take_step(model.gate.give_up_worker(|| model.is_waiting()));
        model.finish();
        submitter.join().expect("ends");
    });
}

/// Two push while one pops until it sees nothing: each call is popped once, and none is left behind. Poppers exclude each other by a lock, so one of them is enough.
#[test]
fn a_line_leaves_no_call_behind() {
    loom::model(|| {
        let line = Arc::new(Calls::<Box<Parcel<usize>>>::new());
        line.push(Parcel::new(1), Priority::Normal);
        let pushers = [2, 3].map(|number| {
            let line = line.clone();
            thread::spawn(move || line.push(Parcel::new(number), Priority::Normal))
        });
        let mut popped = 0;
        while line.pop().is_some() {
            popped += 1;
        }
        pushers.into_iter().for_each(|pusher| pusher.join().expect("ends"));
        while line.pop().is_some() {
            popped += 1;
        }
        assert_eq!(popped, 3);
        assert!(line.is_empty());
    });
}
