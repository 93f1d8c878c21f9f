//! What workers print, line by line.
//!
//! Invariant: the hook runs on a thread of its own, so that one which is slow, or panics, holds up
//! no call and no start, and no end for longer than that has time; a worker that prints faster than
//! the hook takes it waits in its `write`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::line::{Hook, WorkerLine};
use crate::contain::{contain, drop_contained};
use crate::execute::threads::lock;
use crate::sys::WakeFd;
use crate::sys::process::{Piped, wait_any};

/// A line longer than this comes in parts.
const LINE_MAX: usize = 64 * 1024;

/// The reading thread's books.
pub(super) struct Output {
    added: Mutex<Vec<Stream>>,
    /// Owned by the thread, so that it closes with the thread's end.
    bell: Weak<WakeFd>,
    /// How long it reads on after the end has begun.
    stop_at: Mutex<Option<Instant>>,
    thread: Mutex<Option<Reader>>,
}

struct Reader {
    thread: JoinHandle<()>,
    /// Disconnected at the thread's end.
    ended: Receiver<()>,
}

struct Stream {
    pipe: OwnedFd,
    process: u32,
    is_stderr: bool,
    line: Vec<u8>,
}

impl Output {
    pub(super) fn start(hook: Hook) -> io::Result<Arc<Self>> {
        let bell = Arc::new(WakeFd::new()?);
        let this = Arc::new(Self {
            added: Mutex::default(),
            bell: Arc::downgrade(&bell),
            stop_at: Mutex::new(None),
            thread: Mutex::new(None),
        });
        let its = this.clone();
        let thread = std::thread::Builder::new().name("offloop-out".into());
        let (ends, ended) = channel();
        let thread = thread.spawn(move || {
            let _ends = ends;
            its.read(&hook, &bell);
        })?;
        *lock(&this.thread) = Some(Reader { thread, ended });
        Ok(this)
    }

    /// A worker's two pipes.
    pub(super) fn add(&self, process: u32, piped: Piped) {
        let stream = |pipe, is_stderr| Stream { pipe, process, is_stderr, line: Vec::new() };
        lock(&self.added).extend([stream(piped.stdout, false), stream(piped.stderr, true)]);
        self.ring();
    }

    /// Hands out what has come by now, and ends; at `until` with some of it lost. A hook that has not
    /// returned by then is not waited for: its thread ends when it does.
    pub(super) fn stop(&self, until: Instant) {
        *lock(&self.stop_at) = Some(until);
        self.ring();
        let Some(Reader { thread, ended }) = lock(&self.thread).take() else { return };
        let left = until.saturating_duration_since(Instant::now());
        if ended.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
            // Its hook is contained; a panic of our own has been printed.
            let _ended = thread.join();
        }
    }

    /// In a forked child, where the thread does not exist.
    pub(super) fn forget(&self) {
        if let Ok(mut thread) = self.thread.try_lock() {
            std::mem::forget(thread.take());
        }
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.upgrade() {
            bell.signal();
        }
    }

    fn read(&self, hook: &Hook, bell: &WakeFd) {
        let mut streams: Vec<Stream> = Vec::new();
        let mut buffer = vec![0; LINE_MAX];
        loop {
            let stop_at = *lock(&self.stop_at);
            streams.append(&mut lock(&self.added));
            let mut fds = vec![bell.as_fd()];
            fds.extend(streams.iter().map(|stream| stream.pipe.as_fd()));
            let until = stop_at.map(|_| Instant::now());
            let Ok(ready) = wait_any(&fds, until) else {
                std::thread::sleep(Duration::from_millis(1)); // no memory for it
                continue;
            };
            if ready[0] {
                bell.drain();
            }
            let mut at = 0;
            streams.retain_mut(|stream| {
                at += 1;
                !ready[at] || stream.take(&mut buffer, hook)
            });
            // A grandchild may hold a pipe for ever; what nobody has written by now is not waited for,
            // and one that never ends to write is not heard out.
            let more = ready[1..].contains(&true);
            if stop_at.is_some_and(|at| !more || at <= Instant::now()) {
                return streams.iter_mut().for_each(|stream| stream.finish(hook));
            }
        }
    }
}

impl Stream {
    /// Reads what is there. `false`: nothing comes any more.
    fn take(&mut self, buffer: &mut [u8], hook: &Hook) -> bool {
        let read = match crate::sys::process::read(&self.pipe, buffer) {
            Ok(0) => {
                self.finish(hook);
                return false;
            }
            Ok(read) => read,
            Err(error) => return error.kind() == io::ErrorKind::Interrupted,
        };
        self.line.extend_from_slice(&buffer[..read]);
        let line = std::mem::take(&mut self.line);
        let mut rest = &line[..];
        loop {
            match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.tell(&rest[..end], hook);
                    rest = &rest[end + 1..];
                }
                None if rest.len() >= LINE_MAX => {
                    self.tell(&rest[..LINE_MAX], hook);
                    rest = &rest[LINE_MAX..];
                }
                None => break,
            }
        }
        self.line = rest.to_vec();
        true
    }

    /// The last line may have no end.
    fn finish(&mut self, hook: &Hook) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.tell(&line, hook);
        }
    }

    fn tell(&self, line: &[u8], hook: &Hook) {
        let text = String::from_utf8_lossy(line);
        let line = WorkerLine { process: self.process, is_stderr: self.is_stderr, text: &text };
        if let Err(payload) = contain(|| hook(&line)) {
            drop_contained(payload);
        }
    }
}
