//! A runtime as small as one can be: threads that poll what is woken. Invariant: it knows of offloop
//! only that a `Task` is a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use offloop::{AsyncExecutor, Task};

/// Clones are the same runtime.
#[derive(Clone)]
pub(crate) struct Runtime(Arc<Inner>);

struct Inner {
    /// `None` ends a thread.
    queue: Sender<Option<Arc<Errand>>>,
    /// Here even when there is no thread.
    work: Arc<Mutex<Receiver<Option<Arc<Errand>>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// All that are not over; `None` once it has ended.
    errands: Mutex<Option<Vec<Arc<Errand>>>>,
}

struct Errand {
    task: Mutex<Option<Pin<Box<Task>>>>,
    queue: Sender<Option<Arc<Errand>>>,
}

impl Wake for Errand {
    fn wake(self: Arc<Self>) {
        let queue = self.queue.clone();
        // A runtime that has ended polls nothing any more.
        let _ended = queue.send(Some(self));
    }
}

impl Runtime {
    pub(crate) fn new(threads: usize) -> Self {
        let (queue, work) = channel();
        let work = Arc::new(Mutex::new(work));
        let threads = (0..threads).map(|_| {
            let work = work.clone();
            thread::spawn(move || run(&work))
        });
        let (threads, errands) = (Mutex::new(threads.collect()), Mutex::new(Some(Vec::new())));
        Self(Arc::new(Inner { queue, work, threads, errands }))
    }

    /// As a runtime ends: its threads leave, then it drops the tasks that are not over.
    pub(crate) fn end(&self) {
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap());
        for _ in &threads {
            self.0.queue.send(None).expect("its threads live");
        }
        for thread in threads {
            thread.join().expect("no task panics");
        }
        let errands = self.0.errands.lock().unwrap().take();
        for errand in errands.into_iter().flatten() {
            drop(errand.task.lock().unwrap().take());
        }
        // What was woken and is over.
        self.0.work.lock().unwrap().try_iter().for_each(drop);
    }
}

fn run(work: &Mutex<Receiver<Option<Arc<Errand>>>>) {
    loop {
        let next = work.lock().unwrap().recv();
        let Ok(Some(errand)) = next else { return };
        let mut place = errand.task.lock().unwrap();
        let Some(task) = place.as_mut() else { continue };
        let waker = errand.clone().into();
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(place.take());
        }
    }
}

impl AsyncExecutor for Runtime {
    fn spawn(&self, task: Task) -> Result<(), Task> {
        let mut errands = self.0.errands.lock().unwrap();
        let Some(errands) = &mut *errands else { return Err(task) };
        let errand = Errand { task: Mutex::new(Some(Box::pin(task))), queue: self.0.queue.clone() };
        let errand = Arc::new(errand);
        errands.push(errand.clone());
        self.0.queue.send(Some(errand)).expect("its threads live");
        Ok(())
    }

    fn stop(&self, _: Instant) {
        self.end();
    }

    fn threads(&self) -> usize {
        self.0.threads.lock().unwrap().len()
    }
}
