//! Where the loop thread leaves user values between the end of the workers and its own.
//! Invariant: what is in it is dropped on a thread of its own when the loop's last handle goes, so
//! that no destructor of a job or a result runs on the loop thread, and no thread stays after a
//! shutdown.

use std::mem;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use super::threads::lock;
use crate::complete::{Discard, Remains};

pub(super) struct Grave {
    loop_thread: ThreadId,
    remains: Mutex<Vec<Remains>>,
}

impl Grave {
    /// For the thread that ends the workers, which is the loop's.
    pub(super) fn new() -> Self {
        Self { loop_thread: thread::current().id(), remains: Mutex::new(Vec::new()) }
    }
}

impl Discard for Grave {
    /// Other threads drop what they have themselves.
    fn discard(&self, remains: Remains) -> Result<(), Remains> {
        if thread::current().id() != self.loop_thread {
            return Err(remains);
        }
        lock(&self.remains).push(remains);
        Ok(())
    }
}

impl Drop for Grave {
    fn drop(&mut self) {
        let remains = mem::take(&mut *lock(&self.remains));
        if remains.is_empty() {
            return;
        }
        let here = Arc::new(Mutex::new(remains));
        let there = here.clone();
        let thread = thread::Builder::new().name("offloop-reap".into());
        if thread.spawn(move || dispose(&there)).is_err() {
            dispose(&here); // no thread is to be had
        }
    }
}

fn dispose(all: &Mutex<Vec<Remains>>) {
    let all = mem::take(&mut *lock(all));
    all.into_iter().for_each(Remains::dispose);
}
