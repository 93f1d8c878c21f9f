//! What comes from outside of a call: signals to its worker, and cancels from another thread.
//! Invariant: a signal meant for a call hits the process that its function told of, which it never
//! leaves by itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use offloop::Ticket;
use rustix::process::{Pid, Signal, kill_process};

use super::functions::VICTIMS;

/// A thread that cancels calls in a while.
pub(super) struct Canceller {
    orders: Option<Sender<(Instant, Ticket)>>,
    thread: Option<JoinHandle<()>>,
}

impl Canceller {
    pub(super) fn start() -> Self {
        let (orders, taken) = mpsc::channel::<(Instant, Ticket)>();
        let thread = thread::spawn(move || {
            // In their order, so one may come a little late.
            for (at, ticket) in taken {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                ticket.cancel();
            }
        });
        Self { orders: Some(orders), thread: Some(thread) }
    }

    pub(super) fn cancel_after(&self, ticket: Ticket, time_ms: u64) {
        let order = (Instant::now() + Duration::from_millis(time_ms), ticket);
        self.orders.as_ref().expect("it is at work").send(order).expect("it listens");
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        drop(self.orders.take());
        self.thread.take().expect("it is at work").join().expect("it ends");
    }
}

/// A thread that sends the signals which functions wait for.
pub(super) struct Killer {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Killer {
    pub(super) fn start(folder: &Path) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, file) = (is_over.clone(), folder.join(VICTIMS));
        let thread = thread::spawn(move || {
            let mut done = 0;
            while !over.load(Ordering::Relaxed) {
                done += signal_new(&file, done);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.take().expect("it is at work").join().expect("it ends");
    }
}

/// Signals those who came to the file behind its first `done` bytes; says how many bytes they are.
fn signal_new(file: &PathBuf, done: u64) -> u64 {
    use std::os::unix::fs::FileExt;
    let Ok(file) = std::fs::File::open(file) else { return 0 };
    let mut records = [0; 8 * 64];
    let length = file.read_at(&mut records, done).expect("it can be read");
    let whole = length - length % 8;
    for record in records[..whole].chunks_exact(8) {
        let word = |at: usize| i32::from_le_bytes(record[at..at + 4].try_into().expect("four"));
        signal(word(0), word(4));
    }
    whole as u64
}

pub(super) fn signal(process: i32, signal: i32) {
    let process = Pid::from_raw(process).expect("a process's number");
    // It may have come to its deadline by now.
    let _gone = kill_process(process, Signal::from_named_raw(signal).expect("the kernel knows it"));
}
